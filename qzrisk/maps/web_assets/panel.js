// What the reader works with: popups, legend, time, swipe.

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Every word of a record enters the page as text, never as markup.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const boards = page.swipe ? [new Board(paintMap('left'), 'left'), new Board(paintMap('right'), 'right')]
  : [new Board(paintMap(''), 'main')];
const glass = new Board(paintFocus, 'focus');
const narrow = () => map.getSize().x < 600;
// Popups keep off the tool bar and the names of the sides.
const popup = L.popup({ maxWidth: 320, minWidth: 190, autoPanPaddingBottomRight: [24, 24],
  autoPanPaddingTopLeft: narrow() ? [16, page.swipe ? 116 : 64] : [64, page.swipe ? 52 : 24] });
const tooltip = L.tooltip({ direction: 'top', offset: [0, -8], opacity: 1, className: 'qz-tip' });

function repaint() {
  boards.forEach((board) => board.redraw());
  glass.redraw();
}

function say(text) {
  find('#qz-status').textContent = text;
}

// Keeps an element still over the moving map, yet below its popups.
function pin(element, height) {
  const pane = map.createPane(`qz-${height}`);
  pane.style.zIndex = height;
  pane.style.pointerEvents = 'none';
  pane.append(element);
  const place = () => L.DomUtil.setPosition(pane, map.containerPointToLayerPoint([0, 0]).round());
  const size = () => {
    const { x, y } = map.getSize();
    Object.assign(pane.style, { width: `${x}px`, height: `${y}px` });
    place();
  };
  map.on('move zoomend viewreset moveend', place);
  map.on('resize', size);
  size();
}

// ---- records ----

const classWord = (layer, key) =>
  (key === NONE ? page.words.noData : layer.palette.words[key]);

function nameOf(layer, i) {
  const column = layer.search ? layer.search.name : layer.label ? layer.label.column : null;
  return (column !== null && columns[column](i)) || layer.title;
}

function apartOf(layer, i) {
  if (!layer.search) return '';
  const parts = [];
  if (layer.search.apart !== null) parts.push(columns[layer.search.apart](i) || '');
  if (layer.search.codes !== null) parts.push(columns[layer.search.codes](i) || '');
  return parts.filter(Boolean).join(' ');
}

function swatch(layer, key) {
  const canvas = make('canvas', { className: 'qz-swatch' });
  canvas.dataset.layer = layer.place;
  canvas.dataset.key = key;
  drawSwatch(canvas);
  return canvas;
}

function drawSwatch(canvas) {
  const layer = layers[canvas.dataset.layer];
  const key = +canvas.dataset.key;
  const scale = 3;
  const radius = canvas.dataset.share ? LARGEST_RADIUS * Math.sqrt(canvas.dataset.share) : null;
  const [wide, high] = radius === null ? [24, 14] : [2 * radius + 3, 2 * radius + 3];
  canvas.width = wide * scale;
  canvas.height = high * scale;
  canvas.style.width = `${wide}px`;
  canvas.style.height = `${high}px`;
  const ctx = canvas.getContext('2d');
  ctx.scale(scale, scale);
  if (radius !== null) {
    symbol(ctx, wide / 2, high / 2, ['o', radius], layer.style.fill);
    return;
  }
  const ratio = pixelRatio;
  pixelRatio = scale;
  if (isPoints(layer)) {
    const [marker, r] = key === NONE ? [layer.style.marker, layer.style.radius] : layer.palette.shapes[key];
    symbol(ctx, 12, 7, [marker, Math.min(6, Math.max(4, r * 1.2))], inkOf(layer, key));
  } else if (layer.kind === 'choropleth') {
    ctx.fillStyle = fillOf(ctx, layer, key, 1);
    ctx.fillRect(1, 1, 22, 12);
    ctx.lineWidth = 0.8;
    ctx.strokeStyle = 'rgba(30,42,52,.65)';
    ctx.strokeRect(1, 1, 22, 12);
  } else {
    ctx.lineWidth = Math.max(layer.style.width, 1.2);
    ctx.setLineDash(layer.style.dash || []);
    ctx.strokeStyle = layer.palette ? inkOf(layer, key) : layer.style.stroke;
    ctx.beginPath();
    ctx.moveTo(1, 7);
    ctx.lineTo(23, 7);
    ctx.stroke();
  }
  pixelRatio = ratio;
}

