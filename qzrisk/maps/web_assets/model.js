// What the page carries, unpacked: layers with projected coordinates, filters, counts, clusters.

const WORLD = 256 * 4096; // local units: pixels of zoom 12
const NONE = -1;

const number = new Int8Array(128).fill(NONE);
[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].forEach((c, i) => {
  number[c.charCodeAt(0)] = i;
});

function decode(text) {
  const values = [];
  let value = 0;
  let unit = 1;
  for (let i = 0; i < text.length; i++) {
    const digit = number[text.charCodeAt(i)];
    value += (digit & 31) * unit;
    if (digit < 32) {
      values.push(value % 2 ? -(value + 1) / 2 : value / 2);
      value = 0;
      unit = 1;
    } else unit *= 32;
  }
  return values;
}

const mercator = (lon, lat) => [
  (lon / 360 + 0.5) * WORLD,
  (0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI)) * WORLD,
];

const page = JSON.parse(document.getElementById('qz-data').textContent);
const word = (key, values = {}) =>
  page.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const origin = mercator((page.frame[0] + page.frame[2]) / 2, (page.frame[1] + page.frame[3]) / 2)
  .map(Math.round);
const locale = page.language === 'zh' ? 'zh-CN' : 'en-GB';
const digits = new Intl.NumberFormat(locale, { maximumFractionDigits: 4 });
const latlng = (x, y) =>
  L.CRS.EPSG3857.pointToLatLng(L.point(x + origin[0], y + origin[1]), 12);

const columns = page.columns.map((column) => {
  if (column.numbers) {
    return (i) => (column.numbers[i] === null ? null : digits.format(column.numbers[i]));
  }
  const codes = decode(column.codes);
  return (i) => (codes[i] < 0 ? null : column.texts[codes[i]]);
});

// Streams -> one flat array of local coordinates and, for every feature, the span of its rings.
function unpackGeometry(packed) {
  const parts = decode(packed.parts);
  const rings = decode(packed.rings);
  const sizes = decode(packed.sizes);
  const deltas = decode(packed.deltas);
  const xy = new Float64Array(deltas.length);
  let lon = 0;
  let lat = 0;
  for (let i = 0; i < deltas.length; i += 2) {
    lon += deltas[i];
    lat += deltas[i + 1];
    const [x, y] = mercator(lon / 1e5, lat / 1e5);
    xy[i] = x - origin[0];
    xy[i + 1] = y - origin[1];
  }
  const features = [];
  const box = new Float64Array(4 * parts.length);
  let part = 0;
  let ring = 0;
  let at = 0;
  parts.forEach((count, i) => {
    const spans = [];
    let [w, n, e, s] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const last = part + count; part < last; part++) {
      for (const end = ring + rings[part]; ring < end; ring++) {
        const stop = at + 2 * sizes[ring];
        spans.push([at, stop]);
        for (; at < stop; at += 2) {
          w = Math.min(w, xy[at]);
          e = Math.max(e, xy[at]);
          n = Math.min(n, xy[at + 1]);
          s = Math.max(s, xy[at + 1]);
        }
      }
    }
    features.push(spans);
    box.set([w, n, e, s], 4 * i);
  });
  return { xy, features, box, paths: new Map() };
}

// The outline of one feature, thinned to a lattice of `grain` so that common borders stay common.
function featurePath(geometry, i, grain, closed, into) {
  const { xy } = geometry;
  for (const [from, to] of geometry.features[i]) {
    let lastX = NaN;
    let lastY = NaN;
    let begun = false;
    for (let k = from; k < to; k += 2) {
      const x = grain ? Math.round(xy[k] / grain) * grain : xy[k];
      const y = grain ? Math.round(xy[k + 1] / grain) * grain : xy[k + 1];
      if (x === lastX && y === lastY) continue;
      if (begun) into.lineTo(x, y);
      else into.moveTo(x, y);
      begun = true;
      lastX = x;
      lastY = y;
    }
    if (closed) into.closePath();
  }
}

function pathsOf(geometry, grain, closed) {
  const key = `${grain}/${closed}`;
  if (!geometry.paths.has(key)) {
    geometry.paths.set(key, geometry.features.map((_, i) => {
      const path = new Path2D();
      featurePath(geometry, i, grain, closed, path);
      return path;
    }));
  }
  return geometry.paths.get(key);
}

const geometries = page.geometries.map(unpackGeometry);

const time = page.steps.length
  ? { steps: page.steps, at: page.steps.length - 1, only: false }
  : null;

const layers = page.layers.map((given, place) => {
  const geometry = given.image ? { features: [], box: [], paths: new Map() }
    : geometries[given.geometry];
  const count = geometry.features.length;
  const classes = new Int8Array(count).fill(NONE);
  for (let i = 0; i < given.classes.length; i++) {
    if (given.classes[i] !== '.') classes[i] = +given.classes[i];
  }
  return {
    ...given,
    place,
    geometry,
    count,
    classOf: classes,
    shown: given.show,
    hidden: new Set(), // class numbers switched off in the legend; NONE is no data
    when: given.when ? decode(given.when) : null,
    anchors: given.label ? unpackAnchors(given.label.anchors) : null,
    clusters: null,
  };
});

