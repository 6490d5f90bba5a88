import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOnlyEmoji, plainText, richText, trimUrl } from '../../ui/text.js';

const ALLOWED = new Set(['a', 'strong', 'em', 's', 'code', 'pre', 'br', 'blockquote', 'span']);
const children = (node) => [node.props?.children ?? []].flat(Infinity);
const textOf = (node) => (typeof node === 'string' ? node : node.type === 'br' ? '\n' : children(node).map(textOf).join(''));
const plain = (source) => richText(source).map(textOf).join('');
const elements = (node) => (typeof node === 'string' ? [] : [node, ...children(node).flatMap(elements)]);
const all = (source) => richText(source).flatMap(elements);

test('marks_become_elements', () => {
  const types = (source) => all(source).map((node) => node.type);
  assert.deepEqual(types('**b** *i* _i_ ~~s~~ `c`'), ['strong', 'em', 'em', 's', 'code']);
  assert.deepEqual(types('```js\nlet a;\n```'), ['pre', 'code']);
  assert.deepEqual(types('> said\nanswer'), ['blockquote']);
  assert.deepEqual(types('**a *b* c**'), ['strong', 'em']);
  assert.equal(plain('**a *b* c**'), 'a b c');
});

test('what_only_looks_like_a_mark_stays_as_it_is', () => {
  for (const source of ['2 * 3 * 4', 'snake_case_name', 'a ** b ** c', '* item', '~~', '``', 'user@example.org', '5 > 3', 'C:\\dir\\*']) assert.equal(plain(source), source);
});

test('addresses_lose_what_belongs_to_the_sentence', () => {
  assert.equal(trimUrl('https://example.org/a_(b)).'), 'https://example.org/a_(b)');
  assert.equal(trimUrl('https://example.org/?q=1,'), 'https://example.org/?q=1');
  assert.equal(trimUrl('https://example.org/a...'), 'https://example.org/a');
  const [link] = all('see www.example.org.').filter((node) => node.type === 'a');
  assert.equal(link.props.href, 'https://www.example.org');
  assert.equal(link.props.rel, 'noopener noreferrer nofollow');
});

test('no_address_but_http_becomes_a_link', () => {
  for (const source of ['javascript:alert(1)', 'data:text/html,x', 'vbscript:x', '[a](javascript:b)', 'JAVASCRIPT:alert(1)', 'https:example', 'ftp://example.org']) {
    assert.equal(all(source).filter((node) => node.type === 'a').length, 0, source);
  }
});

test('random_text_gives_only_known_elements_and_loses_no_letter', () => {
  const pieces = ['*', '**', '_', '~~', '`', '```', '\n', '> ', ' ', 'a', 'Wort', '<img src=x onerror=alert(1)>', '</script>', '&amp;', 'https://e.org/(a)', '@name', '👍', 'שלום', '"', "'"];
  let seed = 42;
  const next = () => (seed = (seed * 1664525 + 1013904223) % 4294967296) / 4294967296;
  for (let round = 0; round < 3000; round++) {
    const source = Array.from({ length: 1 + Math.floor(next() * 14) }, () => pieces[Math.floor(next() * pieces.length)]).join('');
    for (const node of all(source)) {
      assert.ok(ALLOWED.has(node.type), `${node.type} from ${JSON.stringify(source)}`);
      if (node.type === 'a') assert.match(node.props.href, /^https?:\/\//);
    }
    const letters = (text) => text.replace(/[*_~`>\s]/g, '');
    assert.equal(letters(plain(source)), letters(source), JSON.stringify(source));
  }
});

test('one_to_three_emoji_stand_alone', () => {
  for (const yes of ['👍', '👍🏽', '❤️', '👩‍👩‍👧', '🇩🇪', '😂😂😂', ' 🎉 ']) assert.ok(isOnlyEmoji(yes), yes);
  for (const no of ['', '👍 ok', '1', '😂😂😂😂', '#', 'a']) assert.ok(!isOnlyEmoji(no), no);
});

test('previews_have_no_marks', () => {
  assert.equal(plainText('**bold** and *thin* `code`\n> quote'), 'bold and thin code quote');
  assert.equal(plainText('2 * 3 * 4 and snake_case_name'), '2 * 3 * 4 and snake_case_name');
});
