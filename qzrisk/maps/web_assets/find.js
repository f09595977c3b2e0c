// Search, keyed by layer and row, so that two of one name stay two.

// Two layers with one and the same column of names show the same features: these are found once,
// in the layer that is drawn.
const seenIn = (layer) => layers.find((other) => other.search && other.shown
  && other.search.name === layer.search.name) || layer;

function searchIndex() {
  const entries = [];
  const done = new Set();
  for (const layer of layers) {
    if (!layer.search || done.has(layer.search.name)) continue;
    done.add(layer.search.name);
    for (let i = 0; i < layer.count; i++) {
      const name = columns[layer.search.name](i);
      if (name) entries.push({ layer, i, name, apart: apartOf(layer, i) });
    }
  }
  return entries;
}

function matches(entries, query) {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return [];
  const found = [];
  for (const entry of entries) {
    const name = entry.name.toLowerCase();
    const whole = `${entry.apart} ${name}`.toLowerCase();
    const joined = whole.replaceAll(' ', '');
    const rank = name === wanted ? 0 : name.startsWith(wanted) ? 1 : name.includes(wanted) ? 2
      : whole.includes(wanted) || joined.includes(wanted.replaceAll(' ', '')) ? 3 : null;
    if (rank !== null) found.push([rank, entry]);
  }
  return found.sort((a, b) => a[0] - b[0] || a[1].name.length - b[1].name.length).map(([, e]) => e);
}

const MOST_RESULTS = 40;

function wireSearch() {
  const input = find('#qz-search');
  if (!input) return;
  const list = find('#qz-results');
  let entries = null;
  let at = -1;
  const options = () => all('[role=option]', list);
  const mark = (place) => {
    at = place;
    options().forEach((option, i) => option.setAttribute('aria-selected', String(i === at)));
    const chosen = options()[at];
    if (chosen) chosen.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', chosen ? chosen.id : '');
  };
  const close = () => {
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
  };
  const show = () => {
    entries = entries || searchIndex();
    const found = matches(entries, input.value);
    list.replaceChildren(...found.slice(0, MOST_RESULTS).map((entry, i) => {
      const option = make('li', { id: `qz-option-${i}`, role: 'option' },
        make('span', {}, ...(entry.apart ? [make('small', {}, entry.apart), ' '] : []), entry.name),
        make('em', {}, seenIn(entry.layer).title));
      option.addEventListener('mousedown', (event) => event.preventDefault());
      option.addEventListener('click', () => go(entry));
      return option;
    }));
    if (!found.length && input.value.trim()) list.append(make('li', { className: 'qz-none' }, word('none')));
    if (found.length > MOST_RESULTS) {
      list.append(make('li', { className: 'qz-none' }, word('more', { count: found.length - MOST_RESULTS })));
    }
    list.hidden = !list.childElementCount;
    input.setAttribute('aria-expanded', String(!list.hidden));
    at = -1;
  };
  const go = (entry) => {
    close();
    input.value = [entry.apart, entry.name].filter(Boolean).join(' ');
    visit(seenIn(entry.layer), entry.i);
  };
  input.addEventListener('input', show);
  input.addEventListener('focus', () => { if (input.value) show(); });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    const count = options().length;
    if (event.key === 'Escape') close();
    if (event.key === 'ArrowDown' && count) mark((at + 1) % count);
    else if (event.key === 'ArrowUp' && count) mark((at - 1 + count) % count);
    else if (event.key === 'Enter' && count) options()[Math.max(at, 0)].click();
    else return;
    event.preventDefault();
  });
}

function visit(layer, i) {
  layer.hidden.delete(layer.classOf[i]);
  if (time && layer.when && !dated(layer, i)) setTime(time.steps.length - 1, false);
  if (!layer.shown) setShown(layer, true);
  else changed(layer);
  if (!there(layer, i)) {
    say(word('noPlace'));
    popup.setLatLng(map.getCenter()).setContent(make('div', {}, record({ layer, i }), word('noPlace'))).openOn(map);
    return;
  }
  const at = placeOf(layer, i);
  if (map.options.maxBounds && !map.options.maxBounds.contains(at)) map.setMaxBounds(null);
  const { box } = layer.geometry;
  const bounds = L.latLngBounds(latlng(box[4 * i], box[4 * i + 1]), latlng(box[4 * i + 2], box[4 * i + 3]));
  const near = isPoints(layer) ? Math.max(map.getZoom(), page.clusterBelow)
    : Math.min(map.getBoundsZoom(bounds, false, [80, 80]), page.maxZoom - 2);
  map.setView(at, near, { animate: false });
  map.getContainer().scrollIntoView({ block: 'nearest' });
  open([{ layer, i }], at);
}
