// The tool bar, and the start of the page.

// ---- measuring, on the ellipsoid of CGCS2000 at the mean latitude of the figure ----

const AXIS = 6378137;
const ECCENTRICITY2 = 0.00669438002290;

function metres(points) {
  const mean = points.reduce((sum, p) => sum + p.lat, 0) / points.length;
  const sin = Math.sin((mean * Math.PI) / 180);
  const w = 1 - ECCENTRICITY2 * sin * sin;
  const east = (AXIS / Math.sqrt(w)) * Math.sqrt(1 - sin * sin) * (Math.PI / 180);
  const north = ((AXIS * (1 - ECCENTRICITY2)) / w ** 1.5) * (Math.PI / 180);
  return points.map((p) => [p.lng * east, p.lat * north]);
}

const lengthOf = (points) => points.slice(1).reduce((sum, point, i) => {
  const [[x0, y0], [x1, y1]] = metres([points[i], point]);
  return sum + Math.hypot(x1 - x0, y1 - y0);
}, 0);

function areaOf(points) {
  const xy = metres(points);
  return Math.abs(xy.reduce((sum, [x, y], i) => {
    const [u, v] = xy[(i + 1) % xy.length];
    return sum + (x - xy[0][0]) * (v - xy[0][1]) - (u - xy[0][0]) * (y - xy[0][1]);
  }, 0)) / 2;
}

const rounded = (value) => digits.format(Number(value.toPrecision(4)));
const lengthText = (m) => (m < 1000 ? `${Math.round(m)} m` : `${rounded(m / 1000)} km`);
const areaText = (m2) => (m2 < 1e6 ? `${rounded(m2 / 1e4)} ${page.words.hectares}`
  : `${rounded(m2 / 1e6)} km²`);

const measure = { on: false, points: [], line: null };

function measureText() {
  if (measure.points.length < 2) return word('measureHint');
  const parts = [word('length', { value: lengthText(lengthOf(measure.points)) })];
  if (measure.points.length > 2) parts.push(word('area', { value: areaText(areaOf(measure.points)) }));
  return parts.join('　');
}

function setMeasure(on) {
  measure.on = on;
  measure.points = [];
  measure.line.setLatLngs([]);
  tooltip.remove();
  map.closePopup(popup);
  map.getContainer().classList.toggle('qz-measuring', on);
  map.doubleClickZoom[on ? 'disable' : 'enable']();
  find('[data-tool=measure]').setAttribute('aria-pressed', String(on));
  const box = find('#qz-measure');
  box.hidden = !on;
  box.textContent = measureText();
}

function wireMeasure() {
  measure.line = L.polygon([], { color: '#b02a6b', weight: 2.5, dashArray: '6 5', fillOpacity: 0.08,
    interactive: false, renderer: L.svg({ padding: 0.5 }) }).addTo(map);
  map.on('click', (event) => {
    if (!measure.on) return;
    measure.points.push(event.latlng);
    measure.line.setLatLngs(measure.points);
    find('#qz-measure').textContent = measureText();
    say(measureText());
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && measure.on) setMeasure(false);
  });
}

// ---- print: the whole page becomes one sheet, the map is drawn anew for it ----

let paper = null; // the view to come back to

// Inside another page, that page is printed and shows a picture of its own.
const framed = window.parent !== window;

function toPaper() {
  if (framed || document.body.classList.contains('qz-print')) return;
  // Bringing its popup into view would draw the sheet twice, and the second time prints white.
  map.closePopup(popup);
  const view = map.getBounds();
  paper = { center: map.getCenter(), zoom: map.getZoom(), ratio: pixelRatio };
  pixelRatio = 2.5;
  document.body.classList.add('qz-print');
  const panel = find('.qz-panel'); // what is longer than the sheet is printed smaller, never cut
  for (let size = 0.95; size > 0.4 && panel.scrollHeight > panel.clientHeight; size -= 0.05) {
    panel.style.zoom = size;
  }
  map.invalidateSize({ animate: false, pan: false });
  const whole = view.pad(0.05).contains(frameBounds());
  fit(whole ? frameBounds() : view, { animate: false, ...(whole ? {} : { paddingTopLeft: [0, 0], paddingBottomRight: [0, 0] }) });
  boards.forEach((board) => board._update());
  glass._update();
}

function fromPaper() {
  if (!document.body.classList.contains('qz-print')) return;
  document.body.classList.remove('qz-print');
  find('.qz-panel').style.zoom = '';
  pixelRatio = paper.ratio;
  map.invalidateSize({ animate: false, pan: false });
  map.setView(paper.center, paper.zoom, { animate: false });
  boards.forEach((board) => board._update());
  glass._update();
}

// ---- tool bar ----

const tools = {
  in: () => map.zoomIn(1),
  out: () => map.zoomOut(1),
  home: () => fit(frameBounds()),
  measure: () => setMeasure(!measure.on),
  full: () => (document.fullscreenElement ? document.exitFullscreen()
    : document.documentElement.requestFullscreen()).catch(() => say(word('noFull'))),
  print: () => window.print(),
  panel: () => {
    const closed = document.body.classList.toggle('qz-wide');
    find('[data-tool=panel]').setAttribute('aria-expanded', String(!closed));
    map.invalidateSize({ animate: false });
  },
};

const frameBounds = () => L.latLngBounds([page.frame[1], page.frame[0]], [page.frame[3], page.frame[2]]);

