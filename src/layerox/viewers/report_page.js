// A page of results: every viewer of the page is filled from the data block that it names.

import { showFit } from "./fit_viewer.js";
import { showSeries } from "./series_map.js";
import { StructureScene } from "./structure_scene.js";

const KINDS = {
  fit: showFit,
  series: showSeries,
  structure: (parent, data) => new StructureScene(parent, data, { fills: true }),
};

for (const holder of document.querySelectorAll(".lx-viewer[data-kind]")) {
  const source = document.getElementById(holder.dataset.source);
  const live = document.createElement("div");
  live.className = "lx-live";
  holder.append(live);
  KINDS[holder.dataset.kind](live, JSON.parse(source.textContent));
  holder.classList.add("lx-ready");
}
