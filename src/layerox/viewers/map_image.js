// The image of a series: one row of pixels for each pattern, in greys from light to dark.

import { wholeNumbers } from "./arrays.js";
import { SCALES, lowerBound } from "./canvas.js";

// Shares of the shown intensities that are white and black.
const DARKEST = 0.995;
const PALEST = 0.05;

/**
 * Return the image of coded patterns within a range of angles, as a canvas.
 *
 * Each pixel is the largest of the points that fall on it, so that no peak is lost.
 */
export function mapImage(source, angles, range, columns, scale) {
  const [rows, points] = source.shape;
  const whole = wholeNumbers(source);
  const edges = Int32Array.from({ length: columns + 1 }, (_, j) =>
    lowerBound(angles, range[0] + (j / columns) * (range[1] - range[0])),
  );
  const largest = new Int16Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const from = Math.min(edges[j], points - 1);
      const to = Math.max(edges[j + 1], from + 1);
      let top = whole[i * points + from];
      for (let k = from + 1; k < to; k++) if (whole[i * points + k] > top) top = whole[i * points + k];
      largest[i * columns + j] = top;
    }
  }
  return inGreys(largest, rows, columns, source.step, SCALES[scale].to);
}

/** Return an image in greys, from light to dark between two quantiles. */
function inGreys(values, rows, columns, step, to) {
  const sample = [];
  const every = Math.max(Math.floor(values.length / 20000), 1);
  for (let k = 0; k < values.length; k += every) if (values[k] > -32768) sample.push(values[k]);
  sample.sort((a, b) => a - b);
  const shade = (whole) => to(Math.max(whole * step * Math.abs(whole * step), 0.5));
  const low = shade(sample[Math.floor(PALEST * (sample.length - 1))] || 0);
  const high = shade(sample[Math.floor(DARKEST * (sample.length - 1))] || 1);
  const table = new Uint8Array(65536);
  for (let k = 0; k < 65536; k++)
    table[k] = 255 - 235 * Math.min(Math.max((shade(k - 32768) - low) / (high - low || 1), 0), 1);
  const picture = new ImageData(columns, rows);
  const cells = new Uint32Array(picture.data.buffer);
  for (let k = 0; k < values.length; k++) {
    const grey = values[k] === -32768 ? 255 : table[values[k] + 32768];
    cells[k] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  const made = document.createElement("canvas");
  made.width = columns;
  made.height = rows;
  made.getContext("2d").putImageData(picture, 0, 0);
  return made;
}
