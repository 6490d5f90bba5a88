// A small subset of Markdown, as virtual nodes. User text never becomes HTML.
import { h } from '../vendor/preact.js';

const TOKENS = [
  '(?<code>`[^`\\n]+`)',
  '(?<strong>\\*\\*(?=\\S)(?:[^*\\n]|\\*(?!\\*))+\\*\\*)',
  '(?<strike>~~(?=\\S)[^~\\n]+~~)',
  '(?<star>(?<![\\w*])\\*(?=\\S)[^*\\n]+\\*(?![\\w*]))',
  '(?<under>(?<!\\w)_(?=\\S)[^_\\n]+_(?!\\w))',
  '(?<link>https?:\\/\\/[^\\s<>"]+|(?<![\\w.@])www\\.[^\\s<>"]+)',
  '(?<mention>(?<![\\w@])@[\\p{L}\\p{N}_.-]{1,32})',
];
const INLINE = new RegExp(TOKENS.join('|'), 'gu');
const MAX_DEPTH = 3;

const occurrences = (/** @type {string} */ text, /** @type {string} */ char) => text.split(char).length - 1;

/**
 * Cuts what belongs to the sentence, not to the address: closing punctuation, and a bracket that was not opened inside.
 * @param {string} url
 */
export function trimUrl(url) {
  let end = url.length;
  for (; end > 0; end--) {
    const last = url[end - 1];
    if ('.,!?;:\'"…*_~'.includes(last)) continue;
    const open = { ')': '(', ']': '[' }[last];
    if (open && occurrences(url.slice(0, end), open) < occurrences(url.slice(0, end), last)) continue;
    break;
  }
  return url.slice(0, end);
}

/** @param {string} text @param {number} depth @returns {any[]} */
function inline(text, depth) {
  /** @type {any[]} */ const out = [];
  let done = 0;
  for (const match of text.matchAll(INLINE)) {
    const { code, strong, strike, star, under, link, mention } = /** @type {Record<string, string>} */ (match.groups);
    const at = match.index;
    if (at < done) continue;
    if (at > done) out.push(text.slice(done, at));
    done = at + match[0].length;
    const nest = (/** @type {string} */ marked, /** @type {number} */ width) => {
      const inner = marked.slice(width, -width);
      return depth < MAX_DEPTH ? inline(inner, depth + 1) : [inner];
    };
    if (code) out.push(h('code', null, code.slice(1, -1)));
    else if (strong) out.push(h('strong', null, nest(strong, 2)));
    else if (strike) out.push(h('s', null, nest(strike, 2)));
    else if (star || under) out.push(h('em', null, nest(star ?? under, 1)));
    else if (mention) out.push(h('span', { class: 'mention' }, mention));
    else {
      const url = trimUrl(link);
      done = at + url.length;
      const href = url.startsWith('www.') ? `https://${url}` : url;
      out.push(h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, url));
    }
  }
  if (done < text.length) out.push(text.slice(done));
  return out;
}

/** @param {string} text @returns {any[]} */
function lines(text) {
  /** @type {any[]} */ const out = [];
  /** @type {any[]} */ let quote = [];
  const endQuote = () => {
    if (quote.length) out.push(h('blockquote', null, quote));
    quote = [];
  };
  let broken = true;
  for (const line of text.split('\n')) {
    if (line.startsWith('> ')) {
      if (quote.length) quote.push(h('br', null));
      quote.push(...inline(line.slice(2), 0));
      broken = true;
    } else {
      endQuote();
      if (!broken) out.push(h('br', null));
      out.push(...inline(line, 0));
      broken = false;
    }
  }
  endQuote();
  return out;
}

/** @param {string} text what somebody wrote @returns {any[]} */
export function richText(text) {
  return text.split(/```(?:[\w+-]*\n)?([\s\S]*?)```\n?/g).flatMap((part, i) => {
    if (i % 2) return [h('pre', { tabindex: 0 }, h('code', null, part.replace(/\n$/, '')))];
    return part ? lines(part) : [];
  });
}

/** One line without marks, for previews. @param {string} text */
export const plainText = (text) =>
  text.replace(/```(?:[\w+-]*\n)?|```/g, ' ').replace(/(\*\*|~~|`)(?=\S)(.+?)\1/g, '$2').replace(/(?<![\w*])([*_])(?=\S)([^*_\n]+)\1(?![\w*])/g, '$2').replace(/^> /gm, '').replace(/\s+/g, ' ').trim();

/** Whether a text is one to three emoji and nothing else. @param {string} text */
export const isOnlyEmoji = (text) =>
  /^(?:(?:\p{RI}\p{RI}|\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?)*)\s?){1,3}$/u.test(text.trim());
