// The viewers in a notebook: their data come from the kernel through the traits of the widget.

import { BuilderForm } from "./builder_form.js";
import { fitFrom, showFit } from "./fit_viewer.js";
import { showSeries } from "./series_map.js";

/** Show the widget's kind in its cell. */
export function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "lx-viewer";
  el.append(root);
  const kind = model.get("kind");
  if (kind === "fit") {
    showFit(root, model.get("document"));
    return;
  }
  if (kind === "series") {
    const map = showSeries(root, model.get("document"), (k) => {
      model.set("frame", k);
      model.save_changes();
    });
    const taken = () => {
      const curves = model.get("curves");
      if (!curves || curves.frame === undefined) return;
      if (curves.fit) map.receive(curves.frame, fitFrom(curves.fit));
      else map.refuse(curves.frame, curves.fault);
    };
    model.on("change:curves", taken);
    taken();
    return;
  }
  let count = 0;
  const form = new BuilderForm(root, model.get("document"), (wish) => {
    count += 1;
    model.set("wish", { ...wish, count });
    model.save_changes();
  });
  model.on("change:document", () => form.receive(model.get("document")));
}

export default { render };