function record({ layer, i, cluster: group }) {
  const box = make('div', { className: 'qz-record' });
  if (group) {
    box.append(make('h3', {}, `${layer.title} ${digits.format(group.n)} ${layer.unit}`));
    if (!layer.palette) return withMembers(box, layer, group);
    const list = make('table');
    [...layer.palette.words.keys()].reverse().concat(layer.palette.words.length).forEach((k) => {
      if (!group.counts[k]) return;
      const key = k === layer.palette.words.length ? NONE : k;
      list.append(make('tr', {}, make('th', { scope: 'row' }, swatch(layer, key), classWord(layer, key)),
        make('td', {}, digits.format(group.counts[k]))));
    });
    box.append(list);
    return withMembers(box, layer, group);
  }
  const apart = apartOf(layer, i);
  box.append(make('h3', {}, ...(apart ? [make('small', {}, apart), ' '] : []), nameOf(layer, i)));
  const table = make('table');
  const row = (head, ...value) => table.append(
    make('tr', {}, make('th', { scope: 'row' }, head), make('td', {}, ...value)));
  if (layer.palette) row(layer.title, swatch(layer, layer.classOf[i]), classWord(layer, layer.classOf[i]));
  for (const [label, column] of layer.fields) {
    if (layer.search && column === layer.search.name) continue;
    row(label, columns[column](i) ?? page.words.noData);
  }
  box.append(table);
  return box;
}

// The names of those that stand on one place.
const MOST_NAMES = 12;
function withMembers(box, layer, group) {
  if (!group.members || !layer.search) return box;
  const list = make('ul', { className: 'qz-members' }, ...group.members.slice(0, MOST_NAMES).map((i) =>
    make('li', {}, swatch(layer, layer.classOf[i]), nameOf(layer, i))));
  if (group.n > MOST_NAMES) list.append(make('li', {}, word('others', { count: digits.format(group.n - MOST_NAMES) })));
  box.append(list);
  return box;
}

function placeOf(layer, i) {
  if (layer.anchors) return latlng(...layer.anchors[i]);
  const { box, features, xy } = layer.geometry;
  if (layer.kind === 'lines') {
    const [from, to] = features[i][0];
    const middle = from + 2 * Math.floor((to - from) / 4);
    return latlng(xy[middle], xy[middle + 1]);
  }
  return latlng((box[4 * i] + box[4 * i + 2]) / 2, (box[4 * i + 1] + box[4 * i + 3]) / 2);
}

function open(found, at) {
  const box = make('div', { className: 'qz-records' }, record(found[0]));
  for (const other of found.slice(1)) {
    const more = record(other);
    const head = find('h3', more);
    head.remove();
    box.append(make('details', {}, make('summary', {}, other.layer.title, '　', ...head.childNodes), more));
  }
  focus = found[0];
  popup.setLatLng(at).setContent(box).openOn(map);
  glass.redraw();
  say(box.textContent);
}

function clicked(event) {
  if (measure.on) return;
  const found = hits(event.latlng, 4);
  if (!found.length) return;
  const { layer, cluster: group, i } = found[0];
  if (group) {
    const [w, n, e, s] = group.box;
    const target = L.latLngBounds(latlng(w, n), latlng(e, s));
    const zoom = Math.min(map.getBoundsZoom(target, false, [60, 60]), page.clusterBelow);
    const onePlace = w === e && n === s;
    if (!onePlace && zoom > map.getZoom() + 0.2) map.setView(target.getCenter(), zoom);
    else open(found, event.latlng);
    return;
  }
  open(found, isPoints(layer) ? placeOf(layer, i) : event.latlng);
}

let waiting = false;
function hovered(event) {
  if (waiting || measure.on || event.originalEvent.pointerType === 'touch') return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (map._animatingZoom || map.dragging.moving()) return;
    const [found] = hits(event.latlng, 1);
    const same = found && focus && found.layer === focus.layer && found.i === focus.i;
    map.getContainer().style.cursor = found ? 'pointer' : '';
    if (!same) {
      if (!popup.isOpen()) focus = found || null;
      glass.redraw();
      if (found) tooltip.setContent(hint(found));
      else tooltip.remove();
    }
    if (found) tooltip.setLatLng(event.latlng).addTo(map);
  });
}

function hint(found) {
  const { layer, i, cluster: group } = found;
  if (group) return record(found);
  const box = make('div', {}, make('b', {}, [apartOf(layer, i), nameOf(layer, i)].join(' ').trim()));
  if (layer.palette) {
    box.append(make('div', {}, swatch(layer, layer.classOf[i]), classWord(layer, layer.classOf[i])));
  }
  const shown = layer.fields.filter(([, c]) => !layer.search || (c !== layer.search.name && c !== layer.search.apart));
  for (const [label, column] of shown.slice(0, 3)) {
    box.append(make('div', {}, `${label}${page.language === 'zh' ? '：' : ': '}${columns[column](i) ?? page.words.noData}`));
  }
  return box;
}

// ---- legend ----

function countLegend() {
  const spoken = [];
  for (const layer of layers) {
    const section = find(`[data-section="${layer.place}"]`);
    if (!section) continue;
    const { byClass, shown } = tally(layer);
    section.classList.toggle('qz-off', !layer.shown);
    const box = find('input[data-switch]', section);
    if (box) box.checked = layer.shown;
    for (const button of all('[data-class]', section)) {
      const key = +button.dataset.class;
      button.setAttribute('aria-pressed', String(!layer.hidden.has(key)));
      find('.qz-count', button).textContent = digits.format(byClass.get(key) || 0);
    }
    const total = find('.qz-total', section);
    if (total) {
      total.textContent = word(shown === layer.count ? 'total' : 'shown',
        { shown: digits.format(shown), count: digits.format(layer.count), unit: layer.unit });
      if (layer.shown) spoken.push(`${layer.title} ${total.textContent}`);
    }
  }
  say(spoken.join('；'));
}

