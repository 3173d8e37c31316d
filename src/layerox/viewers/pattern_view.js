// A powder pattern with its fit: zoom, phases shown or hidden, reflections with their indices, difference in counts or
// in standard uncertainties, intensities on a linear, square-root or logarithmic axis.

import { Surface, choice, digits, element, lowerBound, toggle } from "./canvas.js";
import { PatternDrawing } from "./pattern_drawing.js";

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
      choice(
        "intensity axis",
        [
          ["linear", "linear"],
          ["sqrt", "√"],
          ["log", "log"],
        ],
        scale,
        (value) => {
          this.scale = value;
          this.changed();
        },
      ),
    );
    this.differenceChoice = choice(
      "difference",
      [
        ["sigma", "difference / σ"],
        ["counts", "difference"],
      ],
      "sigma",
      (value) => {
        this.difference = value;
        this.changed();
      },
    );
    this.bar.append(
      this.differenceChoice,
      element("button", { type: "button", "aria-label": "zoom in", click: () => this.zoom(0.5) }, "+"),
      element("button", { type: "button", "aria-label": "zoom out", click: () => this.zoom(2) }, "−"),
      element("button", { type: "button", class: "lx-all", click: () => this.show(null) }, "whole range"),
    );
    this.title = element("span", { class: "lx-title" });
    this.bar.append(this.title);
    this.surface = new Surface(this.holder, {
      label: "powder pattern",
      height: (width) => (width < 520 ? Math.round(0.82 * height) : height),
      draw: (...all) => this.draw(...all),
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
    this.phaseBar.replaceChildren(
      ...this.data.phases.map((phase) =>
        toggle(
          phase.label,
          !this.hidden.has(phase.name),
          (state) => {
            if (state) this.hidden.delete(phase.name);
            else this.hidden.add(phase.name);
            this.changed();
          },
          phase.colour,
        ),
      ),
    );
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
    Object.assign(this.root.dataset, {
      scale: this.scale,
      difference: this.difference,
      shown: shown.join(" "),
      low: this.range[0].toFixed(3),
      high: this.range[1].toFixed(3),
    });
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
    canvas.addEventListener("pointercancel", () => {
      this.drag = null;
    });
    canvas.addEventListener("dblclick", () => this.show(null));
    canvas.addEventListener(
      "wheel",
      (event) => {
        // The page scrolls unless the picture has the focus.
        if (document.activeElement !== canvas && !event.ctrlKey) return;
        event.preventDefault();
        this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.angleAt(this.surface.at(event)[0]));
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => {
      const actions = {
        ArrowLeft: () => this.pan(-0.2),
        ArrowRight: () => this.pan(0.2),
        "+": () => this.zoom(0.5),
        "=": () => this.zoom(0.5),
        "-": () => this.zoom(2),
        0: () => this.show(null),
        Home: () => this.show(null),
        "[": () => this.step(-1),
        "]": () => this.step(1),
      };
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
    const now =
      this.chosen === null ? -1 : inside.findIndex((row) => row.phase === this.chosen.phase && row.k === this.chosen.k);
    this.chosen =
      inside[Math.min(Math.max(now < 0 ? (by > 0 ? 0 : inside.length - 1) : now + by, 0), inside.length - 1)];
    this.pointer = null;
    this.state();
    this.surface.redraw();
  }

  visible() {
    return this.data.phases.filter((phase) => !this.hidden.has(phase.name));
  }

  angleAt(x) {
    return this.drawing.angleAt(x);
  }

  /** Return the reflection or unexplained peak beside a point, null without one. */
  nearest(x, y) {
    const { drawing } = this;
    if (drawing === undefined) return null;
    const { rows } = drawing;
    let best = null;
    let least = NEAR;
    this.visible().forEach((phase, row) => {
      if (y >= rows.top && y < rows.bottom && !drawing.isInRow(y, row)) return;
      const k = lowerBound(phase.ticks, this.angleAt(x));
      for (const j of [k - 1, k]) {
        if (j < 0 || j >= phase.ticks.length) continue;
        const distance = Math.abs(drawing.placeOf(phase.ticks[j]) - x);
        if (distance < least) {
          least = distance;
          best = { phase, k: j, x: phase.ticks[j] };
        }
      }
    });
    for (const peak of this.data.unexplained || []) {
      const distance = Math.abs(drawing.placeOf(peak.two_theta) - x);
      if (y < rows.top && distance < least) {
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
    if (this.pointer !== null && this.drawing !== undefined)
      texts.push(...this.numbersAt(this.angleAt(this.pointer[0])));
    this.readout.textContent = texts.join("   ");
  }

  described({ phase, k, peak }) {
    const spacing = (angle) => digits(this.data.wavelength / 2 / Math.sin((angle * Math.PI) / 360), 5);
    if (peak !== undefined)
      return [
        `unexplained peak at ${peak.two_theta.toFixed(3)}°`,
        `d ${digits(peak.d, 5)} Å, height ${digits(peak.height, 4)}`,
      ];
    const index =
      phase.hkl === null ? "" : ` (${[0, 1, 2].map((j) => String(phase.hkl[3 * k + j]).replace("-", "−")).join(" ")})`;
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
    if (observed && calculated && sigma)
      texts.push(`difference ${digits((observed[k] - calculated[k]) / sigma[k], 3)} σ`);
    return texts;
  }

  draw(context, width, height) {
    this.drawing = new PatternDrawing(context, width, height, this);
    this.drawing.draw();
    if (this.drag !== null && this.drag.to !== this.drag.from) this.drawing.drawDrag(this.drag);
    if (this.chosen !== null) {
      const { x, phase } = this.chosen;
      this.drawing.drawChosen(x, phase === undefined ? null : phase.colour, this.described(this.chosen), this.pointer);
    }
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn || 0) + 1);
  }
}
