// The fit of one frame from the document of a series: observed, calculated and background, and its reflections.

import { decodedRow, interpolated } from "./arrays.js";

/** Return the fit of a frame from the document, without its calculated curve where the document has none. */
export function frameFit(document_, tracks, angles, k) {
  const { observed, calculated, background, sigma, stride, row_of, fit_row_of } = document_;
  const row = row_of[k];
  if (row === null || row === undefined) return null;
  const seen = decodedRow(observed, row);
  const own = fit_row_of === null ? null : fit_row_of[k];
  const hasFit = own !== null && own !== undefined && calculated !== null;
  const phases = document_.phases.map((phase) => {
    const shown = tracks.filter((track) => track.phase === phase.name && Number.isFinite(track.two_theta[k]));
    shown.sort((a, b) => a.two_theta[k] - b.two_theta[k]);
    return {
      ...phase,
      label: phase.name,
      curve: null,
      ticks: Float64Array.from(shown, (track) => track.two_theta[k]),
      hkl: Int16Array.from(shown.flatMap((track) => track.hkl)),
    };
  });
  return {
    two_theta: angles,
    observed: seen,
    calculated: hasFit ? decodedRow(calculated, own) : null,
    background: hasFit ? interpolated(decodedRow(background, own), stride, angles.length) : null,
    sigma:
      sigma === null ? seen.map((value) => Math.sqrt(Math.max(value, 1) / document_.averaged)) : decodedRow(sigma, row),
    phases: phases.filter((phase) => phase.ticks.length),
    excluded: document_.excluded,
    unexplained: [],
    wavelength: document_.wavelength,
    unit: document_.unit,
    title: "",
  };
}
