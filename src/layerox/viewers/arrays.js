// Numbers of a page: base64 text in a report, a DataView in a notebook. The codings are those of arrays.py.

const MISSING = -32768;

/** Return the numbers of a coded array, NaN where a value is missing. */
export function decoded(array) {
  if (array === null || array === undefined) return null;
  if (array.coding === "even")
    return Float64Array.from({ length: array.count }, (_, k) => array.first + k * array.step);
  const bytes = bytesOf(array.data);
  if (array.coding === "float32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  const whole = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
  if (array.coding === "int16") return whole;
  return rooted(whole, array.step);
}

/** Return one row of a coded matrix; only this row is decoded. */
export function decodedRow(array, k) {
  if (array === null || array === undefined) return null;
  array.bytes = array.bytes || bytesOf(array.data);
  const [, columns] = array.shape;
  if (array.coding === "float32")
    return new Float32Array(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength >> 2).subarray(
      k * columns,
      (k + 1) * columns,
    );
  return rooted(wholeNumbers(array).subarray(k * columns, (k + 1) * columns), array.step);
}

/** Return the signed square roots of a coded matrix as whole numbers, and the step between two of them. */
export function wholeNumbers(array) {
  array.bytes = array.bytes || bytesOf(array.data);
  return new Int16Array(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength >> 1);
}

/** Return values on a fine grid from every `stride`-th one, by straight lines. */
export function interpolated(nodes, stride, count) {
  const found = new Float32Array(count);
  const last = nodes.length - 1;
  for (let i = 0; i < count; i++) {
    const j = Math.min(Math.floor(i / stride), last);
    const end = j + 1 >= last ? count - 1 : (j + 1) * stride;
    const share = j >= last || end <= j * stride ? 0 : (i - j * stride) / (end - j * stride);
    found[i] = nodes[j] + share * (nodes[Math.min(j + 1, last)] - nodes[j]);
  }
  return found;
}

function rooted(whole, step) {
  const found = new Float32Array(whole.length);
  for (let i = 0; i < whole.length; i++) {
    const root = whole[i] * step;
    found[i] = whole[i] === MISSING ? NaN : root * Math.abs(root);
  }
  return found;
}

function bytesOf(data) {
  if (typeof data !== "string") {
    // A copy begins at a multiple of eight, as typed arrays demand.
    return new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
  }
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
