// How people and conversations look and are called: avatars, titles, presence in words.
import { html } from '../vendor/preact.js';
/** @typedef {import('./app').App} App */

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const initials = (/** @type {string} */ name) =>
  name.trim().split(/[\s._-]+/).filter(Boolean).slice(0, 2)
    .map((word) => segmenter.segment(word)[Symbol.iterator]().next().value?.segment ?? '').join('').toLocaleUpperCase();

/** Stable hue of a name, so that a person looks the same everywhere. @param {string} name */
export function hue(name) {
  let sum = 7;
  for (const char of name) sum = (sum * 31 + /** @type {number} */ (char.codePointAt(0))) % 360;
  return sum;
}

/**
 * Picture of a person or group, else the first letters of the name (drawn by the style sheet: they are no text to read).
 * @param {{name: string, seed?: string, picture?: string, square?: boolean, size?: number, status?: string}} props
 *   `status` draws the presence dot when it is `online` or `away`
 */
export function Avatar({ name, seed = name, picture, square = false, size = 44, status }) {
  const style = { '--size': `${size}px`, '--hue': hue(seed) };
  return html`<span class=${square ? 'avatar square' : 'avatar'} style=${style} aria-hidden="true">
    ${picture ? html`<img src=${picture} alt="" />` : html`<span class="face" data-letters=${initials(name)}></span>`}
    ${(status === 'online' || status === 'away') && html`<i class=${`dot ${status}`}></i>`}
  </span>`;
}

/** @param {App} app @param {import('../client/types').Conv} conv */
export function titleOf(app, conv) {
  if (conv.kind === 'group') return conv.title || app.t.groups;
  if (conv.peer === app.store.myId()) return app.t.yourself;
  return app.store.people.people.value.get(conv.peer)?.name ?? app.t.unknownPerson;
}

/** Avatar of a conversation. @param {{app: App, conv: import('../client/types').Conv, size: number}} props */
export function ConversationAvatar({ app, conv, size }) {
  const person = app.store.people.people.value.get(conv.peer);
  const title = titleOf(app, conv);
  return html`<${Avatar} name=${person?.name ?? title} seed=${person?.username ?? title} picture=${person?.avatar} square=${conv.kind === 'group'}
    size=${size} status=${conv.kind === 'direct' && conv.peer !== app.store.myId() ? presenceOf(app, person) : undefined} />`;
}

/** Names of those who type in a conversation. @param {App} app @param {number} id @returns {string[]} */
export const typingNames = (app, id) =>
  (app.store.people.typing.value[id] ?? []).map((/** @type {number} */ user) => app.store.people.get(user)?.name.split(' ')[0] ?? app.t.unknownPerson);

/** Without a link nobody's presence is known. @param {App} app @param {import('../client/types').Person | undefined} person */
export const presenceOf = (app, person) => (app.store.banner.value === 'offline' ? 'unknown' : person?.status);

/** Presence in words. @param {App} app @param {import('../client/types').Person | undefined} person */
export function presenceText(app, person) {
  const { t, fmt } = app;
  const status = presenceOf(app, person);
  if (status === 'online') return t.online;
  if (status === 'away') return t.away;
  if (person?.lastSeen) return t.lastSeen(fmt.ago(person.lastSeen));
  return status === 'offline' ? t.offlineNow : '';
}

/** Face, name and presence of somebody in a list. @param {{app: App, id: number}} props */
export function Person({ app, id }) {
  const person = app.store.people.people.value.get(id);
  if (!person) return null;
  const presence = presenceText(app, person);
  const handle = person.username && person.username !== person.name ? `@${person.username}` : '';
  return html`<${Avatar} name=${person.name} seed=${person.username} picture=${person.avatar} size=${44} status=${presenceOf(app, person)} />
    <span class="line1"><b><bdi>${person.name}</bdi></b></span>
    <span class="line2"><span class="preview">${handle}${handle && presence && ' · '}${presence}</span></span>`;
}
