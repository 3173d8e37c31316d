// A structure in space, drawn on a canvas from back to front: polyhedra of the metals, atoms, and the cell.

import { INK, Surface, choice, drawNote, element } from "./canvas.js";
import { repeatedCells } from "./repeated_cells.js";
import { cross, dot, mix, shaded, unit } from "./vectors.js";

const TURN = 0.008;
const LIGHT = [0.35, 0.45, 0.82];
const PAINTS = [
  ["layer", "by layer"],
  ["phase", "by phase"],
  ["element", "by element"],
];
// Opacity of polyhedra, and share of a radius that is drawn.
const OPACITY = 0.62;
const MARGIN = 14;

/** Show a structure in an element; the document is that of structure_scene.py. */
export class StructureScene {
  constructor(parent, document_, { height = 460, fills = false } = {}) {
    this.root = element("div", { class: "lx-scene" });
    parent.append(this.root);
    this.title = element("div", { class: "lx-title" });
    this.paints = element("span");
    this.count = 1;
    this.cells = element("span");
    this.root.append(
      this.title,
      element(
        "div",
        { class: "lx-bar" },
        this.paints,
        this.cells,
        element(
          "span",
          { class: "lx-choice", role: "group", "aria-label": "direction of view" },
          ...[
            ["a", "along a"],
            ["b", "along b"],
            ["c", "along c"],
          ].map(([axis, text]) => element("button", { type: "button", click: () => this.along(axis) }, text)),
          element("button", { type: "button", click: () => this.home() }, "reset"),
        ),
      ),
    );
    this.holder = element("div");
    this.key = element("ul", { class: "lx-key" });
    this.root.append(
      this.holder,
      this.key,
      element("div", { class: "lx-note" }, "Drag: turn. Wheel or pinch: size. Keys: arrows, + and −, 0."),
    );
    this.surface = new Surface(this.holder, {
      label: "structure in space",
      height: (width) => (fills ? this.room() : Math.min(height, Math.max(280, width))),
      draw: (...all) => this.draw(...all),
    });
    this.listen();
    this.set(document_, document_.paint);
  }

  /** Show another structure; the direction of view stays if the layers lie as before. */
  set(document_, paint = this.paint) {
    const same = this.document !== undefined && JSON.stringify(this.document.up) === JSON.stringify(document_.up);
    this.document = document_;
    this.count = document_.cells || this.count;
    this.cells.replaceChildren(
      choice(
        "cells along a and b",
        [
          ["1", "1 cell"],
          ["2", "2 × 2"],
          ["3", "3 × 3"],
        ],
        String(this.count),
        (value) => this.repeated(Number(value)),
      ),
    );
    this.cell = document_.cell;
    this.paint = paint in (document_.paints || {}) ? paint : "element";
    const solids = document_.solids > 0;
    this.paints.replaceChildren(
      ...(solids ? [choice("colours", PAINTS, this.paint, (value) => this.coloured(value))] : []),
    );
    this.title.textContent = document_.title;
    this.repeat();
    if (!same || this.axes === undefined) this.home();
    this.coloured(this.paint);
  }

  repeated(count) {
    this.count = count;
    this.repeat();
    this.changed();
  }

  repeat() {
    Object.assign(this, repeatedCells(this.document, this.count));
    this.filled = null;
  }

  /** Return the height that is left in the window, so that nothing has to be scrolled. */
  room() {
    return Math.max(240, Math.floor(window.innerHeight - (this.root.offsetHeight - this.surface.height) - 24));
  }

  home() {
    this.size = 1;
    this.look(this.document.eye, this.document.up);
  }

  /** Look along an edge of the cell, the layers' normal or another edge up. */
  along(axis) {
    const edges = this.document.lattice;
    const k = "abc".indexOf(axis);
    this.look(edges[k], k === 2 ? edges[1] : this.document.up);
  }

  look(toward, up) {
    const z = unit(toward);
    let x = cross(up, z);
    if (Math.hypot(...x) < 1e-6) x = cross([z[1], z[2], z[0]], z);
    x = unit(x);
    this.axes = [x, cross(z, x), z];
    this.filled = null;
    this.changed();
  }

