import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heights } from '../../ui/list.js';

test('sums_and_positions_agree_with_a_plain_loop', () => {
  let seed = 7;
  const next = () => (seed = (seed * 1664525 + 1013904223) % 4294967296) / 4294967296;
  for (const n of [0, 1, 2, 3, 7, 64, 100]) {
    const plain = Array.from({ length: n }, () => 20 + Math.floor(next() * 200));
    const heights = new Heights(plain);
    for (let round = 0; round < 50 && n; round++) {
      const i = Math.floor(next() * n);
      plain[i] = 20 + Math.floor(next() * 200);
      heights.set(i, plain[i]);
    }
    const total = plain.reduce((sum, one) => sum + one, 0);
    assert.equal(heights.total, total);
    for (let y = 0; y < total; y += 13) {
      let i = 0;
      for (let sum = plain[0]; sum <= y; sum += plain[i]) i++;
      assert.equal(heights.at(y), i);
    }
    assert.equal(heights.at(total + 100), Math.max(0, n - 1));
    assert.equal(heights.before(n), total);
  }
});
