// The map of a series: all patterns on one axis, the refined quantities beside it, and below the fit of one frame.

import { decoded, decodedRow, interpolated, wholeNumbers } from "./arrays.js";
import { INK, RULE, SCALES, Surface, choice, digits, drawAxisX, drawAxisY, drawNote, element, frame, line, lowerBound, ticks, toggle } from "./canvas.js";
import { PatternView } from "./pattern_view.js";

const MISSED = "#d55e00";
const CURVE = "#222222";
const CURSOR = "#0072b2";
// Shares of the shown intensities that are white and black.
const DARKEST = 0.995;
const PALEST = 0.05;

/** Show a series in an element; `request(k)` asks for the curves of a frame that the document does not hold. */
export function showSeries(parent, document_, request = null) {
  return new SeriesMap(parent, document_, request);
}

export class SeriesMap {
  constructor(parent, document_, request) {
    this.document = document_;
    this.request = request;
    this.place = decoded(document_.place);
    this.angles = decoded(document_.two_theta);
    this.order = Array.from(this.place, (_, k) => k).filter((k) => Number.isFinite(this.place[k])).sort((a, b) => this.place[a] - this.place[b]);
    this.panels = document_.panels.map((panel) => ({ ...panel, curves: panel.curves.map((curve) => ({ ...curve, values: decoded(curve.values), esds: decoded(curve.esds) })) }));
    this.tracks = document_.tracks.map((track) => ({ ...track, two_theta: decoded(track.two_theta) }));
    this.range = [this.angles[0], this.angles[this.angles.length - 1]];
    this.scale = "sqrt";
    this.showsTracks = true;
    this.frame = this.firstFrame();
    this.panelShown = 0;
    this.root = element("div", { class: "lx-map" });
    parent.append(this.root);
    this.fillBar();
    this.holder = element("div");
    this.root.append(this.holder);
    this.surface = new Surface(this.holder, { label: "map of all patterns", height: (width) => (width < 560 ? 380 : 440), draw: (...all) => this.draw(...all) });
    this.fillFrameBar();
    this.below = element("div", { class: "lx-frame" });
    this.root.append(this.below);
    this.listen();
    this.select(this.frame);
  }

  firstFrame() {
    const good = this.document.frames.findIndex((row) => row.verdict === "accepted" || row.verdict === "reseeded");
    return Math.max(good, 0);
  }

  fillBar() {
    const panels = this.panels.map((panel, k) => element("option", { value: k }, panel.label));
    this.panelChoice = element("label", { class: "lx-panel" }, "beside: ", element("select", { change: (event) => {
      this.panelShown = Number(event.target.value);
      this.surface.redraw();
    } }, ...panels));
    this.root.append(element("div", { class: "lx-bar" },
      choice("shade", [["linear", "linear"], ["sqrt", "√"], ["log", "log"]], this.scale, (value) => {
        this.scale = value;
        this.image = null;
        this.changed();
      }),
      toggle("reflections", true, (state) => {
        this.showsTracks = state;
        this.changed();
      }),
      element("button", { type: "button", class: "lx-all", click: () => this.show(null) }, "whole range"),
      ...this.document.phases.map((phase) => {
        const swatch = element("span", { class: "lx-swatch" });
        swatch.style.background = phase.colour;
        return element("span", {}, swatch, phase.name);
      }),
      this.panelChoice));
  }

  fillFrameBar() {
    const last = this.document.frames.length - 1;
    const go = (event) => this.select(Math.min(Math.max(Math.round(Number(event.target.value)) || 0, 0), last));
    this.slider = element("input", { type: "range", min: 0, max: last, "aria-label": "frame", input: go });
    this.state = element("div", { class: "lx-readout", "aria-live": "polite" });
    this.root.append(
      element("div", { class: "lx-bar" }, element("button", { type: "button", "aria-label": "frame before", click: () => this.step(-1) }, "◀"),
        this.slider, element("button", { type: "button", "aria-label": "next frame", click: () => this.step(1) }, "▶")),
      this.state, element("div", { class: "lx-note" }, "Click a frame: its fit is below. Drag: zoom. Keys: ↑ ↓ frames, ← → range, + and −, 0."));
  }

