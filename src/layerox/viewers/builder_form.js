// The builder: a phase or word, composition and cell; glides of galleries; the structure, its pattern and its findings.

import { element } from "./canvas.js";
import { fitFrom } from "./fit_viewer.js";
import { PatternView } from "./pattern_view.js";
import { StructureScene } from "./structure_scene.js";

const CELL = ["a", "b", "c", "beta"];
// Milliseconds after the last key before the structure is built.
const PAUSE = 180;

/** Show the builder; `request(wish)` asks for another structure, and `receive` takes it. */
export class BuilderForm {
  constructor(parent, shown, request) {
    this.request = request;
    this.timer = null;
    this.root = element("div", { class: "lx-builder" });
    parent.append(this.root);
    this.fields = {};
    const field = (name, label, attributes) => {
      this.fields[name] = element("input", {
        name,
        autocomplete: "off",
        spellcheck: "false",
        input: () => this.later(),
        change: () => this.now(),
        ...attributes,
      });
      return element("label", {}, label, this.fields[name]);
    };
    const list = `lx-phases-${Math.random().toString(36).slice(2)}`;
    const numbers = CELL.map((name) =>
      field(name, name === "beta" ? "β (°)" : `${name} (Å)`, { inputmode: "decimal" }),
    );
    this.root.append(
      element(
        "form",
        {
          class: "lx-form",
          submit: (event) => {
            event.preventDefault();
            this.now();
          },
        },
        field("phase", "phase or word", { list, class: "lx-wide" }),
        element("datalist", { id: list }, ...shown.names.map((name) => element("option", { value: name }))),
        field("formula", "composition", { class: "lx-wide" }),
        ...numbers,
      ),
    );
    this.galleries = element("div", { class: "lx-galleries" });
    this.fault = element("div", { class: "lx-fault", role: "alert" });
    this.left = element("div");
    this.right = element("div");
    this.findings = element("div", { class: "lx-findings-box", "aria-live": "polite" });
    this.root.append(
      this.galleries,
      this.fault,
      element("div", { class: "lx-columns" }, this.left, this.right),
      this.findings,
    );
    this.receive(shown);
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send({}), PAUSE);
  }

  now() {
    clearTimeout(this.timer);
    this.send({});
  }

  /** Return what the fields hold. */
  wish() {
    return Object.fromEntries(Object.entries(this.fields).map(([name, input]) => [name, input.value.trim()]));
  }

  /** Ask for the structure of the fields; a glide moves one gallery of the present stacking. */
  send(more) {
    const wish = this.wish();
    const text = JSON.stringify(wish);
    if (text === this.sent && !("glide" in more)) return;
    this.sent = text;
    this.began = performance.now();
    this.request({ ...wish, ...more });
  }

  /** Show a structure, or why there is none. */
  receive(shown) {
    if (!shown || shown.phase === undefined) return;
    if (this.began !== undefined) this.root.dataset.milliseconds = (performance.now() - this.began).toFixed(1);
    this.fault.textContent = shown.fault || "";
    this.root.dataset.state = shown.fault ? "fault" : "shown";
    if (shown.fault) return;
    // What the user is entering stays; a glide, or a change in the kernel, gives other values.
    const isNew = this.sent === undefined || shown.glided;
    for (const name of ["phase", "formula", ...CELL]) if (isNew) this.fields[name].value = shown[name] || "";
    if (isNew) this.sent = JSON.stringify(this.wish());
    for (const name of CELL) {
      this.fields[name].placeholder = shown.cell[name] === null ? "" : String(shown.cell[name]);
      this.fields[name].disabled = shown.cell[name] === null;
    }
    this.root.dataset.phase = shown.phase;
    this.fillGalleries(shown);
    if (this.scene === undefined) this.scene = new StructureScene(this.left, shown.scene, { height: 420 });
    else this.scene.set(shown.scene);
    const pattern = fitFrom(shown.pattern);
    if (this.view === undefined) this.view = new PatternView(this.right, pattern, { height: 380 });
    else {
      const old = this.view.data.phases.map((phase) => phase.name);
      if (pattern.phases.some((phase) => !old.includes(phase.name))) this.view.hidden.clear();
      this.view.set(pattern);
    }
    this.fillFindings(shown);
  }

  fillGalleries(shown) {
    const parts = [
      element(
        "span",
        { class: "lx-note" },
        shown.galleries.length ? "galleries, bottom to top; glide what is above one:" : shown.word_note,
      ),
    ];
    shown.galleries.forEach((kind, k) => {
      const glide = (sense, sign) =>
        element(
          "button",
          {
            type: "button",
            disabled: !shown.glides,
            "aria-label": `glide ${sense > 0 ? "forward" : "back"} in gallery ${k + 1}, ${kind}`,
            click: () => this.send({ glide: [k, sense] }),
          },
          sign,
        );
      parts.push(element("span", { class: "lx-gallery" }, glide(-1, "◂"), element("b", {}, kind), glide(1, "▸")));
    });
    if (shown.polytype) parts.push(element("span", {}, ` ${shown.polytype}`));
    this.galleries.replaceChildren(...parts);
  }

  fillFindings(shown) {
    const rows = [...shown.findings.map((row) => ["lx-fault", row]), ...shown.warnings.map((row) => ["", row])];
    const head = shown.findings.length
      ? `${shown.findings.length} finding${shown.findings.length > 1 ? "s" : ""}`
      : "no findings";
    this.findings.replaceChildren(
      element("b", {}, head),
      element("span", { class: "lx-note" }, `   ${shown.summary}`),
      element(
        "ul",
        { class: "lx-findings" },
        ...rows.map(([kind, row]) => element("li", { class: kind }, `${row.code}: ${row.message}`)),
      ),
    );
  }
}
