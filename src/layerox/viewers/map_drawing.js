// The drawing of a map: image, tracks, marks, panels and axes; and which angle and frame are at a place on the screen.

import { digits, drawAxisX, drawAxisY, drawNote, frame, line, ticks } from "./canvas.js";
import { mapImage } from "./map_image.js";
import { drawCurve, drawPanel } from "./map_panels.js";

const MISSED = "#d55e00";
const CURSOR = "#0072b2";
// Width below which one panel stands beside the map, pixels.
export const NARROW = 560;
// Steps of the axis, in units of the usual one, that are a gap.
const GAP = 3;

/** One picture of a map; `map` has the document, its decoded arrays, the range and what is selected. */
export class MapDrawing {
  constructor(context, width, height, map) {
    const { document, place, order, angles, tracks, range } = map;
    Object.assign(this, { context, width, height, map, document, place, order, angles, tracks, range });
    const narrow = width < NARROW;
    this.panels = narrow ? map.panels.slice(map.panelShown, map.panelShown + 1) : map.panels;
    this.each = narrow ? 100 : Math.min(140, (0.5 * width) / Math.max(this.panels.length, 1));
    const left = narrow ? 52 : 62;
    this.box = { left, top: 10, bottom: height - 44, width: width - left - 10 - this.panels.length * this.each };
    const places = order.map((k) => place[k]);
    const steps = places
      .slice(1)
      .map((value, k) => value - places[k])
      .sort((a, b) => a - b);
    this.usual = steps.length ? steps[steps.length >> 1] || 1 : 1;
    this.low = places[0] - this.usual / 2;
    this.high = places[places.length - 1] + this.usual / 2;
  }

  angleAt(x) {
    return this.range[0] + ((x - this.box.left) / this.box.width) * (this.range[1] - this.range[0]);
  }

  /** Return the frame nearest to a height in pixels. */
  frameAt(y) {
    if (y < this.box.top - 2 || y > this.box.bottom + 2) return null;
    const wanted = this.low + ((this.box.bottom - y) / (this.box.bottom - this.box.top)) * (this.high - this.low);
    return this.order.reduce(
      (best, k) => (Math.abs(this.place[k] - wanted) < Math.abs(this.place[best] - wanted) ? k : best),
      this.order[0],
    );
  }

  heightOf(place) {
    return this.box.bottom - ((place - this.low) / (this.high - this.low)) * (this.box.bottom - this.box.top);
  }

  /** Return the frames in their order, and the height of each. */
  rowPlaces() {
    return { follows: this.document.follows, order: this.order, heightOf: (k) => this.heightOf(this.place[k]) };
  }

  draw() {
    const { context, box, width } = this;
    this.drawMarks();
    frame(context, box);
    drawAxisX(context, box, ...this.range, { title: "2θ (degrees)" });
    drawAxisY(context, box, ticks(this.low, this.high, 7), (value) => this.heightOf(value), this.document.axis);
    this.panels.forEach((panel, k) => {
      const left = box.left + box.width + 8 + k * this.each;
      drawPanel(context, panel, { ...box, left, width: this.each - 10 }, this.rowPlaces());
    });
    const y = this.heightOf(this.place[this.map.frame]);
    context.strokeStyle = CURSOR;
    context.lineWidth = 1.5;
    line(context, box.left, y, width - 4, y);
    this.drawPointer();
  }

  /** Draw the intensities: one row of pixels for a frame, each the largest of the points that fall on it. */
  drawImage() {
    const { context, map } = this;
    const columns = Math.max(Math.round(this.box.width * map.surface.density), 1);
    if (map.image === null || map.image === undefined || map.image.width !== columns)
      map.image = mapImage(this.document.observed, this.angles, this.range, columns, map.scale);
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
      const down = before > GAP * this.usual ? this.usual / 2 : before / 2;
      const up = after > GAP * this.usual ? this.usual / 2 : after / 2;
      const top = this.heightOf(here + up);
      context.drawImage(
        map.image,
        0,
        row,
        columns,
        1,
        this.box.left,
        top,
        this.box.width,
        Math.max(this.heightOf(here - down) - top, 0.6),
      );
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

  /** Draw the tracks of reflections, and a mark at each frame that is not accepted. */
  drawMarks() {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(this.box.left, this.box.top, this.box.width, this.box.bottom - this.box.top);
    context.clip();
    const colours = Object.fromEntries(this.document.phases.map((phase) => [phase.name, phase.colour]));
    for (const track of this.map.showsTracks && this.document.follows ? this.tracks : []) {
      if (!track.strong) continue;
      context.strokeStyle = colours[track.phase];
      context.setLineDash([2, 3]);
      drawCurve(
        context,
        (k) => track.two_theta[k],
        (x) => this.xOf(x),
        this.rowPlaces(),
      );
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

  drawPointer() {
    const { context, width, map } = this;
    if (map.drag) {
      context.fillStyle = "rgba(0,114,178,0.15)";
      context.fillRect(
        Math.min(...map.drag),
        this.box.top,
        Math.abs(map.drag[1] - map.drag[0]),
        this.box.bottom - this.box.top,
      );
    }
    if (!map.pointer) return;
    const k = this.frameAt(map.pointer[1]);
    if (k === null) return;
    const row = this.document.frames[k];
    const inside = map.pointer[0] >= this.box.left && map.pointer[0] <= this.box.left + this.box.width;
    const lines = [`frame ${row.frame}: ${row.file}`, `${this.document.axis} ${digits(this.place[k])}, ${row.verdict}`];
    if (inside) {
      const angle = this.angleAt(map.pointer[0]);
      lines.push(`2θ ${angle.toFixed(3)}°`, ...this.trackBeside(k, angle));
    }
    drawNote(context, map.pointer[0], Math.max(map.pointer[1], 70), lines, width);
  }

  trackBeside(k, angle) {
    const reach = (6 / this.box.width) * (this.range[1] - this.range[0]);
    const near = this.tracks.filter((track) => Math.abs(track.two_theta[k] - angle) < reach);
    return near.slice(0, 3).map((track) => `${track.phase} (${track.hkl.join(" ")})`);
  }
}