let wholeView = null; // centre and zoom of the last time that the whole frame was fitted

// The whole frame, and the limits that follow from it: a frame in another page may begin as a dot.
const LEAST_PX = 120;
function fitWhole() {
  const { x, y } = map.getSize();
  const dot = Math.min(x, y) < LEAST_PX;
  map.setMinZoom(0);
  fit(frameBounds(), dot ? { animate: false, paddingTopLeft: [0, 0], paddingBottomRight: [0, 0] } : { animate: false });
  const zoom = map.getZoom();
  coarse.k = 2 ** (zoom + 0.6) / 4096;
  coarse.grain = 0.6 / coarse.k;
  layers.forEach((layer) => layer.geometry.paths.clear());
  if (!dot) map.setMinZoom(Math.max(1, zoom - 1));
}

// The time bar covers the foot of the map.
function fit(bounds, options = {}) {
  const foot = !time ? 14 : narrow() ? 84 : 58;
  map.fitBounds(bounds, { paddingTopLeft: [14, narrow() ? 56 : 14], paddingBottomRight: [14, foot], ...options });
  wholeView = options.animate === false ? { center: map.getCenter(), zoom: map.getZoom() } : null;
}

function wireTools() {
  const bar = find('#qz-tools');
  document.body.classList.toggle('qz-timed', Boolean(time));
  map.getContainer().append(bar, find('#qz-measure'), find('#qz-north'));
  pin(find('#qz-mark'), 620);
  if (time) map.getContainer().append(find('#qz-time'));
  for (const element of all('#qz-tools, #qz-measure, #qz-time')) {
    L.DomEvent.disableClickPropagation(element);
    L.DomEvent.disableScrollPropagation(element);
  }
  for (const button of all('[data-tool]')) button.addEventListener('click', tools[button.dataset.tool]);
  if (!document.fullscreenEnabled) find('[data-tool=full]').hidden = true;
  window.addEventListener('beforeprint', toPaper);
  window.addEventListener('afterprint', fromPaper);
}

// Notes of more than two lines are cut to two, until the reader asks for all of them.
function wireNotes() {
  const notes = find('#qz-notes');
  if (!notes) return;
  const more = find('#qz-more');
  const set = (open) => {
    notes.classList.toggle('qz-cut', !open);
    more.setAttribute('aria-expanded', String(open));
  };
  set(false);
  more.hidden = narrow() || notes.scrollHeight <= notes.clientHeight + 2;
  if (more.hidden) set(true);
  more.addEventListener('click', () => set(more.getAttribute('aria-expanded') !== 'true'));
}

// Tiles from the reader's own service, such as base and names in pairs; the own ground until then.
function wireTiles() {
  if (!page.tiles) return;
  const { addresses, subdomains, credit, maxZoom } = page.tiles;
  addresses.forEach((address) => {
    L.tileLayer(address, { subdomains, attribution: credit, maxZoom: page.maxZoom, maxNativeZoom: maxZoom })
      .once('tileload', () => { ground.tiled = true; repaint(); }).addTo(map);
  });
}

function wireMap() {
  map.options.zoomSnap = 0; // any scale, so that the frame fills its window
  map.options.wheelPxPerZoomLevel = 90;
  map.setMaxZoom(page.maxZoom);
  const box = map.getContainer();
  box.setAttribute('role', 'application');
  box.setAttribute('aria-label', page.words.alt);
  if (map.attributionControl) map.attributionControl.setPrefix(false);
  wireTiles();
  L.control.scale({ metric: true, imperial: false, maxWidth: 130 }).addTo(map);
  fitWhole();
  const [w, s, e, n] = page.limits;
  map.setMaxBounds(L.latLngBounds([s, w], [n, e]));
  fitWhole();
  map.options.maxBoundsViscosity = 0.7;
  map.on('click', clicked);
  map.on('mousemove', hovered);
  map.on('mouseout', () => tooltip.remove());
  map.on('popupclose', () => { focus = null; glass.redraw(); });
}

function loadPictures() {
  return Promise.all(layers.filter((layer) => layer.image).map((layer) => {
    layer.picture = new Image();
    layer.picture.src = layer.image.uri;
    return layer.picture.decode().catch(() => {});
  }));
}

document.documentElement.classList.toggle('qz-framed', framed);
wireMap();
followLeaders();
wireLegend();
wireSearch();
wireMeasure();
wireTools();
wireTime();
boards.forEach((board) => board.addTo(map));
glass.addTo(map);
wireSwipe();
countLegend();
Promise.all([document.fonts.load(`400 12px ${FONT}`, '图'), document.fonts.load(`700 12px ${FONT}`, '图'), loadPictures()])
  .catch(() => {})
  .then(() => {
    wireNotes(); // how long they are, only the font tells
    repaint();
    window.qz.ready = performance.now();
    document.documentElement.dataset.ready = 'true';
  });
// The whole map stays whole when the window or the notes change their size, unless it was moved.
new ResizeObserver(() => {
  if (document.body.classList.contains('qz-print')) return;
  const whole = wholeView !== null && map.getZoom() === wholeView.zoom
    && map.project(map.getCenter()).distanceTo(map.project(wholeView.center)) < 4;
  map.invalidateSize({ animate: false });
  if (whole) fitWhole();
}).observe(map.getContainer());
window.qz = { map, layers, redraw: repaint, time, swipe, visit, hits, tally, latlng, ready: null };
