// Prefix sums over row heights: change one, or find the row at an offset, in O(log n). A Fenwick tree.

export class Heights {
  #values;
  #tree;
  #highBit;

  /** @param {ArrayLike<number>} heights */
  constructor(heights) {
    const n = heights.length;
    this.#values = Float64Array.from(heights);
    this.#tree = new Float64Array(n + 1);
    this.#highBit = n ? 2 ** Math.floor(Math.log2(n)) : 0;
    for (let i = 1; i <= n; i++) {
      this.#tree[i] += heights[i - 1];
      const parent = i + (i & -i);
      if (parent <= n) this.#tree[parent] += this.#tree[i];
    }
  }

  get length() {
    return this.#values.length;
  }

  get total() {
    return this.before(this.length);
  }

  /** @param {number} i @param {number} height @returns {number} the change */
  set(i, height) {
    const difference = height - this.#values[i];
    if (!difference) return 0;
    this.#values[i] = height;
    for (let k = i + 1; k <= this.length; k += k & -k) this.#tree[k] += difference;
    return difference;
  }

  /** Height of all rows before row `i`. @param {number} i */
  before(i) {
    let sum = 0;
    for (let k = Math.min(i, this.length); k > 0; k -= k & -k) sum += this.#tree[k];
    return sum;
  }

  /** Index of the row at offset `y`; the last one beyond the end. @param {number} y */
  at(y) {
    let i = 0;
    for (let step = this.#highBit; step; step >>= 1) {
      if (i + step <= this.length && this.#tree[i + step] <= y) {
        i += step;
        y -= this.#tree[i];
      }
    }
    return Math.max(0, Math.min(i, this.length - 1));
  }
}
