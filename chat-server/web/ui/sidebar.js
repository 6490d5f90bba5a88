// The list on the left: search, filters, conversations, people.
import { html, useEffect, useRef, useSignal } from '../vendor/preact.js';
import { tick } from '../client/conversations.js';
import { toPendingItem } from '../client/timeline.js';
import { Avatar, ConversationAvatar, Person, titleOf, typingNames } from './faces.js';
import { explain } from './i18n.js';
import { Tick, icon, spinner } from './parts.js';
import { plainText } from './text.js';
/** @typedef {import('./app').App} App */

const SEARCH_MS = 150;

/** @param {{app: App}} props */
export function Sidebar({ app }) {
  const { store, t } = app;
  const query = useSignal('');
  const filter = useSignal(/** @type {'all' | 'unread' | 'groups' | 'people'} */ ('all'));
  const found = useSignal(/** @type {import('../client/types').Person[] | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const me = store.me.value;
  const text = query.value.trim();
  const lower = text.toLocaleLowerCase();
  const directory = filter.value === 'people' || text !== '';
  const visible = /** @type {{conv: import('../client/types').Conv, pending: any}[]} */ (store.visible.value);
  const unread = visible.filter(({ conv }) => conv.unread > 0).length;
  const shown = filter.value === 'people' ? [] : visible.filter(({ conv }) =>
    (filter.value === 'all' || (filter.value === 'unread' && conv.unread > 0) || (filter.value === 'groups' && conv.kind === 'group')) &&
    (!lower || titleOf(app, conv).toLocaleLowerCase().includes(lower)));
  const there = new Set(shown.map(({ conv }) => conv.peer));
  const people = directory ? (found.value ?? []).filter((person) => !there.has(person.id)) : [];

  useEffect(() => {
    if (!directory || store.link.value !== 'up') return;
    let wanted = true;
    const timer = setTimeout(async () => {
      const answer = await store.findPeople(text).catch((/** @type {any} */ error) => void app.toast(explain(t, error)));
      if (!wanted || !answer) return;
      found.value = answer;
      store.people.watch('directory', answer.slice(0, 150).map((/** @type {any} */ person) => person.id));
    }, text ? SEARCH_MS : 0);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [text, directory, store.link.value === 'up']);
  app.focusSearch = () => /** @type {HTMLElement | null} */ (list.current?.parentElement?.querySelector('input'))?.focus();

  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const items = /** @type {HTMLElement[]} */ ([.../** @type {HTMLElement} */ (list.current).querySelectorAll('.item')]);
    const i = items.indexOf(/** @type {HTMLElement} */ (event.target));
    const goal = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: items.length - 1 }[event.key];
    if (goal === undefined || !items[goal]) return;
    event.preventDefault();
    items[goal].focus();
  };
  const onSearchKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    const first = /** @type {HTMLElement | null} */ (list.current?.querySelector('.item'));
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      first?.focus();
    } else if (event.key === 'Enter') {
      first?.click();
    } else if (event.key === 'Escape' && query.value) {
      event.stopPropagation();
      query.value = '';
    }
  };
  const openConversation = (/** @type {number} */ id) => {
    query.value = '';
    void app.open(id);
  };
  const openPerson = async (/** @type {number} */ user) => {
    query.value = '';
    if (filter.value === 'people') filter.value = 'all';
    await app.openWith(user);
  };
  const tabStop = shown.some(({ conv }) => conv.id === store.open.value) ? store.open.value : shown[0]?.conv.id;
  const tab = (/** @type {typeof filter.value} */ id, /** @type {string} */ label, /** @type {number} */ n = 0) =>
    html`<button type="button" key=${id} aria-pressed=${filter.value === id} onClick=${() => { filter.value = id; }}>${label}${n > 0 && html`<span>${n}</span>`}</button>`;
  const empty = !shown.length && !people.length && (!directory || found.value !== null);

  return html`<nav class="side" aria-label=${t.conversations}>
    <header class="bar">
      <button type="button" class="self" aria-label=${t.settings} title=${t.settings} onClick=${() => app.show('settings')}>
        <${Avatar} name=${me?.display_name ?? ''} seed=${me?.username ?? ''} picture=${store.people.people.value.get(me?.id ?? 0)?.avatar} size=${36} status=${me?.status === 'away' ? 'away' : store.link.value === 'up' ? 'online' : ''} /></button>
      <h1>${t.messages}</h1>
      <button type="button" class="round" aria-label=${t.broadcast} title=${t.broadcast} onClick=${() => app.show('broadcast')}>${icon('megaphone')}</button>
      <button type="button" class="round solid" aria-label=${t.newConversation} title=${t.newConversation} onClick=${() => app.show('compose')}>${icon('compose')}</button>
    </header>
    <div class="search">${icon('search', 18)}<input type="search" placeholder=${t.search} aria-label=${t.search} value=${query.value} autocomplete="off" spellcheck=${false}
      onInput=${(/** @type {any} */ event) => { query.value = event.target.value; }} onKeyDown=${onSearchKey} />
      ${query.value ? html`<button type="button" class="round small" aria-label=${t.clearSearch} onClick=${() => { query.value = ''; app.focusSearch(); }}>${icon('close', 16)}</button>` : html`<kbd>${app.mac ? '⌘K' : 'Ctrl K'}</kbd>`}</div>
    <div class="tabs" role="group" aria-label=${t.filter}>${[tab('all', t.all), tab('unread', t.unread, unread), tab('groups', t.groups), tab('people', t.people)]}</div>
    <div class="list" ref=${list} onKeyDown=${onKeyDown}>
      ${!store.loaded.value && !directory ? html`<div class="skeletons" aria-busy="true">${[0, 1, 2, 3, 4].map((i) => html`<i key=${i}></i>`)}</div>` : ''}
      ${shown.length > 0 && html`<ul>${shown.map(({ conv, pending }) => html`<${ConversationRow} key=${conv.id} app=${app} conv=${conv} pending=${pending} current=${store.open.value === conv.id} tabStop=${conv.id === tabStop} onOpen=${openConversation} />`)}</ul>`}
      ${directory && text && people.length > 0 && html`<h2 class="section">${t.people}</h2>`}
      ${people.length > 0 && html`<ul>${people.map((person, i) => html`<li key=${person.id}><button type="button" class="item" tabindex=${!shown.length && i === 0 ? 0 : -1} onClick=${() => openPerson(person.id)}>
        <${Person} app=${app} id=${person.id} /></button></li>`)}</ul>`}
      ${directory && found.value === null && html`<div class="nothing">${spinner()}</div>`}
      ${empty && store.loaded.value && html`<div class="nothing">${text ? html`${icon('search', 28)}<p>${t.nothingFound(text)}</p>`
        : filter.value === 'unread' ? html`${icon('check', 28)}<p>${t.caughtUp}</p>`
          : filter.value === 'groups' ? html`${icon('people', 28)}<p>${t.noGroups}</p>`
            : filter.value === 'people' ? html`${icon('people', 28)}<p>${t.noPeople}</p>`
              : html`${icon('smile', 28)}<p>${t.noChats}</p><button type="button" class="button" onClick=${() => app.show('compose')}>${t.newConversation}</button>`}</div>`}
    </div>
  </nav>`;
}

