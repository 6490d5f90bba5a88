import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const css = await readFile(new URL('../../ui/styles.css', import.meta.url), 'utf8');
/** [light, dark] of every token that is a plain colour. */
const tokens = Object.fromEntries([...css.matchAll(/--([a-z0-9-]+):\s*(?:var\(--chat-accent,\s*)?(?:light-dark\(([^,()]+),\s*([^,()]+)\)|(#[0-9a-f]{6}))/g)]
  .map(([, name, light, dark, both]) => [name, [light ?? both, dark ?? both].map((value) => value.trim())]));

const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const hex = (text) => [1, 3, 5].map((i) => Number.parseInt(text.slice(i, i + 2), 16) / 255);
const hsl = (h, s, l) => {
  const part = (n) => {
    const k = (n + h / 30) % 12;
    return l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return [part(0), part(8), part(4)];
};
const contrast = (a, b) => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};

const TEXT = [
  ...['canvas', 'side', 'raise', 'inset', 'bubble', 'hover', 'selected'].flatMap((back) => [['text', back], ['text2', back]]),
  ...['canvas', 'side', 'inset', 'bubble'].map((back) => ['text3', back]),
  ...['canvas', 'side', 'raise', 'bubble', 'selected', 'inset'].map((back) => ['accent', back]),
  ['on-accent', 'accent'], ['mine-meta', 'mine'], ['read', 'mine'], ['ok', 'side'], ['ok', 'selected'], ['ok', 'ok-back'], ['text', 'thumb'],
  ['danger', 'canvas'], ['danger', 'side'], ['danger', 'danger-back'], ['warn', 'warn-back'],
];
const CONTROLS = [['control', 'canvas'], ['dot', 'canvas'], ['dot', 'side'], ['away', 'canvas'], ['away', 'side'], ['accent', 'canvas']];

for (const [theme, index] of [['light', 0], ['dark', 1]]) {
  test(`text_and_controls_can_be_read_in_the_${theme}_theme`, () => {
    for (const [pairs, least] of [[TEXT, 4.5], [CONTROLS, 3]]) {
      for (const [front, back] of pairs) {
        assert.ok(tokens[front] && tokens[back], `${front} or ${back} is not defined`);
        const ratio = contrast(hex(tokens[front][index]), hex(tokens[back][index]));
        assert.ok(ratio >= least, `${front} on ${back}: ${ratio.toFixed(2)}`);
      }
    }
    assert.ok(contrast([1, 1, 1], hex(tokens.mine[index])) >= 4.5);
  });
}

test('every_hue_of_names_and_faces_can_be_read', () => {
  for (let h = 0; h < 360; h++) {
    assert.ok(contrast(hsl(h, 0.75, 0.25), hex(tokens.bubble[0])) >= 4.5, `name ${h} light`);
    assert.ok(contrast(hsl(h, 0.75, 0.78), hex(tokens.bubble[1])) >= 4.5, `name ${h} dark`);
    for (const back of [hsl(h, 0.85, 0.9), hsl((h + 18) % 360, 0.72, 0.8)]) assert.ok(contrast(hsl(h, 0.62, 0.24), back) >= 4.5, `face ${h} light`);
    for (const back of [hsl(h, 0.42, 0.29), hsl((h + 18) % 360, 0.45, 0.23)]) assert.ok(contrast(hsl(h, 0.7, 0.92), back) >= 4.5, `face ${h} dark`);
  }
});
