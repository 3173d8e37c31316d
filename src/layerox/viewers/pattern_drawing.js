// The drawing of one pattern: curves, ticks of the phases, difference, marks; and where an angle is on the screen.

import {
  INK,
  RULE,
  SCALES,
  decades,
  digits,
  drawAxisX,
  drawAxisY,
  drawNote,
  frame,
  line,
  lowerBound,
  ticks,
} from "./canvas.js";

const OBSERVED = "#222222";
const CALCULATED = "#c1272d";
const BACKGROUND = "#777777";
const DIFFERENCE = "#444444";
const UNEXPLAINED = "#cc0000";
const EXCLUDED = "#eeeeee";
// Height of a row of ticks, of what is below the lowest panel, and the share of the difference.
const ROW = 15;
const FOOT = 42;
const DIFFERENCE_SHARE = 0.22;

/** One picture of a pattern; `view` has its data, range, scale, difference and hidden phases. */
export class PatternDrawing {
  constructor(context, width, height, view) {
    Object.assign(this, {
      context,
      width,
      height,
      data: view.data,
      range: view.range,
      scale: view.scale,
      difference: view.difference,
    });
    this.phases = view.visible();
    this.isFit = Boolean(this.data.observed && this.data.calculated);
    const left = width < 520 ? 60 : 66;
    const below = this.isFit ? Math.round(DIFFERENCE_SHARE * height) : 0;
    const rows = ROW * Math.max(this.phases.length, 1) + 6;
    const bottom = height - FOOT - below - rows;
    this.box = { left, top: 22, bottom, width: width - left - 10 };
    this.rows = { top: bottom + 4, bottom: bottom + rows };
    const x = this.data.two_theta;
    this.span = [Math.max(lowerBound(x, this.range[0]) - 1, 0), Math.min(lowerBound(x, this.range[1]) + 1, x.length)];
  }

  angleAt(x) {
    return this.range[0] + ((x - this.box.left) / this.box.width) * (this.range[1] - this.range[0]);
  }

  placeOf(angle) {
    return this.box.left + ((angle - this.range[0]) / (this.range[1] - this.range[0])) * this.box.width;
  }

  /** Whether a height is in the row of ticks of a phase. */
  isInRow(y, row) {
    return y >= this.rows.top + row * ROW && y < this.rows.top + (row + 1) * ROW;
  }

  draw() {
    const lowest = { ...this.box, top: this.rows.bottom, bottom: this.height - FOOT };
    this.drawExcluded();
    this.drawCurves();
    this.drawRows();
    if (this.isFit) this.drawDifference(lowest);
    drawAxisX(this.context, this.isFit ? lowest : { ...this.box, bottom: this.rows.bottom }, ...this.range, {
      title: "2θ (degrees)",
    });
  }

  drawExcluded() {
    const { context } = this;
    const top = this.box.top;
    const bottom = this.height - FOOT;
    context.fillStyle = EXCLUDED;
    for (const [low, high] of this.data.excluded || []) {
      const from = Math.max(this.placeOf(low), this.box.left);
      const to = Math.min(this.placeOf(high), this.box.left + this.box.width);
      if (to > from) context.fillRect(from, top, to - from, bottom - top);
    }
  }

  /** Set the limits of the intensity axis to the visible curves. */
  limits() {
    const [from, to] = this.span;
    let top = 0;
    let least = Infinity;
    for (const curve of [this.data.observed, this.data.calculated, this.data.background]) {
      if (!curve) continue;
      for (let k = from; k < to; k++) {
        if (curve[k] > top) top = curve[k];
        if (curve[k] > 0 && curve[k] < least) least = curve[k];
      }
    }
    top = top > 0 ? top : 1;
    if (this.scale === "log") return [Math.max(0.7 * least, 1e-5 * top), 1.5 * top];
    return [0, 1.05 * top];
  }