function unpackAnchors(text) {
  const deltas = decode(text);
  let [lon, lat] = [0, 0];
  const at = [];
  for (let i = 0; i < deltas.length; i += 2) {
    lon += deltas[i];
    lat += deltas[i + 1];
    const [x, y] = mercator(lon / 1e5, lat / 1e5);
    at.push([x - origin[0], y - origin[1]]);
  }
  return at;
}

const there = (layer, i) => layer.geometry.features[i].length > 0;

function dated(layer, i) {
  if (!time || !layer.when) return true;
  const all = !time.only && time.at === time.steps.length - 1;
  if (all) return true;
  const step = layer.when[i];
  return step >= 0 && (time.only ? step === time.at : step <= time.at);
}

const passes = (layer, i) => dated(layer, i) && !layer.hidden.has(layer.classOf[i]);

// Features by class, as the legend prints them: class number -> count, and how many are drawn.
function tally(layer) {
  const byClass = new Map();
  let shown = 0;
  for (let i = 0; i < layer.count; i++) {
    if (!dated(layer, i)) continue;
    const key = layer.classOf[i];
    const off = layer.hidden.has(key);
    if (!off) shown += 1;
    byClass.set(key, (byClass.get(key) || 0) + (off ? 0 : 1));
  }
  return { byClass, shown };
}

const isPoints = (layer) => layer.kind === 'points' || layer.kind === 'graduated';
// What fills the ground with classes: two of them would hide one another.
const isFill = (layer) => Boolean(layer.palette)
  && (layer.kind === 'choropleth' || layer.kind === 'raster') && !layer.muted;

// Points -> clusters of a radius in local units: cells first, then the fullest cells take their
// neighbours, so that 100,000 points cost no more than their cells.
function cluster(layer, radius) {
  const cells = new Map();
  const size = radius / 3;
  const { xy } = layer.geometry;
  const kinds = layer.palette ? layer.palette.colours.length : 0;
  for (let i = 0; i < layer.count; i++) {
    if (!there(layer, i) || !passes(layer, i)) continue;
    const k = layer.geometry.features[i][0][0];
    const [x, y] = [xy[k], xy[k + 1]];
    const [column, row] = [Math.floor(x / size), Math.floor(y / size)];
    const key = column * 4194304 + row;
    let cell = cells.get(key);
    if (!cell) {
      cell = { column, row, n: 0, x: 0, y: 0, first: i, taken: false,
        counts: new Uint32Array(kinds + 1), box: [x, y, x, y] };
      cells.set(key, cell);
    }
    add(cell, { n: 1, x, y, counts: null, box: [x, y, x, y] });
    cell.counts[layer.classOf[i] < 0 ? kinds : layer.classOf[i]] += 1;
  }
  const order = [...cells.values()].sort((a, b) => b.n - a.n || a.first - b.first);
  const found = [];
  for (const cell of order) {
    if (cell.taken) continue;
    cell.taken = true;
    const [cx, cy] = [cell.x / cell.n, cell.y / cell.n];
    for (let dc = -3; dc <= 3; dc++) {
      for (let dr = -3; dr <= 3; dr++) {
        const other = cells.get((cell.column + dc) * 4194304 + cell.row + dr);
        if (!other || other.taken) continue;
        if (Math.hypot(other.x / other.n - cx, other.y / other.n - cy) > radius) continue;
        other.taken = true;
        add(cell, other);
      }
    }
    found.push({ x: cell.x / cell.n, y: cell.y / cell.n, n: cell.n, counts: cell.counts,
      first: cell.first, box: cell.box });
  }
  return found;
}

// Points that stand on one place: a group each, at any zoom.
function stack(layer) {
  const groups = new Map();
  const kinds = layer.palette ? layer.palette.colours.length : 0;
  const { xy, features } = layer.geometry;
  for (let i = 0; i < layer.count; i++) {
    if (!there(layer, i) || !passes(layer, i)) continue;
    const k = features[i][0][0];
    const [x, y] = [xy[k], xy[k + 1]];
    const key = `${x}/${y}`;
    let group = groups.get(key);
    if (!group) {
      group = { x, y, n: 0, first: i, counts: new Uint32Array(kinds + 1), members: [],
        box: [x, y, x, y] };
      groups.set(key, group);
    }
    group.n += 1;
    group.members.push(i);
    group.counts[layer.classOf[i] < 0 ? kinds : layer.classOf[i]] += 1;
  }
  return [...groups.values()];
}

function isStacked(layer) {
  if (layer.stacked === undefined) {
    const { xy, features } = layer.geometry;
    const places = new Set();
    let drawn = 0;
    for (const spans of features) {
      if (!spans.length) continue;
      drawn += 1;
      places.add(`${xy[spans[0][0]]}/${xy[spans[0][0] + 1]}`);
    }
    layer.places = places.size;
    layer.stacked = places.size < drawn;
  }
  return layer.stacked;
}

// Single points lie under the groups, and the higher class over the lower.
const inDrawingOrder = (layer, found) => found.sort((a, b) =>
  (a.n > 1) - (b.n > 1) || a.n - b.n || layer.classOf[a.first] - layer.classOf[b.first]);

function add(cell, other) {
  cell.n += other.n;
  cell.x += other.x;
  cell.y += other.y;
  if (other.counts) other.counts.forEach((n, i) => { cell.counts[i] += n; });
  const [w, n, e, s] = other.box;
  cell.box = [Math.min(cell.box[0], w), Math.min(cell.box[1], n),
    Math.max(cell.box[2], e), Math.max(cell.box[3], s)];
}
