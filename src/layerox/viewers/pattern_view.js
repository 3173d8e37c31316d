// A powder pattern with its fit: zoom, phases shown or hidden, reflections with their indices, difference in counts or
// in standard uncertainties, intensities on a linear, square-root or logarithmic axis.

import { INK, RULE, SCALES, Surface, choice, decades, digits, drawAxisX, drawAxisY, drawNote, element, frame, line, lowerBound, ticks, toggle } from "./canvas.js";

const OBSERVED = "#222222";
const CALCULATED = "#c1272d";
const BACKGROUND = "#777777";
const DIFFERENCE = "#444444";
const UNEXPLAINED = "#cc0000";
const EXCLUDED = "#eeeeee";
const ROW = 15;
const NEAR = 7;
// Least width of the visible range, in steps of the pattern.
const LEAST_POINTS = 8;

/**
 * A view of one pattern.
 *
 * `data`: two_theta, observed, sigma, calculated, background (arrays or null), phases ({name, label, colour, curve,
 * ticks, hkl}), excluded, unexplained, wavelength, title, unit.
 */
export class PatternView {
  constructor(parent, data, { height = 420, scale = "linear", zoomed = null } = {}) {
    this.hidden = new Set();
    this.scale = scale;
    this.difference = "sigma";
    this.pointer = null;
    this.drag = null;
    this.chosen = null;
    this.zoomed = zoomed;
    this.root = element("div", { class: "lx-pattern" });
    this.bar = element("div", { class: "lx-bar" });
    this.phaseBar = element("div", { class: "lx-bar lx-phases" });
    this.holder = element("div");
    this.readout = element("div", { class: "lx-readout", "aria-live": "polite" });
    const help = "Drag: zoom. Double click: whole range. Keys: arrows, + and −, 0; [ and ]: reflections.";
    this.root.append(this.bar, this.phaseBar, this.holder, this.readout, element("div", { class: "lx-note" }, help));
    parent.append(this.root);
    this.bar.append(
      choice("intensity axis", [["linear", "linear"], ["sqrt", "√"], ["log", "log"]], scale, (value) => {
        this.scale = value;
        this.changed();
      }),
    );
    this.differenceChoice = choice("difference", [["sigma", "difference / σ"], ["counts", "difference"]], "sigma", (value) => {
      this.difference = value;
      this.changed();
    });
    this.bar.append(
      this.differenceChoice,
      element("button", { type: "button", "aria-label": "zoom in", click: () => this.zoom(0.5) }, "+"),
      element("button", { type: "button", "aria-label": "zoom out", click: () => this.zoom(2) }, "−"),
      element("button", { type: "button", class: "lx-all", click: () => this.show(null) }, "whole range"),
    );
    this.title = element("span", { class: "lx-title" });
    this.bar.append(this.title);
    this.surface = new Surface(this.holder, {
      label: "powder pattern", height: (width) => (width < 520 ? Math.round(0.82 * height) : height), draw: (...all) => this.draw(...all),
    });
    this.listen();
    this.set(data);
  }

  /** Show another pattern; the range stays where it is zoomed. */
  set(data) {
    this.data = data;
    const x = data.two_theta;
    this.whole = [x[0], x[x.length - 1]];
    if (this.range === undefined || this.zoomedRange === null) this.range = [...this.whole];
    this.isFit = Boolean(data.observed && data.calculated);
    this.differenceChoice.hidden = !this.isFit;
    this.title.textContent = data.title || "";
    this.chosen = null;
    this.fillPhases();
    this.changed();
  }

  fillPhases() {
    this.phaseBar.replaceChildren(...this.data.phases.map((phase) =>
      toggle(phase.label, !this.hidden.has(phase.name), (state) => {
        if (state) this.hidden.delete(phase.name);
        else this.hidden.add(phase.name);
        this.changed();
      }, phase.colour)));
  }