  coloured(paint) {
    this.paint = paint;
    const { paints, kinds } = this.document;
    const rows = new Map();
    for (const [text, colour] of paints[paint] || []) rows.set(`${text}${colour}`, [text, colour]);
    const listed = [...rows.values()]
      .sort(([one], [other]) => one.localeCompare(other, "en", { numeric: true }))
      .slice(0, 12);
    for (const kind of kinds) listed.push([kind.text, shaded(kind.colour, 1, kind.opacity)]);
    this.key.replaceChildren(
      ...listed.map(([text, colour]) => {
        const swatch = element("span", { class: "lx-swatch" });
        swatch.style.background = colour;
        return element("li", {}, swatch, text);
      }),
      ...(rows.size > 12 ? [element("li", {}, `and ${rows.size - 12} more`)] : []),
    );
    this.changed();
  }

  changed() {
    this.root.dataset.paint = this.paint;
    this.root.dataset.cells = String(this.count);
    this.root.dataset.view = this.axes
      .flat()
      .map((x) => x.toFixed(3))
      .join(" ");
    this.surface.redraw();
  }

  listen() {
    const canvas = this.surface.canvas;
    const pointers = new Map();
    let spread = null;
    canvas.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, this.surface.at(event));
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = this.surface.at(event);
      const before = pointers.get(event.pointerId);
      this.pointer = pointers.size ? null : now;
      if (before !== undefined) pointers.set(event.pointerId, now);
      if (pointers.size === 2) {
        const [one, other] = [...pointers.values()];
        const distance = Math.hypot(one[0] - other[0], one[1] - other[1]);
        if (spread !== null) this.resize(distance / spread);
        spread = distance;
      } else if (before !== undefined) this.turn((now[0] - before[0]) * TURN, (now[1] - before[1]) * TURN);
      else this.surface.redraw();
    });
    const lifted = (event) => {
      pointers.delete(event.pointerId);
      spread = null;
    };
    canvas.addEventListener("pointerup", lifted);
    canvas.addEventListener("pointercancel", lifted);
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.surface.redraw();
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (document.activeElement !== canvas && !event.ctrlKey) return;
        event.preventDefault();
        this.resize(event.deltaY > 0 ? 0.9 : 1.11);
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => {
      const actions = {
        ArrowLeft: () => this.turn(-0.12, 0),
        ArrowRight: () => this.turn(0.12, 0),
        ArrowUp: () => this.turn(0, -0.12),
        ArrowDown: () => this.turn(0, 0.12),
        "+": () => this.resize(1.15),
        "=": () => this.resize(1.15),
        "-": () => this.resize(0.87),
        0: () => this.home(),
      };
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in actions)) return;
      event.preventDefault();
      actions[event.key]();
    });
  }

  resize(factor) {
    this.size = Math.min(Math.max(this.size * factor, 0.3), 12);
    this.changed();
  }

  /** Turn about the vertical and the horizontal of the screen, radian. */
  turn(about, over) {
    const [x, y, z] = this.axes;
    const first = [mix(x, z, about), y, mix(z, x, -about)];
    this.axes = [first[0], mix(first[1], first[2], over), mix(first[2], first[1], -over)].map(unit);
    this.changed();
  }

  /** Return a point on the screen and its distance towards the viewer. */
  seen(array, k) {
    const p = [array[3 * k] - this.centre[0], array[3 * k + 1] - this.centre[1], array[3 * k + 2] - this.centre[2]];
    return [
      this.middle[0] + this.unit * dot(p, this.axes[0]),
      this.middle[1] - this.unit * dot(p, this.axes[1]),
      dot(p, this.axes[2]),
    ];
  }

  draw(context, width, height) {
    this.middle = [width / 2, height / 2];
    this.unit = this.size * this.fit(width, height);
    const items = [...this.faces(), ...this.balls(), ...this.edges()].sort((a, b) => a.depth - b.depth);
    for (const item of items) item.paint(context);
    this.drawAxes(context, height);
    this.drawLabel(context, width);
  }

  /** Return the pixels of an angstrom at which the structure fills the picture; turning does not change them. */
  fit(width, height) {
    if (this.filled !== null && this.filled.width === width && this.filled.height === height) return this.filled.scale;
    let wide = 0.1;
    let high = 0.1;
    for (const array of [this.points, this.corners]) {
      for (let k = 0; k < array.length; k += 3) {
        const p = [array[k] - this.centre[0], array[k + 1] - this.centre[1], array[k + 2] - this.centre[2]];
        wide = Math.max(wide, Math.abs(dot(p, this.axes[0])));
        high = Math.max(high, Math.abs(dot(p, this.axes[1])));
      }
    }
    const scale = Math.min((width / 2 - MARGIN) / (wide + 0.6), (height / 2 - MARGIN) / (high + 0.6));
    this.filled = { width, height, scale };
    return scale;
  }

  faces() {
    const { paints } = this.document;
    const { owners } = this;
    const found = [];
    const seen = [];
    for (let k = 0; k < this.corners.length / 3; k++) seen.push(this.seen(this.corners, k));
    for (let n = 0; n < owners.length; n++) {
      const [a, b, c] = [0, 1, 2].map((j) => seen[this.triangles[3 * n + j]]);
      const normal = unit(
        cross(
          [b[0] - a[0], a[1] - b[1], (b[2] - a[2]) * this.unit],
          [c[0] - a[0], a[1] - c[1], (c[2] - a[2]) * this.unit],
        ),
      );
      const shade = 0.62 + 0.38 * Math.abs(dot(normal, LIGHT));
      const colour = shaded(paints[this.paint][owners[n]][1], shade, OPACITY);
      found.push({
        depth: (a[2] + b[2] + c[2]) / 3,
        paint: (context) => {
          context.beginPath();
          context.moveTo(a[0], a[1]);
          context.lineTo(b[0], b[1]);
          context.lineTo(c[0], c[1]);
          context.closePath();
          context.fillStyle = colour;
          context.fill();
          context.strokeStyle = shaded(paints[this.paint][owners[n]][1], 0.6, 0.8);
          context.lineWidth = 0.7;
          context.stroke();
        },
      });
    }
    return found;
  }

  balls() {
    const { kinds } = this.document;
    const { shown } = this;
    this.places = [];
    return this.kindOf.map((kind, k) => {
      const place = this.seen(this.points, k);
      const { radius, colour, opacity } = kinds[kind];
      const size = Math.max(radius * this.unit, 2);
      this.places.push([...place, size, shown[k]]);
      return {
        depth: place[2] + 0.3,
        paint: (context) => {
          context.beginPath();
          context.arc(place[0], place[1], size, 0, 2 * Math.PI);
          context.fillStyle = "#ffffff";
          context.fill();
          context.fillStyle = shaded(colour, 1, opacity);
          context.fill();
          context.strokeStyle = shaded(colour, 0.55, 1);
          context.lineWidth = 1;
          context.stroke();
        },
      };
    });
  }

  /** Return the edges of the cell, in pieces, so that atoms cover what is behind them. */
  edges() {
    const found = [];
    for (const [from, to] of this.cell) {
      const pieces = Math.max(Math.ceil(Math.hypot(...[0, 1, 2].map((j) => to[j] - from[j])) / 1.5), 1);
      for (let p = 0; p < pieces; p++) {
        const [a, b] = [p, p + 1].map((q) =>
          this.seen(
            from.map((x, j) => x + (q / pieces) * (to[j] - x)),
            0,
          ),
        );
        found.push({
          depth: (a[2] + b[2]) / 2,
          paint: (context) => {
            context.strokeStyle = "#555555";
            context.lineWidth = 1;
            context.beginPath();
            context.moveTo(a[0], a[1]);
            context.lineTo(b[0], b[1]);
            context.stroke();
          },
        });
      }
    }
    return found;
  }

  drawAxes(context, height) {
    const start = [38, height - 38];
    context.textAlign = "center";
    context.textBaseline = "middle";
    this.document.lattice.forEach((edge, k) => {
      const e = unit(edge);
      const end = [start[0] + 24 * dot(e, this.axes[0]), start[1] - 24 * dot(e, this.axes[1])];
      if (Math.hypot(end[0] - start[0], end[1] - start[1]) < 5) return;
      context.strokeStyle = context.fillStyle = INK;
      context.lineWidth = 1.4;
      context.beginPath();
      context.moveTo(...start);
      context.lineTo(...end);
      context.stroke();
      context.fillText("abc"[k], start[0] + 1.36 * (end[0] - start[0]), start[1] + 1.36 * (end[1] - start[1]));
    });
  }

  drawLabel(context, width) {
    if (!this.pointer) return;
    const [x, y] = this.pointer;
    const under = this.places.filter((place) => Math.hypot(place[0] - x, place[1] - y) <= place[3]);
    if (!under.length) return;
    under.sort((a, b) => b[2] - a[2]);
    drawNote(context, x, y, [under[0][4]], width);
  }
}