  /** Return the frames by place: up is further along the axis. */
  step(by) {
    const now = this.order.indexOf(this.frame);
    this.select(now < 0 ? this.order[0] : this.order[Math.min(Math.max(now + by, 0), this.order.length - 1)]);
  }

  listen() {
    const canvas = this.surface.canvas;
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = this.surface.at(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = this.surface.at(event);
      this.drag = from === null ? null : [from[0], this.pointer[0]];
      this.surface.redraw();
    });
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.surface.redraw();
    });
    canvas.addEventListener("pointerup", (event) => {
      const to = this.surface.at(event);
      if (from !== null && Math.abs(to[0] - from[0]) > 6 && from[0] < this.box.left + this.box.width) {
        this.show([this.angleAt(Math.min(from[0], to[0])), this.angleAt(Math.max(from[0], to[0]))]);
      } else if (from !== null) {
        const k = this.frameAt(to[1]);
        if (k !== null) this.select(k);
      }
      from = this.drag = null;
      this.surface.redraw();
    });
    canvas.addEventListener("dblclick", () => this.show(null));
    canvas.addEventListener("keydown", (event) => {
      const width = this.range[1] - this.range[0];
      const actions = { ArrowUp: () => this.step(1), ArrowDown: () => this.step(-1), PageUp: () => this.step(10), PageDown: () => this.step(-10),
        ArrowLeft: () => this.show([this.range[0] - 0.2 * width, this.range[1] - 0.2 * width]), ArrowRight: () => this.show([this.range[0] + 0.2 * width, this.range[1] + 0.2 * width]),
        "+": () => this.show([this.range[0] + width / 4, this.range[1] - width / 4]), "-": () => this.show([this.range[0] - width / 2, this.range[1] + width / 2]), 0: () => this.show(null) };
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in actions)) return;
      event.preventDefault();
      actions[event.key]();
    });
  }

  /** Show a range of angles in the map and in the pattern below it. */
  show(range, from = null) {
    const whole = [this.angles[0], this.angles[this.angles.length - 1]];
    if (range === null) this.range = whole;
    else {
      const width = Math.min(Math.max(range[1] - range[0], (whole[1] - whole[0]) / 200), whole[1] - whole[0]);
      const low = Math.min(Math.max(range[0], whole[0]), whole[1] - width);
      this.range = [low, low + width];
    }
    this.image = null;
    if (from === null && this.view !== undefined) this.view.show(range === null ? null : this.range, true);
    this.changed();
  }

  changed() {
    Object.assign(this.root.dataset, { frame: this.frame, scale: this.scale, low: this.range[0].toFixed(3), high: this.range[1].toFixed(3) });
    this.surface.redraw();
  }

  /** Select a frame and show its fit. */
  select(k) {
    this.frame = k;
    this.slider.value = String(k);
    const row = this.document.frames[k];
    const parts = [`frame ${row.frame}`, row.file, `${this.document.axis} ${digits(this.place[k])}`, row.verdict];
    if (row.reason) parts.push(row.reason);
    if (row.r_wp !== null) parts.push(`R_wp ${(100 * row.r_wp).toFixed(2)} %, gof ${row.gof === null ? "–" : row.gof.toFixed(2)}`);
    this.slider.setAttribute("aria-valuetext", parts.slice(0, 4).join(", "));
    this.state.textContent = parts.join(" · ");
    const held = this.fitOf(k);
    this.showFit(held);
    if (this.request !== null) this.request(k);
    this.changed();
  }

  /** Take the curves of a frame that were requested. */
  receive(k, fit) {
    if (k === this.frame) this.showFit(fit);
  }

  /** State why a frame has no fit. */
  refuse(k, fault) {
    if (k === this.frame && this.view !== undefined) this.view.title.textContent = fault;
  }

  showFit(fit) {
    if (fit === null) return;
    if (this.view === undefined) {
      this.view = new PatternView(this.below, fit, { height: 380, scale: this.scale, zoomed: (range) => this.show(range, this.view) });
    } else this.view.set(fit);
    this.root.dataset.curves = fit.calculated ? "fit" : "observed";
  }

  /** Return the fit of a frame from the document, without its calculated curve where the document has none. */
  fitOf(k) {
    const { observed, calculated, background, sigma, stride, row_of, fit_row_of } = this.document;
    const row = row_of[k];
    if (row === null || row === undefined) return null;
    const seen = decodedRow(observed, row);
    const own = fit_row_of === null ? null : fit_row_of[k];
    const hasFit = own !== null && own !== undefined && calculated !== null;
    const phases = this.document.phases.map((phase) => {
      const tracks = this.tracks.filter((track) => track.phase === phase.name && Number.isFinite(track.two_theta[k]));
      tracks.sort((a, b) => a.two_theta[k] - b.two_theta[k]);
      return { ...phase, label: phase.name, curve: null, ticks: Float64Array.from(tracks, (track) => track.two_theta[k]), hkl: Int16Array.from(tracks.flatMap((track) => track.hkl)) };
    });
    return {
      two_theta: this.angles, observed: seen, calculated: hasFit ? decodedRow(calculated, own) : null,
      background: hasFit ? interpolated(decodedRow(background, own), stride, this.angles.length) : null,
      sigma: sigma === null ? seen.map((value) => Math.sqrt(Math.max(value, 1) / this.document.averaged)) : decodedRow(sigma, row),
      phases: phases.filter((phase) => phase.ticks.length), excluded: this.document.excluded, unexplained: [], wavelength: this.document.wavelength, unit: this.document.unit,
      title: hasFit || this.request !== null ? "" : "no fit of this frame in this page",
    };
  }

  angleAt(x) {
    return this.range[0] + ((x - this.box.left) / this.box.width) * (this.range[1] - this.range[0]);
  }

  /** Return the frame nearest to a height in pixels. */
  frameAt(y) {
    if (y < this.box.top - 2 || y > this.box.bottom + 2) return null;
    const wanted = this.low + ((this.box.bottom - y) / (this.box.bottom - this.box.top)) * (this.high - this.low);
    return this.order.reduce((best, k) => (Math.abs(this.place[k] - wanted) < Math.abs(this.place[best] - wanted) ? k : best), this.order[0]);
  }

  heightOf(place) {
    return this.box.bottom - ((place - this.low) / (this.high - this.low)) * (this.box.bottom - this.box.top);
  }

  draw(context, width, height) {
    const narrow = width < 560;
    this.panelChoice.hidden = !narrow || this.panels.length < 2;
    const shown = narrow ? this.panels.slice(this.panelShown, this.panelShown + 1) : this.panels;
    const each = narrow ? 100 : Math.min(140, (0.5 * width) / Math.max(shown.length, 1));
    const left = narrow ? 52 : 62;
    this.box = { left, top: 10, bottom: height - 44, width: width - left - 10 - shown.length * each };
    const places = this.order.map((k) => this.place[k]);
    const steps = places.slice(1).map((value, k) => value - places[k]).sort((a, b) => a - b);
    this.usual = steps.length ? steps[steps.length >> 1] || 1 : 1;
    this.low = places[0] - this.usual / 2;
    this.high = places[places.length - 1] + this.usual / 2;
    const began = performance.now();
    this.drawImage(context);
    this.root.dataset.milliseconds = (performance.now() - began).toFixed(2);
    this.drawMarks(context);
    frame(context, this.box);
    drawAxisX(context, this.box, ...this.range, { title: "2θ (degrees)" });
    drawAxisY(context, this.box, ticks(this.low, this.high, 7), (value) => this.heightOf(value), this.document.axis);
    shown.forEach((panel, k) => this.drawPanel(context, panel, { ...this.box, left: this.box.left + this.box.width + 8 + k * each, width: each - 10 }));
    const y = this.heightOf(this.place[this.frame]);
    context.strokeStyle = CURSOR;
    context.lineWidth = 1.5;
    line(context, this.box.left, y, width - 4, y);
    this.drawPointer(context, width);
  }

  /** Draw the intensities: one row of pixels for a frame, each the largest of the points that fall on it. */
  drawImage(context) {
    const columns = Math.max(Math.round(this.box.width * this.surface.density), 1);
    if (this.image === null || this.image === undefined || this.image.width !== columns) this.image = this.imageOf(columns);
    context.imageSmoothingEnabled = false;
    context.fillStyle = "#ffffff";
    context.fillRect(this.box.left, this.box.top, this.box.width, this.box.bottom - this.box.top);
    const count = this.order.length;
    this.order.forEach((k, i) => {
      const row = this.document.row_of[k];
      if (row === null || row === undefined) return;
      const here = this.place[k];
      const before = i > 0 ? here - this.place[this.order[i - 1]] : this.usual;
      const after = i + 1 < count ? this.place[this.order[i + 1]] - here : this.usual;
      // A gap of several usual steps stays white.
      const down = before > 3 * this.usual ? this.usual / 2 : before / 2;
      const up = after > 3 * this.usual ? this.usual / 2 : after / 2;
      const top = this.heightOf(here + up);
      context.drawImage(this.image, 0, row, columns, 1, this.box.left, top, this.box.width, Math.max(this.heightOf(here - down) - top, 0.6));
    });
    context.fillStyle = "#eeeeee";
    for (const [low, high] of this.document.excluded) {
      const from = Math.max(this.xOf(low), this.box.left);
      const to = Math.min(this.xOf(high), this.box.left + this.box.width);
      if (to > from) context.fillRect(from, this.box.top, to - from, this.box.bottom - this.box.top);
    }
  }

  xOf(angle) {
    return this.box.left + ((angle - this.range[0]) / (this.range[1] - this.range[0])) * this.box.width;
  }

  imageOf(columns) {
    const source = this.document.observed;
    const [rows, points] = source.shape;
    const whole = wholeNumbers(source);
    const edges = Int32Array.from({ length: columns + 1 }, (_, j) => lowerBound(this.angles, this.range[0] + (j / columns) * (this.range[1] - this.range[0])));
    const largest = new Int16Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const from = Math.min(edges[j], points - 1);
        const to = Math.max(edges[j + 1], from + 1);
        let top = whole[i * points + from];
        for (let k = from + 1; k < to; k++) if (whole[i * points + k] > top) top = whole[i * points + k];
        largest[i * columns + j] = top;
      }
    }
    return this.shaded(largest, rows, columns, source.step);
  }

  /** Return an image in greys, from light to dark between two quantiles. */
  shaded(values, rows, columns, step) {
    const sample = [];
    const every = Math.max(Math.floor(values.length / 20000), 1);
    for (let k = 0; k < values.length; k += every) if (values[k] > -32768) sample.push(values[k]);
    sample.sort((a, b) => a - b);
    const { to } = SCALES[this.scale];
    const shade = (whole) => to(Math.max(whole * step * Math.abs(whole * step), 0.5));
    const low = shade(sample[Math.floor(PALEST * (sample.length - 1))] || 0);
    const high = shade(sample[Math.floor(DARKEST * (sample.length - 1))] || 1);
    const table = new Uint8Array(65536);
    for (let k = 0; k < 65536; k++) table[k] = 255 - 235 * Math.min(Math.max((shade(k - 32768) - low) / (high - low || 1), 0), 1);
    const picture = new ImageData(columns, rows);
    const cells = new Uint32Array(picture.data.buffer);
    for (let k = 0; k < values.length; k++) {
      const grey = values[k] === -32768 ? 255 : table[values[k] + 32768];
      cells[k] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    const made = document.createElement("canvas");
    made.width = columns;
    made.height = rows;
    made.getContext("2d").putImageData(picture, 0, 0);
    return made;
  }

  /** Draw the tracks of reflections, and a mark at each frame that is not accepted. */
  drawMarks(context) {
    context.save();
    context.beginPath();
    context.rect(this.box.left, this.box.top, this.box.width, this.box.bottom - this.box.top);
    context.clip();
    const colours = Object.fromEntries(this.document.phases.map((phase) => [phase.name, phase.colour]));
    for (const track of this.showsTracks ? this.tracks : []) {
      if (!track.strong) continue;
      context.strokeStyle = colours[track.phase];
      context.setLineDash([2, 3]);
      this.curve(context, (k) => track.two_theta[k], (x) => this.xOf(x));
      context.setLineDash([]);
    }
    context.restore();
    context.fillStyle = MISSED;
    this.document.frames.forEach((row, k) => {
      if (row.verdict === "accepted" || row.verdict === "reseeded" || !Number.isFinite(this.place[k])) return;
      const y = this.heightOf(this.place[k]);
      context.beginPath();
      context.moveTo(this.box.left, y);
      context.lineTo(this.box.left - 6, y - 4);
      context.lineTo(this.box.left - 6, y + 4);
      context.fill();
    });
  }

  curve(context, value, xOf) {
    context.lineWidth = 1.1;
    context.beginPath();
    let drawing = false;
    for (const k of this.order) {
      const x = value(k);
      if (!Number.isFinite(x)) {
        drawing = false;
        continue;
      }
      if (drawing) context.lineTo(xOf(x), this.heightOf(this.place[k]));
      else context.moveTo(xOf(x), this.heightOf(this.place[k]));
      drawing = true;
    }
    context.stroke();
  }

  drawPanel(context, panel, box) {
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
      this.curve(context, (k) => values[k], xOf);
      for (const k of this.order) {
        if (!Number.isFinite(values[k])) continue;
        const y = this.heightOf(this.place[k]);
        if (this.order.length <= 150) context.fillRect(xOf(values[k]) - 1.5, y - 1.5, 3, 3);
        if (esds !== null && Number.isFinite(esds[k])) line(context, xOf(values[k] - esds[k]), y, xOf(values[k] + esds[k]), y);
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
      context.fillText(text, Math.min(Math.max(xOf(value), box.left + half - 4), box.left + box.width - half + 6), box.bottom + 6);
    }
    context.fillText(panel.label, box.left + box.width / 2, box.bottom + 24, box.width + 2);
  }

  drawPointer(context, width) {
    if (this.drag) {
      context.fillStyle = "rgba(0,114,178,0.15)";
      context.fillRect(Math.min(...this.drag), this.box.top, Math.abs(this.drag[1] - this.drag[0]), this.box.bottom - this.box.top);
    }
    if (!this.pointer) return;
    const k = this.frameAt(this.pointer[1]);
    if (k === null) return;
    const row = this.document.frames[k];
    const inside = this.pointer[0] >= this.box.left && this.pointer[0] <= this.box.left + this.box.width;
    const lines = [`frame ${row.frame}: ${row.file}`, `${this.document.axis} ${digits(this.place[k])}, ${row.verdict}`];
    if (inside) {
      const angle = this.angleAt(this.pointer[0]);
      lines.push(`2θ ${angle.toFixed(3)}°`, ...this.trackBeside(k, angle));
    }
    drawNote(context, this.pointer[0], Math.max(this.pointer[1], 70), lines, width);
  }

  trackBeside(k, angle) {
    const reach = (6 / this.box.width) * (this.range[1] - this.range[0]);
    const near = this.tracks.filter((track) => Math.abs(track.two_theta[k] - angle) < reach);
    return near.slice(0, 3).map((track) => `${track.phase} (${track.hkl.join(" ")})`);
  }
}
