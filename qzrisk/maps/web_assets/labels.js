// Names on the map: where they find room among clusters and one another, and their leaders.

const ABOUT_POINT = [[0, -13], [0, 13]];
const ABOUT_AREA = [[0, 0]];
for (const away of [18, 30, 42, 54]) {
  for (let turn = 0; turn < 8; turn++) {
    const angle = (turn * Math.PI) / 4;
    ABOUT_AREA.push([1.5 * away * Math.sin(angle), -away * Math.cos(angle)]);
  }
}

// Where a label fits among clusters and labels; one that must appear may cover clusters.
function roomFor(x, y, half, high, shifts, boxes, must, view) {
  const [w, n, e, s] = view.window;
  const within = x > w && x < e && y > n && y < s;
  // No name is cut by the edge of the view: it stands inside, or wholly outside with its place.
  const whole = (tx, ty) => (tx - half > w && tx + half < e && ty - high > n && ty + high < s)
    || (!within && (tx + half < w || tx - half > e || ty + high < n || ty - high > s));
  const fits = ([tx, ty], all) => whole(tx, ty)
    && boxes.every((b) => (!all && !b[4])
    || tx + half < b[0] || tx - half > b[2] || ty + high < b[1] || ty - high > b[3]);
  const places = shifts.map(([sx, sy]) => [x + sx, y + sy]);
  return places.find((place) => fits(place, true))
    || (must && places.find((place) => fits(place, false))) || null;
}

// Labels of one layer that find room: [{text, x, y, from, layer, size}].
function placeLabels(ctx, layer, view, boxes, placed) {
  const look = layer.style.label;
  const strong = layer.count <= 30 && !layer.muted;
  const size = look.size || (strong ? 13.5 : 11);
  const font = `${strong && look.bold ? 700 : 400} ${size}px ${FONT}`;
  const points = isPoints(layer);
  const text = columns[layer.label.column];
  const { box } = layer.geometry;
  ctx.font = font;
  for (let i = 0; i < layer.count; i++) {
    if (!there(layer, i) || !inBox(box, i, view) || !passes(layer, i) || !text(i)) continue;
    const [x, y] = [layer.anchors[i][0] * view.k + view.dx, layer.anchors[i][1] * view.k + view.dy];
    const room = (box[4 * i + 2] - box[4 * i]) * view.k;
    if (!strong && !points && room < 1.1 * size * text(i).length) continue;
    const half = ctx.measureText(text(i)).width / 2;
    const again = placed.some((one) => one.text === text(i) && Math.hypot(one.x - x, one.y - y) < 90);
    const at = !again
      && roomFor(x, y, half, size / 2 + 1, points ? ABOUT_POINT : ABOUT_AREA, boxes, strong, view);
    if (!at) continue;
    boxes.push([at[0] - half, at[1] - size / 2, at[0] + half, at[1] + size / 2, true]);
    placed.push({ text: text(i), x: at[0], y: at[1], font, colour: look.colour,
      from: points || Math.hypot(at[0] - x, at[1] - y) < 26 ? null : [x, y] });
  }
}

function paintLeaders(ctx, placed) {
  toPixels(ctx);
  for (const [colour, width] of [[HALO, 3], ['#16242f', 1]]) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    for (const { from, x, y } of placed) {
      if (!from) continue;
      ctx.beginPath();
      ctx.moveTo(...from);
      ctx.lineTo(x, y);
      ctx.stroke();
    }
  }
}

function paintLabel(ctx, { text, x, y, font, colour }) {
  toPixels(ctx);
  ctx.font = font;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 3;
  ctx.strokeStyle = HALO;
  ctx.fillStyle = colour;
  ctx.strokeText(text, x, y);
  ctx.fillText(text, x, y);
}