  /** Show a range of angles, or all of them. */
  show(range, silent = false) {
    const [first, last] = this.whole;
    if (range === null) this.range = [first, last];
    else {
      const step = (last - first) / Math.max(this.data.two_theta.length - 1, 1);
      const width = Math.min(Math.max(range[1] - range[0], LEAST_POINTS * step), last - first);
      const low = Math.min(Math.max(range[0], first), last - width);
      this.range = [low, low + width];
    }
    this.zoomedRange = this.range[0] <= first && this.range[1] >= last ? null : this.range;
    if (!silent && this.zoomed !== null) this.zoomed(this.zoomedRange);
    this.changed();
  }

  zoom(factor, centre = (this.range[0] + this.range[1]) / 2) {
    const [low, high] = this.range;
    this.show([centre - (centre - low) * factor, centre + (high - centre) * factor]);
  }

  pan(share) {
    const by = share * (this.range[1] - this.range[0]);
    this.show([this.range[0] + by, this.range[1] + by]);
  }

  changed() {
    const shown = this.data.phases.filter((phase) => !this.hidden.has(phase.name)).map((phase) => phase.name);
    Object.assign(this.root.dataset, { scale: this.scale, difference: this.difference, shown: shown.join(" "),
      low: this.range[0].toFixed(3), high: this.range[1].toFixed(3) });
    this.surface.redraw();
  }

