// Canvases that follow the width of the page and the density of the screen, axes, and small elements of a form.

export const INK = "#222222";
export const FAINT = "#777777";
export const RULE = "#bbbbbb";
export const FONT = '12px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif';
const SMALL_FONT = '11px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif';

/** Return a new element with attributes (functions become listeners) and children; texts are never read as HTML. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Return a group of buttons of which one is pressed; `chosen` is called with its value. */
export function choice(label, values, present, chosen) {
  const buttons = values.map(([value, text]) =>
    element(
      "button",
      { type: "button", "data-value": value, "aria-pressed": String(value === present), click: () => press(value) },
      text,
    ),
  );
  const press = (value) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.value === value));
    chosen(value);
  };
  return element("span", { class: "lx-choice", role: "group", "aria-label": label }, ...buttons);
}

/** Return a button that is pressed or not; `changed` is called with its state. */
export function toggle(text, pressed, changed, colour = null) {
  const swatch = colour === null ? null : element("span", { class: "lx-swatch" });
  if (swatch !== null) swatch.style.background = colour;
  const button = element(
    "button",
    { type: "button", "aria-pressed": String(pressed), class: "lx-toggle" },
    swatch,
    text,
  );
  button.addEventListener("click", () => {
    const state = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(state));
    changed(state);
  });
  return button;
}

/** A canvas that is drawn again when its width changes; `draw(context, width, height)` is in CSS pixels. */
export class Surface {
  constructor(parent, { label, height, draw, tabindex = "0" }) {
    this.canvas = element("canvas", { role: "img", "aria-label": label, tabindex, class: "lx-canvas" });
    parent.append(this.canvas);
    this.draw = draw;
    this.heightOf = typeof height === "function" ? height : () => height;
    this.width = 0;
    this.height = 0;
    this.waiting = false;
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(parent);
    this.parent = parent;
  }

  /** Draw before the next picture of the screen. */
  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawNow();
    });
  }

  /** Draw at once. */
  drawNow() {
    const width = Math.floor(this.parent.clientWidth);
    if (width < 20) return;
    const height = this.heightOf(width);
    const density = window.devicePixelRatio || 1;
    if (width !== this.width || height !== this.height || this.density !== density) {
      Object.assign(this, { width, height, density });
      this.canvas.width = Math.round(width * density);
      this.canvas.height = Math.round(height * density);
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = FONT;
    this.draw(context, width, height);
  }

  /** Return the place of a pointer in CSS pixels of the canvas. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

/** Return round numbers between two, about `count` of them. */
export function ticks(low, high, count) {
  if (!(high > low)) return [];
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++)
    found.push(Number((k * step).toPrecision(12)));
  return found;
}

/** Return powers of ten between two positive numbers, with 2 and 5 where there is room. */
export function decades(low, high) {
  const found = [];
  const factors = Math.log10(high / low) < 2 ? [1, 2, 5] : [1];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    for (const f of factors) {
      const value = f * 10 ** e;
      if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
    }
  }
  return found;
}

/** Return a number as on an axis. */
export function axisText(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential().replace("e+", "e").replace("-", "−");
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

/** Return a number with so many significant digits, as in a sentence. */
export function digits(value, count = 5) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text =
    size !== 0 && (size >= 1e7 || size < 1e-4)
      ? value.toExponential(count - 1)
      : String(Number(value.toPrecision(count)));
  return text.replace("-", "−");
}

/** Functions of the intensity axis: from a value to a height, and back. */
export const SCALES = {
  linear: { to: (y) => y, from: (y) => y },
  sqrt: { to: (y) => Math.sqrt(Math.max(y, 0)), from: (y) => y * y },
  log: { to: (y) => Math.log10(Math.max(y, 1e-12)), from: (y) => 10 ** y },
};

/** Draw a horizontal axis with its ticks below a box; without `labels` the ticks only. */
export function drawAxisX(context, box, low, high, { title = null, labels = true } = {}) {
  context.strokeStyle = INK;
  context.fillStyle = INK;
  context.lineWidth = 1;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const value of ticks(low, high, Math.max(box.width / 62, 2))) {
    const x = box.left + ((value - low) / (high - low)) * box.width;
    line(context, x, box.bottom, x, box.bottom + 4);
    if (labels) context.fillText(axisText(value), x, box.bottom + 6);
  }
  if (title !== null) context.fillText(title, box.left + box.width / 2, box.bottom + 22);
}

/** Draw a vertical axis left of a box, at values that `place` turns into pixels. */
export function drawAxisY(context, box, values, place, title = null) {
  context.strokeStyle = INK;
  context.fillStyle = INK;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of values) {
    const y = place(value);
    if (y < box.top - 0.5 || y > box.bottom + 0.5) continue;
    line(context, box.left - 4, y, box.left, y);
    context.fillText(axisText(value), box.left - 7, y);
  }
  if (title === null) return;
  context.save();
  context.translate(9, (box.top + box.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(title, 0, 0);
  context.restore();
}

/** Draw a straight line on whole pixels. */
export function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(Math.round(x0) + (x0 === x1 ? 0.5 : 0), Math.round(y0) + (y0 === y1 ? 0.5 : 0));
  context.lineTo(Math.round(x1) + (x0 === x1 ? 0.5 : 0), Math.round(y1) + (y0 === y1 ? 0.5 : 0));
  context.stroke();
}

/** Draw a frame around a box. */
export function frame(context, box) {
  context.strokeStyle = INK;
  context.lineWidth = 1;
  context.strokeRect(
    Math.round(box.left) + 0.5,
    Math.round(box.top) + 0.5,
    Math.round(box.width),
    Math.round(box.bottom - box.top),
  );
}

/** Draw lines of text in a small box beside a point, inside a width. */
export function drawNote(context, x, y, lines, width) {
  context.font = SMALL_FONT;
  const wide = Math.max(...lines.map((text) => context.measureText(text).width)) + 12;
  const left = Math.max(2, Math.min(x + 10, width - wide - 2));
  const top = Math.max(2, y - 8 - 15 * lines.length);
  context.fillStyle = "rgba(255,255,255,0.94)";
  context.strokeStyle = FAINT;
  context.lineWidth = 1;
  context.beginPath();
  context.rect(Math.round(left) + 0.5, Math.round(top) + 0.5, Math.round(wide), 15 * lines.length + 6);
  context.fill();
  context.stroke();
  context.fillStyle = INK;
  context.textAlign = "left";
  context.textBaseline = "top";
  lines.forEach((text, k) => context.fillText(text, left + 6, top + 4 + 15 * k));
  context.font = FONT;
}

/** Return the index of the first number of an ascending array that is not below a value. */
export function lowerBound(values, wanted) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
