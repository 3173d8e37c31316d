// The viewer of one fit: the document of fit_document.py as a pattern view.

import { decoded } from "./arrays.js";
import { PatternView } from "./pattern_view.js";

/** Return the document of a fit with its arrays decoded. */
export function fitFrom(document_) {
  const arrays = Object.fromEntries(
    ["two_theta", "observed", "sigma", "calculated", "background"].map((name) => [name, decoded(document_[name])]),
  );
  const phases = document_.phases.map((phase) => ({
    ...phase,
    curve: decoded(phase.curve),
    ticks: decoded(phase.ticks),
    hkl: decoded(phase.hkl),
  }));
  return { ...document_, ...arrays, phases };
}

/** Show a fit in an element. */
export function showFit(parent, document_) {
  return new PatternView(parent, fitFrom(document_), { height: 460 });
}
