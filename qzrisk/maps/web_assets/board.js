// The drawing: one canvas for the map, one for what the pointer is on; hatches, donuts, labels.

const HALO = 'rgba(255,255,255,.92)';
const FONT = '"Noto Sans SC","Microsoft YaHei","PingFang SC","Source Han Sans SC",sans-serif';
const clusterPx = (view) => (view.zoom < 11 ? 60 : 40);
const CLUSTER_FROM = 150; // fewer points than this are drawn one by one
let pixelRatio = Math.min(window.devicePixelRatio || 1, 2);

// A canvas that Leaflet moves and scales with the map and that is painted anew when it stands.
const Board = L.Renderer.extend({
  options: { padding: 0.25 },
  initialize(paint, name) {
    L.Renderer.prototype.initialize.call(this, {});
    this._paint = paint;
    this._name = name;
  },
  _initContainer() {
    this._container = document.createElement('canvas');
    this._container.className = `qz-board qz-${this._name}`;
    this._container.setAttribute('aria-hidden', 'true');
  },
  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize();
    L.DomUtil.setPosition(this._container, this._bounds.min);
    this._container.width = size.x * pixelRatio;
    this._container.height = size.y * pixelRatio;
    this._container.style.width = `${size.x}px`;
    this._container.style.height = `${size.y}px`;
    // A canvas just sized is empty. Clearing it again would print as a white sheet, since browsers
    // print what was drawn before printing as vectors.
    this._paint(this._container.getContext('2d'), this.view());
  },
  _updatePaths() {},
  redraw() {
    if (!this._map || !this._bounds) return;
    const ctx = this._container.getContext('2d');
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this._container.width, this._container.height);
    this._paint(ctx, this.view());
  },
  // How local units become pixels of this canvas.
  view() {
    const map = this._map;
    const k = 2 ** this._zoom / 4096;
    const corner = map._getNewPixelOrigin(this._center, this._zoom);
    const dx = origin[0] * k - corner.x - this._bounds.min.x;
    const dy = origin[1] * k - corner.y - this._bounds.min.y;
    const size = this._bounds.getSize();
    const start = map.containerPointToLayerPoint([0, 0]).subtract(this._bounds.min);
    const stop = start.add(map.getSize());
    return { k, dx, dy, zoom: this._zoom, window: [start.x, start.y, stop.x, stop.y], width: size.x, height: size.y,
      box: [-dx / k, -dy / k, (size.x - dx) / k, (size.y - dy) / k] };
  },
});

const grainOf = (view) => (view.k <= coarse.k ? coarse.grain : 0);
const coarse = { k: 0, grain: 0 }; // set once the whole frame is fitted

const inBox = (box, i, view) =>
  box[4 * i] <= view.box[2] && box[4 * i + 2] >= view.box[0]
  && box[4 * i + 1] <= view.box[3] && box[4 * i + 3] >= view.box[1];

const toLocal = (ctx, view) => ctx.setTransform(pixelRatio * view.k, 0, 0, pixelRatio * view.k,
  pixelRatio * view.dx, pixelRatio * view.dy);
const toPixels = (ctx) => ctx.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);

const tiles = new Map();
// Hatches by the signs of the palette: / \ lines, x both, . dots; in device pixels.
function hatch(signs, ink, paper) {
  const key = `${signs}${ink}${paper}${pixelRatio}`;
  if (tiles.has(key)) return tiles.get(key);
  const size = Math.round(7 * pixelRatio);
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  const ctx = tile.getContext('2d');
  if (paper) {
    ctx.fillStyle = paper;
    ctx.fillRect(0, 0, size, size);
  }
  ctx.strokeStyle = ink;
  ctx.fillStyle = ink;
  ctx.lineWidth = 0.9 * pixelRatio;
  const line = (flip) => {
    for (const shift of [-size, 0, size]) {
      ctx.beginPath();
      ctx.moveTo(flip ? size - shift : shift, size);
      ctx.lineTo(flip ? -shift : shift + size, 0);
      ctx.stroke();
    }
  };
  const sign = signs[0];
  if (sign === '/' || sign === 'x') line(false);
  if (sign === '\\' || sign === 'x') line(true);
  if (sign === '.') {
    ctx.beginPath();
    ctx.arc(size / 2, size / 2, 0.95 * pixelRatio, 0, 7);
    ctx.fill();
  }
  tiles.set(key, tile);
  return tile;
}

const noDataTile = () => hatch(page.noData.hatch, page.noData.ink, page.noData.paper);

