// The panels beside the map of a series: quantities along the axis of the frames.

import { INK, RULE, digits, frame, line, ticks } from "./canvas.js";

const CURVE = "#222222";
// Frames above which single points are not marked.
const MANY = 150;

/** Draw the curves of a panel in a box beside the map. */
export function drawPanel(context, panel, box, rows) {
  let low = Infinity;
  let high = -Infinity;
  for (const { values, esds } of panel.curves) {
    for (let k = 0; k < values.length; k++) {
      if (!Number.isFinite(values[k])) continue;
      const esd = esds !== null && Number.isFinite(esds[k]) ? esds[k] : 0;
      low = Math.min(low, values[k] - esd);
      high = Math.max(high, values[k] + esd);
    }
  }
  if (!(high >= low)) return;
  const margin = 0.06 * (high - low) || Math.max(Math.abs(high) * 1e-3, 1e-6);
  low -= margin;
  high += margin;
  const xOf = (value) => box.left + ((value - low) / (high - low)) * box.width;
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.bottom - box.top);
  context.clip();
  for (const { values, esds, colour } of panel.curves) {
    context.strokeStyle = context.fillStyle = colour || CURVE;
    if (rows.follows) drawCurve(context, (k) => values[k], xOf, rows);
    for (const k of rows.order) {
      if (!Number.isFinite(values[k])) continue;
      const y = rows.heightOf(k);
      if (!rows.follows || rows.order.length <= MANY) context.fillRect(xOf(values[k]) - 1.5, y - 1.5, 3, 3);
      if (esds !== null && Number.isFinite(esds[k]))
        line(context, xOf(values[k] - esds[k]), y, xOf(values[k] + esds[k]), y);
    }
  }
  context.restore();
  frame(context, box);
  const marks = ticks(low, high, box.width > 70 ? 3 : 2).filter((value) => value >= low && value <= high);
  context.fillStyle = INK;
  context.textAlign = "center";
  context.textBaseline = "top";
  context.strokeStyle = RULE;
  for (const value of marks.length > 3 ? marks.filter((_, k) => k % 2 === 0) : marks) {
    line(context, xOf(value), box.bottom, xOf(value), box.bottom + 4);
    const text = digits(value, 5);
    const half = context.measureText(text).width / 2;
    context.fillText(
      text,
      Math.min(Math.max(xOf(value), box.left + half - 4), box.left + box.width - half + 6),
      box.bottom + 6,
    );
  }
  context.fillText(panel.label, box.left + box.width / 2, box.bottom + 24, box.width + 2);
}

/** Draw a curve up the frames, with gaps where it has no value; `rows` has the order of the frames and their heights. */
export function drawCurve(context, value, xOf, rows) {
  context.lineWidth = 1.1;
  context.beginPath();
  let drawing = false;
  for (const k of rows.order) {
    const x = value(k);
    if (!Number.isFinite(x)) {
      drawing = false;
      continue;
    }
    if (drawing) context.lineTo(xOf(x), rows.heightOf(k));
    else context.moveTo(xOf(x), rows.heightOf(k));
    drawing = true;
  }
  context.stroke();
}
