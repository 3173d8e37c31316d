// The map of a series: all patterns on one axis, the refined quantities beside it, and below the fit of one frame.

import { decoded } from "./arrays.js";
import { Surface, choice, digits, element, toggle } from "./canvas.js";
import { frameFit } from "./frame_fit.js";
import { MapDrawing, NARROW } from "./map_drawing.js";
import { PatternView } from "./pattern_view.js";

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
    this.order = Array.from(this.place, (_, k) => k)
      .filter((k) => Number.isFinite(this.place[k]))
      .sort((a, b) => this.place[a] - this.place[b]);
    this.panels = document_.panels.map((panel) => ({
      ...panel,
      curves: panel.curves.map((curve) => ({ ...curve, values: decoded(curve.values), esds: decoded(curve.esds) })),
    }));
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
    this.surface = new Surface(this.holder, {
      label: "map of all patterns",
      height: (width) => (width < NARROW ? 380 : 440),
      draw: (...all) => this.draw(...all),
    });
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
    this.panelChoice = element(
      "label",
      { class: "lx-panel" },
      "beside: ",
      element(
        "select",
        {
          change: (event) => {
            this.panelShown = Number(event.target.value);
            this.surface.redraw();
          },
        },
        ...panels,
      ),
    );
    this.root.append(
      element(
        "div",
        { class: "lx-bar" },
        choice(
          "shade",
          [
            ["linear", "linear"],
            ["sqrt", "√"],
            ["log", "log"],
          ],
          this.scale,
          (value) => {
            this.scale = value;
            this.image = null;
            this.changed();
          },
        ),
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
        this.panelChoice,
      ),
    );
  }

  fillFrameBar() {
    const last = this.document.frames.length - 1;
    const go = (event) => this.select(Math.min(Math.max(Math.round(Number(event.target.value)) || 0, 0), last));
    this.slider = element("input", { type: "range", min: 0, max: last, "aria-label": "frame", input: go });
    this.state = element("div", { class: "lx-readout", "aria-live": "polite" });
    this.root.append(
      element(
        "div",
        { class: "lx-bar" },
        element("button", { type: "button", "aria-label": "frame before", click: () => this.step(-1) }, "◀"),
        this.slider,
        element("button", { type: "button", "aria-label": "next frame", click: () => this.step(1) }, "▶"),
      ),
      this.state,
      element(
        "div",
        { class: "lx-note" },
        "Click a frame: its fit is below. Drag: zoom. Keys: ↑ ↓ frames, ← → range, + and −, 0.",
      ),
    );
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
      if (from !== null && Math.abs(to[0] - from[0]) > 6 && from[0] < this.drawing.box.left + this.drawing.box.width) {
        this.show([this.drawing.angleAt(Math.min(from[0], to[0])), this.drawing.angleAt(Math.max(from[0], to[0]))]);
      } else if (from !== null) {
        const k = this.drawing.frameAt(to[1]);
        if (k !== null) this.select(k);
      }
      from = this.drag = null;
      this.surface.redraw();
    });
    canvas.addEventListener("dblclick", () => this.show(null));
    canvas.addEventListener("keydown", (event) => {
      const width = this.range[1] - this.range[0];
      const actions = {
        ArrowUp: () => this.step(1),
        ArrowDown: () => this.step(-1),
        PageUp: () => this.step(10),
        PageDown: () => this.step(-10),
        ArrowLeft: () => this.show([this.range[0] - 0.2 * width, this.range[1] - 0.2 * width]),
        ArrowRight: () => this.show([this.range[0] + 0.2 * width, this.range[1] + 0.2 * width]),
        "+": () => this.show([this.range[0] + width / 4, this.range[1] - width / 4]),
        "-": () => this.show([this.range[0] - width / 2, this.range[1] + width / 2]),
        0: () => this.show(null),
      };
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
    Object.assign(this.root.dataset, {
      frame: this.frame,
      scale: this.scale,
      low: this.range[0].toFixed(3),
      high: this.range[1].toFixed(3),
    });
    this.surface.redraw();
  }

  /** Select a frame and show its fit. */
  select(k) {
    this.frame = k;
    this.slider.value = String(k);
    const row = this.document.frames[k];
    const parts = [`frame ${row.frame}`, row.file, `${this.document.axis} ${digits(this.place[k])}`, row.verdict];
    if (row.reason) parts.push(row.reason);
    if (row.r_wp !== null)
      parts.push(`R_wp ${(100 * row.r_wp).toFixed(2)} %, gof ${row.gof === null ? "–" : row.gof.toFixed(2)}`);
    this.slider.setAttribute("aria-valuetext", parts.slice(0, 4).join(", "));
    this.state.textContent = parts.join(" · ");
    const held = frameFit(this.document, this.tracks, this.angles, k);
    if (held !== null && held.calculated === null && this.request === null)
      held.title = "no fit of this frame in this page";
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
      this.view = new PatternView(this.below, fit, {
        height: 380,
        scale: this.scale,
        zoomed: (range) => this.show(range, this.view),
      });
    } else this.view.set(fit);
    this.root.dataset.curves = fit.calculated ? "fit" : "observed";
  }

  draw(context, width, height) {
    this.panelChoice.hidden = width >= NARROW || this.panels.length < 2;
    this.drawing = new MapDrawing(context, width, height, this);
    const began = performance.now();
    this.drawing.drawImage();
    this.root.dataset.milliseconds = (performance.now() - began).toFixed(2);
    this.drawing.draw();
  }
}