function fillOf(ctx, layer, key, k) {
  const tile = key === NONE ? (layer.palette || layer.style.hatched ? noDataTile() : null)
    : layer.palette.hatches[key] && hatch(layer.palette.hatches[key], 'rgba(20,30,40,.62)',
      layer.palette.colours[key]);
  if (!tile) return key === NONE ? layer.style.fill : layer.palette.colours[key];
  const pattern = ctx.createPattern(tile, 'repeat');
  pattern.setTransform(new DOMMatrix().scale(1 / (pixelRatio * k)));
  return pattern;
}

const inkOf = (layer, key) =>
  (key === NONE ? (layer.palette ? page.noData.ink : layer.style.fill)
    : layer.palette.colours[key]);

function paintArea(ctx, layer, view) {
  const grain = grainOf(view);
  const paths = pathsOf(layer.geometry, grain, true);
  const keys = layer.palette ? [NONE, ...layer.palette.colours.keys()] : [NONE];
  toLocal(ctx, view);
  ctx.lineJoin = 'round';
  for (const key of keys) {
    const fill = fillOf(ctx, layer, key, view.k);
    if (!fill) continue;
    ctx.fillStyle = fill;
    // Without a border of its own a fill is widened a little, or seams of the ground show.
    ctx.strokeStyle = fill;
    ctx.lineWidth = 0.7 / view.k;
    // The tiles beneath must be read through the fill; widened fills would show their seams.
    ctx.globalAlpha = ground.tiled && !layer.muted ? 0.62 : 1;
    for (let i = 0; i < layer.count; i++) {
      if (layer.classOf[i] !== key || !passes(layer, i) || !inBox(layer.geometry.box, i, view)) {
        continue;
      }
      ctx.fill(paths[i], 'evenodd');
      if (layer.seamless && !ground.tiled) ctx.stroke(paths[i]);
    }
  }
  ctx.globalAlpha = 1;
  if (layer.boundary) paintLines(ctx, layer, view, true);
}

function paintLines(ctx, layer, view, closed) {
  const paths = pathsOf(layer.geometry, grainOf(view), closed);
  const all = new Path2D();
  for (let i = 0; i < layer.count; i++) {
    if (inBox(layer.geometry.box, i, view) && (closed || passes(layer, i))) all.addPath(paths[i]);
  }
  toLocal(ctx, view);
  ctx.lineJoin = 'round';
  ctx.lineCap = 'round';
  const { stroke, width, casing, dash } = layer.style;
  if (casing) {
    ctx.strokeStyle = '#fff';
    ctx.lineWidth = (width + 2 * casing) / view.k;
    ctx.stroke(all);
  }
  ctx.setLineDash((dash || []).map((length) => length / view.k));
  ctx.lineWidth = width / view.k;
  if (layer.palette && !closed) {
    for (let i = 0; i < layer.count; i++) {
      if (!passes(layer, i) || !inBox(layer.geometry.box, i, view)) continue;
      ctx.strokeStyle = inkOf(layer, layer.classOf[i]);
      ctx.stroke(paths[i]);
    }
  } else if (stroke) {
    ctx.strokeStyle = stroke;
    ctx.stroke(all);
  }
  ctx.setLineDash([]);
}

const LARGEST_RADIUS = 21;
const growth = (view) => (view.zoom < 11 ? 1 : view.zoom < 13 ? 1.25 : 1.6);

// Marker and radius of a feature: by value, by class, or the layer's own.
function symbolOf(layer, i, view) {
  if (layer.size) {
    const share = Math.max(layer.size.values[i] || 0, 0) / (layer.size.largest || 1);
    return ['o', LARGEST_RADIUS * Math.sqrt(share)];
  }
  const [marker, radius] = layer.palette && layer.classOf[i] >= 0
    ? layer.palette.shapes[layer.classOf[i]] : [layer.style.marker, layer.style.radius];
  return [marker, Math.max(2.6, radius) * growth(view)];
}

const gathers = (layer, view) => layer.count > CLUSTER_FROM && view.zoom < page.clusterBelow;
const clustered = (layer, view) =>
  layer.kind === 'points' && (gathers(layer, view) || isStacked(layer));

// Records by unit stand on few places: their groups only join where they would cover one another.
const FEW_PLACES = 40;
const reachOf = (layer, view) =>
  (isStacked(layer) && layer.places <= FEW_PLACES ? 34 : clusterPx(view)) / view.k;

function clustersOf(layer, view) {
  const near = gathers(layer, view);
  const key = near ? view.k : 'stack';
  if (!layer.clusters || layer.clusters.key !== key) {
    const list = near ? cluster(layer, reachOf(layer, view)) : stack(layer);
    layer.clusters = { key, list: inDrawingOrder(layer, list) };
  }
  return layer.clusters.list;
}

