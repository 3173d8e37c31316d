// A structure taken several times along a and b.

import { decoded } from "./arrays.js";

/** Take the structure so many times along a and b; atoms that neighbouring cells share are drawn once. */
export function repeatedCells(document_, count) {
  const [a, b] = document_.lattice;
  const shifts = [];
  for (let p = 0; p < count; p++)
    for (let q = 0; q < count; q++) shifts.push([0, 1, 2].map((k) => p * a[k] + q * b[k]));
  const points = decoded(document_.points);
  const corners = decoded(document_.corners);
  const triangles = decoded(document_.triangles);
  const found = { points: [], kindOf: [], shown: [], corners: [], triangles: [], owners: [] };
  const known = new Set();
  const isNew = (place) => {
    const key = place.map((x) => Math.round(20 * x)).join();
    return !known.has(key) && Boolean(known.add(key));
  };
  for (const shift of shifts) {
    for (let k = 0; k < points.length / 3; k++) {
      const place = shift.map((x, j) => x + points[3 * k + j]);
      if (!isNew(place)) continue;
      found.points.push(...place);
      found.kindOf.push(document_.kind_of[k]);
      found.shown.push(document_.shown[k]);
    }
    const first = found.corners.length / 3;
    for (let k = 0; k < corners.length; k++) found.corners.push(corners[k] + shift[k % 3]);
    for (let n = 0; n < document_.owners.length; n++) {
      const own = [0, 1, 2].map((j) => triangles[3 * n + j]);
      const middle = [0, 1, 2].map((j) => shift[j] + own.reduce((sum, c) => sum + corners[3 * c + j], 0) / 3 + 1e4);
      if (!isNew(middle)) continue;
      found.triangles.push(...own.map((c) => c + first));
      found.owners.push(document_.owners[n]);
    }
  }
  const more = [0, 1, 2].map((k) => ((count - 1) / 2) * (a[k] + b[k]));
  found.centre = [0, 1, 2].map((k) => 0.5 * (document_.low[k] + document_.high[k]) + more[k]);
  return found;
}