function changed(layer) {
  if (layer) layer.clusters = null;
  else layers.forEach((one) => { one.clusters = null; });
  if (focus && !(focus.layer.shown && passes(focus.layer, focus.i))) {
    focus = null;
    map.closePopup(popup);
    tooltip.remove();
  }
  countLegend();
  repaint();
}

// A layer that completes others is drawn with whichever of them is.
function followLeaders() {
  for (const layer of layers) {
    if (layer.joined.length) layer.shown = layers.some((other) => other.shown && layer.joined.includes(other.name));
  }
}

function setShown(layer, shown) {
  layer.shown = shown;
  // Fills hide one another: one at a time, unless they lie on two sides of the swipe.
  if (shown && isFill(layer)) {
    layers.filter((other) => other !== layer && isFill(other) && other.side === layer.side)
      .forEach((other) => { other.shown = false; });
  }
  // Points of one and the same place do, too.
  if (shown && isPoints(layer) && layer.palette) {
    layers.filter((other) => other !== layer && other.palette && isPoints(other)
      && other.geometry === layer.geometry && other.side === layer.side)
      .forEach((other) => { other.shown = false; });
  }
  followLeaders();
  changed(layer);
}

function wireLegend() {
  for (const layer of layers) {
    const section = find(`[data-section="${layer.place}"]`);
    if (!section) continue;
    const box = find('input[data-switch]', section);
    if (box) box.addEventListener('change', () => setShown(layer, box.checked));
    for (const button of all('[data-class]', section)) {
      button.addEventListener('click', () => {
        const key = +button.dataset.class;
        if (!layer.hidden.delete(key)) layer.hidden.add(key);
        changed(layer);
      });
    }
  }
  all('canvas.qz-swatch').forEach(drawSwatch);
}

// ---- time ----

function setTime(at, only) {
  time.at = at;
  time.only = only;
  const bar = find('#qz-time');
  find('input[type=range]', bar).value = at;
  find('input[type=checkbox]', bar).checked = only;
  const last = at === time.steps.length - 1;
  const text = !only && last ? word('allDates', { date: time.steps[at] })
    : word(only ? 'onlyDate' : 'untilDate', { date: time.steps[at] });
  find('output', bar).textContent = text;
  find('input[type=range]', bar).setAttribute('aria-valuetext', text);
}

function wireTime() {
  const bar = find('#qz-time');
  if (!bar) return;
  const range = find('input[type=range]', bar);
  const only = find('input[type=checkbox]', bar);
  const play = find('button', bar);
  range.max = time.steps.length - 1;
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = '▶';
  };
  const move = () => {
    setTime(+range.value, only.checked);
    changed();
  };
  range.addEventListener('input', () => { stop(); move(); });
  only.addEventListener('change', move);
  play.addEventListener('click', () => {
    if (timer) return stop();
    play.textContent = '⏸';
    if (time.at === time.steps.length - 1) setTime(0, only.checked);
    timer = setInterval(() => {
      if (time.at >= time.steps.length - 1) return stop();
      setTime(time.at + 1, only.checked);
      changed();
      return undefined;
    }, 700);
    return undefined;
  });
  setTime(time.steps.length - 1, false);
}

// ---- before and after ----

function wireSwipe() {
  if (swipe.share === null) return;
  const handle = make('div', { className: 'qz-swipe', tabIndex: 0, role: 'slider',
    'aria-label': word('swipe'), 'aria-valuemin': 0, 'aria-valuemax': 100 }, make('i'));
  const left = make('div', { className: 'qz-side qz-left' }, page.swipe[0]);
  const right = make('div', { className: 'qz-side qz-right' }, page.swipe[1]);
  map.getContainer().append(left, right);
  pin(handle, 630);
  // Each side has a canvas of its own: moving the divider only cuts them anew.
  const cut = () => {
    const [one, other] = boards;
    const x = map.containerPointToLayerPoint([swipe.share * map.getSize().x, 0]).x - one._bounds.min.x;
    one._container.style.clipPath = `inset(0 ${one._bounds.getSize().x - x}px 0 0)`;
    other._container.style.clipPath = `inset(0 0 0 ${x}px)`;
  };
  const set = (share) => {
    swipe.share = Math.max(0, Math.min(1, share));
    handle.style.left = `${100 * swipe.share}%`;
    handle.setAttribute('aria-valuenow', Math.round(100 * swipe.share));
    cut();
  };
  handle.addEventListener('pointerdown', (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus();
  });
  handle.addEventListener('pointermove', (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = map.getContainer().getBoundingClientRect();
    set((event.clientX - box.left) / box.width);
  });
  handle.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set(swipe.share + step);
  });
  L.DomEvent.disableClickPropagation(handle);
  map.on('move moveend zoomend resize', cut);
  set(0.5);
}