  listen() {
    const canvas = this.surface.canvas;
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = this.surface.at(event);
      if (this.drag !== null) this.drag.to = this.pointer[0];
      this.chosen = this.nearest(...this.pointer);
      this.state();
      this.surface.redraw();
    });
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.surface.redraw();
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const [x] = this.surface.at(event);
      this.drag = { from: x, to: x };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => {
      const drag = this.drag;
      this.drag = null;
      if (drag !== null && Math.abs(drag.to - drag.from) > 5) {
        this.show([this.angleAt(Math.min(drag.from, drag.to)), this.angleAt(Math.max(drag.from, drag.to))]);
      }
    });
    canvas.addEventListener("pointercancel", () => { this.drag = null; });
    canvas.addEventListener("dblclick", () => this.show(null));
    canvas.addEventListener("wheel", (event) => {
      // The page scrolls unless the picture has the focus.
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.angleAt(this.surface.at(event)[0]));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const actions = { ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2), "+": () => this.zoom(0.5), "=": () => this.zoom(0.5),
        "-": () => this.zoom(2), 0: () => this.show(null), Home: () => this.show(null), "[": () => this.step(-1), "]": () => this.step(1) };
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in actions)) return;
      event.preventDefault();
      actions[event.key]();
    });
  }

  /** Select the next reflection to one side. */
  step(by) {
    const rows = this.visible().flatMap((phase) => Array.from(phase.ticks, (x, k) => ({ phase, k, x })));
    const inside = rows.filter((row) => row.x >= this.range[0] && row.x <= this.range[1]).sort((a, b) => a.x - b.x);
    if (!inside.length) return;
    const now = this.chosen === null ? -1 : inside.findIndex((row) => row.phase === this.chosen.phase && row.k === this.chosen.k);
    this.chosen = inside[Math.min(Math.max(now < 0 ? (by > 0 ? 0 : inside.length - 1) : now + by, 0), inside.length - 1)];
    this.pointer = null;
    this.state();
    this.surface.redraw();
  }

  visible() {
    return this.data.phases.filter((phase) => !this.hidden.has(phase.name));
  }

  angleAt(x) {
    const { left, width } = this.box;
    return this.range[0] + ((x - left) / width) * (this.range[1] - this.range[0]);
  }

  placeOf(angle) {
    return this.box.left + ((angle - this.range[0]) / (this.range[1] - this.range[0])) * this.box.width;
  }

  /** Return the reflection or unexplained peak beside a point, null without one. */
  nearest(x, y) {
    if (this.box === undefined) return null;
    let best = null;
    let least = NEAR;
    this.visible().forEach((phase, row) => {
      const inRow = y >= this.rows.top + row * ROW && y < this.rows.top + (row + 1) * ROW;
      if (y >= this.rows.top && y < this.rows.bottom && !inRow) return;
      const k = lowerBound(phase.ticks, this.angleAt(x));
      for (const j of [k - 1, k]) {
        if (j < 0 || j >= phase.ticks.length) continue;
        const distance = Math.abs(this.placeOf(phase.ticks[j]) - x);
        if (distance < least) {
          least = distance;
          best = { phase, k: j, x: phase.ticks[j] };
        }
      }
    });
    for (const peak of this.data.unexplained || []) {
      const distance = Math.abs(this.placeOf(peak.two_theta) - x);
      if (y < this.rows.top && distance < least) {
        least = distance;
        best = { peak, x: peak.two_theta };
      }
    }
    return best;
  }

  /** Write below the picture what the pointer or the keys select. */
  state() {
    const texts = [];
    if (this.chosen !== null) texts.push(...this.described(this.chosen));
    if (this.pointer !== null && this.box !== undefined) texts.push(...this.numbersAt(this.angleAt(this.pointer[0])));
    this.readout.textContent = texts.join("   ");
  }

  described({ phase, k, peak }) {
    const spacing = (angle) => digits(this.data.wavelength / 2 / Math.sin((angle * Math.PI) / 360), 5);
    if (peak !== undefined) return [`unexplained peak at ${peak.two_theta.toFixed(3)}°`, `d ${digits(peak.d, 5)} Å, height ${digits(peak.height, 4)}`];
    const index = phase.hkl === null ? "" : ` (${[0, 1, 2].map((j) => String(phase.hkl[3 * k + j]).replace("-", "−")).join(" ")})`;
    return [`${phase.name}${index}`, `2θ ${phase.ticks[k].toFixed(3)}°, d ${spacing(phase.ticks[k])} Å`];
  }

  numbersAt(angle) {
    const { two_theta: x, observed, calculated, sigma } = this.data;
    let k = Math.min(lowerBound(x, angle), x.length - 1);
    if (k > 0 && angle - x[k - 1] < x[k] - angle) k -= 1;
    if (angle < x[0] || angle > x[x.length - 1]) return [];
    const texts = [`2θ ${x[k].toFixed(3)}°`];
    if (observed) texts.push(`observed ${digits(observed[k])}`);
    if (calculated) texts.push(`calculated ${digits(calculated[k])}`);
    if (observed && calculated && sigma) texts.push(`difference ${digits((observed[k] - calculated[k]) / sigma[k], 3)} σ`);
    return texts;
  }

  draw(context, width, height) {
    const data = this.data;
    const phases = this.visible();
    const left = width < 520 ? 60 : 66;
    const below = this.isFit ? Math.round(0.22 * height) : 0;
    const rows = ROW * Math.max(phases.length, 1) + 6;
    const bottom = height - 42 - below - rows;
    this.box = { left, top: 22, bottom, width: width - left - 10 };
    this.rows = { top: bottom + 4, bottom: bottom + rows };
    const span = [Math.max(lowerBound(data.two_theta, this.range[0]) - 1, 0), Math.min(lowerBound(data.two_theta, this.range[1]) + 1, data.two_theta.length)];
    this.drawExcluded(context, this.box.top, height - 42);
    this.drawCurves(context, span);
    this.drawRows(context, phases);
    const lowest = { ...this.box, top: this.rows.bottom, bottom: height - 42 };
    if (this.isFit) this.drawDifference(context, span, lowest);
    drawAxisX(context, this.isFit ? lowest : { ...this.box, bottom: this.rows.bottom }, ...this.range, { title: "2θ (degrees)" });
    this.drawDrag(context, height);
    if (this.chosen !== null) this.drawChosen(context, width);
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn || 0) + 1);
  }

  drawExcluded(context, top, bottom) {
    context.fillStyle = EXCLUDED;
    for (const [low, high] of this.data.excluded || []) {
      const from = Math.max(this.placeOf(low), this.box.left);
      const to = Math.min(this.placeOf(high), this.box.left + this.box.width);
      if (to > from) context.fillRect(from, top, to - from, bottom - top);
    }
  }

  /** Set the limits of the intensity axis to the visible curves. */
  limits([from, to]) {
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

  drawCurves(context, span) {
    const { to } = SCALES[this.scale];
    const [low, high] = this.limits(span);
    const box = this.box;
    const factor = (box.bottom - box.top) / (to(high) - to(low));
    this.heightOf = (value) => box.bottom - (to(Math.max(value, this.scale === "log" ? low : value)) - to(low)) * factor;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.bottom - box.top);
    context.clip();
    const { observed, calculated, background, phases } = this.data;
    for (const phase of phases) {
      if (!phase.curve || this.hidden.has(phase.name)) continue;
      this.trace(context, span, (k) => this.heightOf(phase.curve[k] + (background ? background[k] : 0)), phase.colour, 1);
    }
    if (observed && calculated) this.dots(context, span, observed);
    else if (observed) this.trace(context, span, (k) => this.heightOf(observed[k]), OBSERVED, 1);
    if (calculated) this.trace(context, span, (k) => this.heightOf(calculated[k]), CALCULATED, 1.1);
    if (background) {
      context.setLineDash([5, 3]);
      this.trace(context, span, (k) => this.heightOf(background[k]), BACKGROUND, 1);
      context.setLineDash([]);
    }
    this.markUnexplained(context);
    context.restore();
    frame(context, box);
    const values = this.scale === "log" ? decades(low, high) : this.scale === "sqrt"
      ? ticks(0, Math.sqrt(high), 5).map((root) => Number((root * root).toPrecision(3))) : ticks(low, high, 5);
    drawAxisY(context, box, values, this.heightOf, this.data.unit || "intensity");
    this.drawKey(context, box);
  }

  trace(context, [from, to], heightOf, colour, width) {
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

  dots(context, [from, to], values) {
    const x = this.data.two_theta;
    const size = to - from < this.box.width / 3 ? 3 : 2;
    context.fillStyle = OBSERVED;
    for (let k = from; k < to; k++) {
      context.fillRect(this.placeOf(x[k]) - size / 2, this.heightOf(values[k]) - size / 2, size, size);
    }
  }

  markUnexplained(context) {
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
  drawKey(context, box) {
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

  drawRows(context, phases) {
    context.lineWidth = 1;
    phases.forEach((phase, row) => {
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

  drawDifference(context, [from, to], box) {
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
    this.trace(context, [from, to], (k) => place(value(k)), DIFFERENCE, 1);
    context.restore();
    frame(context, box);
    drawAxisY(context, box, ticks(-reach, reach, 4), place, over ? "Δ / σ" : "Δ");
  }

  drawDrag(context, height) {
    if (this.drag === null || this.drag.to === this.drag.from) return;
    const low = Math.max(Math.min(this.drag.from, this.drag.to), this.box.left);
    const high = Math.min(Math.max(this.drag.from, this.drag.to), this.box.left + this.box.width);
    context.fillStyle = "rgba(0,114,178,0.15)";
    context.fillRect(low, this.box.top, high - low, height - 42 - this.box.top);
  }

  drawChosen(context, width) {
    const x = this.placeOf(this.chosen.x);
    if (x < this.box.left || x > this.box.left + this.box.width) return;
    context.strokeStyle = this.chosen.phase ? this.chosen.phase.colour : UNEXPLAINED;
    context.setLineDash([2, 2]);
    line(context, x, this.box.top, x, this.rows.bottom);
    context.setLineDash([]);
    drawNote(context, x, this.pointer === null ? this.box.top + 60 : Math.min(this.pointer[1], this.rows.top), this.described(this.chosen), width);
  }
}