/** @param {{app: App, conv: import('../client/types').Conv, pending: import('../client/types').Entry | undefined, current: boolean, tabStop: boolean, onOpen: (id: number) => void}} props */
function ConversationRow({ app, conv, pending, current, tabStop, onOpen }) {
  const { store, t, fmt } = app;
  const me = store.myId();
  const names = typingNames(app, conv.id);
  const draft = current ? '' : store.drafts.all.value[conv.id]?.text.trim();
  const at = pending && pending.created_at > conv.at ? pending.created_at : conv.last ? Date.parse(conv.last.created_at) : 0;
  const state = pending ? tick(conv, toPendingItem(pending, me), me) : conv.last?.sender_id === me ? tick(conv, /** @type {any} */ (conv.last), me) : '';
  const line = names.length ? html`<span class="typing-now">${conv.kind === 'group' ? t.typing(names) : t.typingShort}</span>`
    : draft ? html`<span class="preview"><em class="draft">${t.draft}</em> <bdi>${plainText(draft)}</bdi></span>`
      : html`<span class="preview">${state && !conv.last?.deleted_at && Tick(state, t[state])}${previewAuthor(app, conv, pending)}<bdi>${previewText(t, conv, pending)}</bdi></span>`;
  return html`<li><button type="button" class=${conv.unread ? 'item fresh' : 'item'} aria-current=${current ? 'true' : undefined} tabindex=${tabStop ? 0 : -1} onClick=${() => onOpen(conv.id)}>
    <${ConversationAvatar} app=${app} conv=${conv} size=${48} />
    <span class="line1"><b><bdi>${titleOf(app, conv)}</bdi></b><time>${at ? fmt.brief(at) : ''}</time></span>
    <span class="line2">${line}${conv.unread > 0 && html`<span class="badge" role="img" aria-label=${t.unreadCount(conv.unread)}>${conv.unread > 99 ? '99+' : conv.unread}</span>`}</span>
  </button></li>`;
}

/** @param {App} app @param {import('../client/types').Conv} conv @param {unknown} pending */
function previewAuthor({ store, t }, conv, pending) {
  if (conv.kind !== 'group' || pending || !conv.last) return '';
  const name = conv.last.sender_id === store.myId() ? t.you : (store.people.get(conv.last.sender_id)?.name.split(' ')[0] ?? t.unknownPerson);
  return html`<bdi>${name}</bdi>: `;
}

/** @param {App['t']} t @param {import('../client/types').Conv} conv @param {import('../client/types').Entry | undefined} pending */
function previewText(t, conv, pending) {
  if (pending) return plainText(pending.content) || fileWord(t, pending.files[0]?.type.split('/')[0], pending.files[0]?.name);
  const { last } = conv;
  if (!last) return '';
  if (last.deleted_at) return t.deleted;
  return plainText(last.content) || fileWord(t, last.attachments[0]?.kind ?? 'image', last.attachments[0]?.name);
}

/** @param {App['t']} t @param {string} kind @param {string | undefined} name */
function fileWord(t, kind, name) {
  if (kind === 'image') return `🖼 ${t.photo}`;
  if (kind === 'video') return `🎬 ${t.video}`;
  if (kind === 'audio') return `🎵 ${t.audio}`;
  return `📄 ${name ?? ''}`;
}