const CORNERS = {
  s: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  D: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  '^': [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
};

function symbol(ctx, x, y, [marker, r], fill) {
  ctx.beginPath();
  if (CORNERS[marker]) CORNERS[marker].forEach(([u, v]) => ctx.lineTo(x + u * r, y + v * r));
  else ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.closePath();
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.lineWidth = 1.1;
  ctx.lineJoin = 'round';
  ctx.strokeStyle = '#fff';
  ctx.stroke();
}

function symbolBoxes(layer, view) {
  const { box } = layer.geometry;
  return [...layer.geometry.features.keys()].filter((i) => there(layer, i)).map((i) => {
    const [x, y] = [box[4 * i] * view.k + view.dx, box[4 * i + 1] * view.k + view.dy];
    const r = symbolOf(layer, i, view)[1];
    return [x - r, y - r, x + r, y + r, false];
  });
}

// What labels should not cover.
function clusterBoxes(layer, view) {
  if (!isPoints(layer)) return [];
  if (!clustered(layer, view)) return layer.size ? symbolBoxes(layer, view) : [];
  return clustersOf(layer, view).map((c) => {
    const [x, y] = [c.x * view.k + view.dx, c.y * view.k + view.dy];
    const r = c.n === 1 ? 4 : donutRadius(c.n);
    return [x - r, y - r, x + r, y + r, false];
  });
}

function paintPoints(ctx, layer, view) {
  toPixels(ctx);
  if (clustered(layer, view)) {
    for (const c of clustersOf(layer, view)) {
      const [x, y] = [c.x * view.k + view.dx, c.y * view.k + view.dy];
      if (x < -40 || y < -40 || x > view.width + 40 || y > view.height + 40) continue;
      if (c.n === 1) {
        symbol(ctx, x, y, symbolOf(layer, c.first, view), inkOf(layer, layer.classOf[c.first]));
      } else donut(ctx, layer, c, x, y);
    }
    return;
  }
  const { xy, features } = layer.geometry;
  const order = [...features.keys()];
  // Large symbols first, so that none hides a smaller one.
  if (layer.size) order.sort((a, b) => layer.size.values[b] - layer.size.values[a]);
  else if (layer.palette) order.sort((a, b) => layer.classOf[a] - layer.classOf[b]);
  // What lies under large symbols stays readable.
  if (layer.size) ctx.globalAlpha = 0.78;
  for (const i of order) {
    if (!there(layer, i) || !passes(layer, i) || !inBox(layer.geometry.box, i, view)) continue;
    const k = features[i][0][0];
    symbol(ctx, xy[k] * view.k + view.dx, xy[k + 1] * view.k + view.dy, symbolOf(layer, i, view),
      inkOf(layer, layer.classOf[i]));
  }
  ctx.globalAlpha = 1;
}

const donutRadius = (n) => 11 + 3.2 * Math.log10(n);

function donut(ctx, layer, c, x, y) {
  const r = donutRadius(c.n);
  ctx.beginPath();
  ctx.arc(x, y, r + 1.5, 0, 2 * Math.PI);
  ctx.fillStyle = '#fff';
  ctx.shadowColor = 'rgba(20,30,40,.45)';
  ctx.shadowBlur = 3 * pixelRatio;
  ctx.fill();
  ctx.shadowBlur = 0;
  let from = -Math.PI / 2;
  const last = c.counts.length - 1;
  const order = [...Array(last).keys()].reverse().concat(last);
  for (const key of order) {
    if (!c.counts[key]) continue;
    const to = from + (c.counts[key] / c.n) * 2 * Math.PI;
    ctx.beginPath();
    ctx.arc(x, y, r - 2.2, from, to);
    ctx.lineWidth = 4.6;
    ctx.lineCap = 'butt';
    ctx.strokeStyle = inkOf(layer, key === last ? NONE : key);
    ctx.stroke();
    from = to;
  }
  ctx.font = `700 ${c.n < 1000 ? 11 : 10}px ${FONT}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = '#1d2b36';
  ctx.fillText(String(c.n), x, y + 0.5);
}

function paintImage(ctx, layer, view) {
  if (!layer.picture || !layer.picture.complete) return;
  const [w, s, e, n] = layer.image.bounds;
  const [x0, y0] = mercator(w, n);
  const [x1, y1] = mercator(e, s);
  toLocal(ctx, view);
  // Shaded relief darkens what lies under it and keeps its hue.
  ctx.globalCompositeOperation = layer.shade ? 'multiply' : 'source-over';
  ctx.globalAlpha = layer.shade ? 0.75 : layer.muted ? 0.55 : 0.9;
  ctx.imageSmoothingEnabled = layer.shade;
  ctx.drawImage(layer.picture, x0 - origin[0], y0 - origin[1], x1 - x0, y1 - y0);
  ctx.globalAlpha = 1;
  ctx.globalCompositeOperation = 'source-over';
}

const swipe = { share: page.swipe ? 0.5 : null };
// The own ground is drawn until tiles have come: none may ever come.
const ground = { tiled: false };

// The sea ends with the data of the ground: beyond is no map.
function paintSheet(ctx, view) {
  if (ground.tiled || !page.sheet) return;
  const [w, s, e, n] = page.sheet;
  const [x0, y0] = mercator(w, n).map((value, i) => value - origin[i]);
  const [x1, y1] = mercator(e, s).map((value, i) => value - origin[i]);
  toLocal(ctx, view);
  ctx.fillStyle = page.sea;
  ctx.fillRect(x0, y0, x1 - x0, y1 - y0);
}

function paintSheetEdge(ctx, view) {
  if (ground.tiled || !page.sheet) return;
  const [w, s, e, n] = page.sheet;
  const [x0, y0] = mercator(w, n).map((value, i) => value - origin[i]);
  const [x1, y1] = mercator(e, s).map((value, i) => value - origin[i]);
  toLocal(ctx, view);
  for (const [colour, width] of [['#f4f5f5', 7], ['#9aa7b0', 1]]) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width / view.k;
    ctx.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
}

// Paints what one side of the swipe shows; without a swipe there is one side, ''.
const paintMap = (side) => (ctx, view) => {
  const visible = layers.filter((layer) => layer.shown && !(layer.muted && ground.tiled)
    && (!layer.side || layer.side === side));
  const labels = [];
  const boxes = visible.flatMap((layer) => clusterBoxes(layer, view));
  // The few and large names first; villages take what room is left.
  visible.filter((layer) => layer.label)
    .sort((a, b) => a.muted - b.muted || a.count - b.count)
    .forEach((layer) => placeLabels(ctx, layer, view, boxes, labels));
  const first = (test) => visible.findIndex(test);
  const edgeAt = first((layer) => !layer.muted);
  const leadersAt = first(isPoints);
  paintSheet(ctx, view);
  visible.forEach((layer, at) => {
    if (at === edgeAt) paintSheetEdge(ctx, view);
    if (at === leadersAt) paintLeaders(ctx, labels);
    paintLayer(ctx, layer, view);
  });
  if (leadersAt < 0) paintLeaders(ctx, labels);
  labels.forEach((label) => paintLabel(ctx, label));
};

function paintLayer(ctx, layer, view) {
  if (layer.style.label.only) return;
  if (layer.image) paintImage(ctx, layer, view);
  else if (isPoints(layer)) paintPoints(ctx, layer, view);
  else if (layer.kind === 'lines') paintLines(ctx, layer, view, false);
  else if (layer.kind === 'outline') paintLines(ctx, layer, view, true);
  else paintArea(ctx, layer, view);
}

let focus = null; // {layer, i} under the pointer or chosen

function paintFocus(ctx, view) {
  if (!focus) return;
  const { layer, i } = focus;
  if (focus.cluster || !there(layer, i)) return;
  if (isPoints(layer)) {
    const k = layer.geometry.features[i][0][0];
    const { xy } = layer.geometry;
    toPixels(ctx);
    ctx.beginPath();
    ctx.arc(xy[k] * view.k + view.dx, xy[k + 1] * view.k + view.dy,
      symbolOf(layer, i, view)[1] + 3, 0, 2 * Math.PI);
    ctx.lineWidth = 2.2;
    ctx.strokeStyle = '#16242f';
    ctx.stroke();
    return;
  }
  const path = new Path2D();
  const closed = layer.kind !== 'lines';
  featurePath(layer.geometry, i, grainOf(view), closed, path);
  toLocal(ctx, view);
  ctx.lineJoin = 'round';
  if (closed) {
    ctx.fillStyle = 'rgba(16,28,40,.22)';
    ctx.fill(path, 'evenodd');
  }
  // Invented units never get a line, not even under the pointer.
  if (!layer.boundary && closed) return;
  ctx.lineWidth = 4.6 / view.k;
  ctx.strokeStyle = '#fff';
  ctx.stroke(path);
  ctx.lineWidth = 2.2 / view.k;
  ctx.strokeStyle = '#16242f';
  ctx.stroke(path);
}
