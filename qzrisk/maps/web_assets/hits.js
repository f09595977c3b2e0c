// What lies under a place: clusters and points by distance, lines by nearness, areas by inclusion.

// Everything under a place, the uppermost first.
function hits(at, most) {
  const view = boards[0].view();
  const world = map.project(at, 12);
  const [x, y] = [world.x - origin[0], world.y - origin[1]];
  const container = map.latLngToContainerPoint(at);
  const side = swipe.share === null ? '' : container.x < swipe.share * map.getSize().x ? 'left' : 'right';
  const found = [];
  for (const layer of [...layers].reverse()) {
    if (!layer.shown || layer.muted || layer.image || !layer.count) continue;
    if (layer.side && side && layer.side !== side) continue;
    if (found.length >= most) break;
    const hit = isPoints(layer) ? pointHit(layer, x, y, view) : shapeHit(layer, x, y, view);
    if (hit) found.push(hit);
  }
  return found;
}

function pointHit(layer, x, y, view) {
  if (clustered(layer, view)) {
    const c = clustersOf(layer, view).find((one) =>
      Math.hypot(one.x - x, one.y - y) * view.k <= (one.n === 1 ? 8 : donutRadius(one.n) + 2));
    return c && (c.n === 1 ? { layer, i: c.first } : { layer, i: c.first, cluster: c });
  }
  let best = null;
  let least = 1;
  const { xy, features, box } = layer.geometry;
  const reach = 26 / view.k;
  for (let i = 0; i < layer.count; i++) {
    if (!(Math.abs(box[4 * i] - x) < reach && Math.abs(box[4 * i + 1] - y) < reach)) continue;
    if (!passes(layer, i)) continue;
    const k = features[i][0][0];
    const away = (Math.hypot(xy[k] - x, xy[k + 1] - y) * view.k) / (symbolOf(layer, i, view)[1] + 3);
    if (away <= least) {
      least = away;
      best = { layer, i };
    }
  }
  return best;
}

function shapeHit(layer, x, y, view) {
  if (layer.kind === 'outline' && !layer.fields.length) return null;
  const { box } = layer.geometry;
  const reach = layer.kind === 'lines' ? 5 / view.k : 0;
  for (let i = 0; i < layer.count; i++) {
    if (box[4 * i] - reach > x || box[4 * i + 2] + reach < x) continue;
    if (box[4 * i + 1] - reach > y || box[4 * i + 3] + reach < y || !passes(layer, i)) continue;
    if (layer.kind === 'lines' ? nearLine(layer.geometry, i, x, y, reach)
      : inside(layer.geometry, i, x, y)) return { layer, i };
  }
  return null;
}

function inside(geometry, i, x, y) {
  const { xy } = geometry;
  let odd = false;
  for (const [from, to] of geometry.features[i]) {
    for (let k = from, j = to - 2; k < to; j = k, k += 2) {
      if (xy[k + 1] > y !== xy[j + 1] > y
        && x < ((xy[j] - xy[k]) * (y - xy[k + 1])) / (xy[j + 1] - xy[k + 1]) + xy[k]) odd = !odd;
    }
  }
  return odd;
}

function nearLine(geometry, i, x, y, reach) {
  const { xy } = geometry;
  for (const [from, to] of geometry.features[i]) {
    for (let k = from; k + 3 < to; k += 2) {
      const [dx, dy] = [xy[k + 2] - xy[k], xy[k + 3] - xy[k + 1]];
      const along = ((x - xy[k]) * dx + (y - xy[k + 1]) * dy) / (dx * dx + dy * dy || 1);
      const t = Math.max(0, Math.min(1, along));
      if (Math.hypot(x - xy[k] - t * dx, y - xy[k + 1] - t * dy) <= reach) return true;
    }
  }
  return false;
}