  drawCurves() {
    const { context, span } = this;
    const { to } = SCALES[this.scale];
    const [low, high] = this.limits();
    const box = this.box;
    const factor = (box.bottom - box.top) / (to(high) - to(low));
    this.heightOf = (value) =>
      box.bottom - (to(Math.max(value, this.scale === "log" ? low : value)) - to(low)) * factor;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.bottom - box.top);
    context.clip();
    const { observed, calculated, background } = this.data;
    for (const phase of this.phases) {
      if (!phase.curve) continue;
      this.trace((k) => this.heightOf(phase.curve[k] + (background ? background[k] : 0)), phase.colour, 1);
    }
    if (observed && calculated) this.dots(observed);
    else if (observed) this.trace((k) => this.heightOf(observed[k]), OBSERVED, 1);
    if (calculated) this.trace((k) => this.heightOf(calculated[k]), CALCULATED, 1.1);
    if (background) {
      context.setLineDash([5, 3]);
      this.trace((k) => this.heightOf(background[k]), BACKGROUND, 1);
      context.setLineDash([]);
    }
    this.markUnexplained();
    context.restore();
    frame(context, box);
    const values =
      this.scale === "log"
        ? decades(low, high)
        : this.scale === "sqrt"
          ? ticks(0, Math.sqrt(high), 5).map((root) => Number((root * root).toPrecision(3)))
          : ticks(low, high, 5);
    drawAxisY(context, box, values, this.heightOf, this.data.unit || "intensity");
    this.drawKey();
  }

  trace(heightOf, colour, width) {
    const { context } = this;
    const [from, to] = this.span;
    const { two_theta: x, excluded } = this.data;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    let drawing = false;
    let next = 0;
    const gaps = excluded || [];
    for (let k = from; k < to; k++) {
      while (next < gaps.length && x[k] > gaps[next][1]) {
        next += 1;
        drawing = false;
      }
      const y = heightOf(k);
      if (!Number.isFinite(y)) {
        drawing = false;
        continue;
      }
      if (drawing) context.lineTo(this.placeOf(x[k]), y);
      else context.moveTo(this.placeOf(x[k]), y);
      drawing = true;
    }
    context.stroke();
  }

  dots(values) {
    const { context } = this;
    const [from, to] = this.span;
    const x = this.data.two_theta;
    const size = to - from < this.box.width / 3 ? 3 : 2;
    context.fillStyle = OBSERVED;
    for (let k = from; k < to; k++) {
      context.fillRect(this.placeOf(x[k]) - size / 2, this.heightOf(values[k]) - size / 2, size, size);
    }
  }

  markUnexplained() {
    const { context } = this;
    context.fillStyle = UNEXPLAINED;
    for (const peak of this.data.unexplained || []) {
      const x = this.placeOf(peak.two_theta);
      const k = Math.min(lowerBound(this.data.two_theta, peak.two_theta), this.data.two_theta.length - 1);
      const y = Math.max(this.heightOf(this.data.observed ? this.data.observed[k] : 0) - 6, this.box.top + 9);
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x - 5, y - 9);
      context.lineTo(x + 5, y - 9);
      context.fill();
    }
  }

  /** Name the curves above the plot, beside no data: a row of short samples. */
  drawKey() {
    const { context, box } = this;
    const rows = [];
    const { observed, calculated, background, unexplained } = this.data;
    if (observed && calculated) rows.push(["observed", OBSERVED, "dot"]);
    if (calculated) rows.push(["calculated", CALCULATED, "line"]);
    if (background) rows.push(["background", BACKGROUND, "dash"]);
    if ((unexplained || []).length) rows.push(["unexplained", UNEXPLAINED, "mark"]);
    if (rows.length < 2) return;
    context.textBaseline = "middle";
    context.textAlign = "left";
    const widths = rows.map(([text]) => context.measureText(text).width + 30);
    const total = widths.reduce((sum, one) => sum + one, 0);
    if (total > box.width) return;
    let x = box.left + box.width - total;
    const y = box.top - 11;
    rows.forEach(([text, colour, kind], k) => {
      context.fillStyle = context.strokeStyle = colour;
      context.lineWidth = 1.2;
      if (kind === "dot") context.fillRect(x + 7, y - 1.5, 3, 3);
      else if (kind === "mark") context.fillText("▼", x + 3, y);
      else {
        context.setLineDash(kind === "dash" ? [4, 3] : []);
        line(context, x, y, x + 16, y);
        context.setLineDash([]);
      }
      context.fillStyle = INK;
      context.fillText(text, x + 20, y);
      x += widths[k];
    });
  }

  drawRows() {
    const { context } = this;
    context.lineWidth = 1;
    this.phases.forEach((phase, row) => {
      const top = this.rows.top + row * ROW + 3;
      context.strokeStyle = phase.colour;
      context.beginPath();
      const last = lowerBound(phase.ticks, this.range[1]);
      for (let k = lowerBound(phase.ticks, this.range[0]); k < last; k++) {
        const x = Math.round(this.placeOf(phase.ticks[k])) + 0.5;
        context.moveTo(x, top);
        context.lineTo(x, top + ROW - 5);
      }
      context.stroke();
      context.fillStyle = phase.colour;
      context.textAlign = "right";
      context.textBaseline = "middle";
      const room = this.box.left - 6;
      let name = phase.name;
      while (name.length > 2 && context.measureText(name).width > room) name = `${name.slice(0, -2)}…`;
      context.fillText(name, room, top + ROW / 2 - 2);
    });
  }

  drawDifference(box) {
    const { context } = this;
    const [from, to] = this.span;
    const { observed, calculated, sigma } = this.data;
    const over = this.difference === "sigma" && sigma;
    const value = (k) => (observed[k] - calculated[k]) / (over ? sigma[k] : 1);
    let reach = over ? 3.5 : 0;
    for (let k = from; k < to; k++) reach = Math.max(reach, Math.abs(value(k)) || 0);
    reach = 1.08 * (reach || 1);
    const middle = (box.top + box.bottom) / 2;
    const factor = (box.bottom - box.top) / 2 / reach;
    const place = (y) => middle - y * factor;
    if (over) {
      context.fillStyle = "#f0f0f0";
      context.fillRect(box.left, place(3), box.width, place(-3) - place(3));
    }
    context.strokeStyle = RULE;
    line(context, box.left, middle, box.left + box.width, middle);
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.bottom - box.top);
    context.clip();
    this.trace((k) => place(value(k)), DIFFERENCE, 1);
    context.restore();
    frame(context, box);
    drawAxisY(context, box, ticks(-reach, reach, 4), place, over ? "Δ / σ" : "Δ");
  }

  /** Shade the range that is being chosen. */
  drawDrag({ from, to }) {
    const low = Math.max(Math.min(from, to), this.box.left);
    const high = Math.min(Math.max(from, to), this.box.left + this.box.width);
    this.context.fillStyle = "rgba(0,114,178,0.15)";
    this.context.fillRect(low, this.box.top, high - low, this.height - FOOT - this.box.top);
  }

  /** Mark an angle and write beside it, at the height of the pointer if there is one. */
  drawChosen(angle, colour, lines, pointer) {
    const { context } = this;
    const x = this.placeOf(angle);
    if (x < this.box.left || x > this.box.left + this.box.width) return;
    context.strokeStyle = colour || UNEXPLAINED;
    context.setLineDash([2, 2]);
    line(context, x, this.box.top, x, this.rows.bottom);
    context.setLineDash([]);
    drawNote(context, x, pointer === null ? this.box.top + 60 : Math.min(pointer[1], this.rows.top), lines, this.width);
  }
}
