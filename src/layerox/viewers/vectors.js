// Vectors of three numbers, and colours that are darkened.

export function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a, b) {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function unit(a) {
  const length = Math.hypot(...a) || 1;
  return a.map((x) => x / length);
}

/** Return a vector turned towards another one that is normal to it. */
export function mix(a, b, angle) {
  return a.map((x, k) => x * Math.cos(angle) + b[k] * Math.sin(angle));
}

/** Return "#rrggbb" darkened by a factor, with an opacity. */
export function shaded(colour, factor, opacity) {
  const parts = [1, 3, 5].map((k) => Math.round(parseInt(colour.slice(k, k + 2), 16) * factor));
  return `rgba(${parts.join(",")},${opacity})`;
}
