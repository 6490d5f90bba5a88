// One conversation on screen: header, messages, typing line, composer.
import { html, useEffect, useMemo, useRef, useSignal } from '../vendor/preact.js';
import { signal } from '../vendor/signals-core.js';
import { tick } from '../client/conversations.js';
import { rowFlags } from '../client/timeline.js';
import { Composer } from './composer.js';
import { explain } from './i18n.js';
import { MessageList } from './list.js';
import { MessageRow, estimateRow, filesOf } from './message.js';
import { ConversationAvatar, presenceText, titleOf, typingNames } from './faces.js';
import { icon, spinner } from './parts.js';
/** @typedef {import('./app').App} App */

const FLASH_MS = 1700;
const LANDING = 0.25;

/** What the rows of one conversation may call. Made once per visit, so that rows can compare it. */
function createContext(/** @type {App} */ app, /** @type {number} */ id) {
  const { store, t, fmt } = app;
  const flash = signal('');
  const active = signal('');
  const ctx = {
    app, store, t, fmt, id, flash, active,
    server: app.server,
    replying: signal(/** @type {any} */ (null)),
    editing: signal(/** @type {any} */ (null)),
    /** @type {MessageList | null} */ list: null,
    addFiles: async (/** @type {Iterable<File>} */ _files) => {},
    focusComposer: () => {},
    readOnly: () => store.conv(id)?.gone ?? true,
    nameOf: (/** @type {number | undefined} */ user) => (user === store.myId() ? t.you : (store.people.get(user ?? 0)?.name ?? t.unknownPerson)),
    problem: (/** @type {any} */ item) => (item.entry?.problem ? explain(t, { code: '', detail: item.entry.problem }) : ''),
    showPicture: (/** @type {any} */ item, /** @type {number} */ index) => app.show('lightbox', { id, rowKey: item.key, index }),
    activate(/** @type {any} */ item) {
      active.value = active.value === item.key ? '' : item.key;
    },
    reply(/** @type {any} */ item) {
      active.value = '';
      ctx.editing.value = null;
      ctx.replying.value = item;
    },
    edit(/** @type {any} */ item) {
      active.value = '';
      ctx.replying.value = null;
      ctx.editing.value = item;
    },
    async copy(/** @type {any} */ item) {
      active.value = '';
      await navigator.clipboard?.writeText(item.content).then(() => app.toast(t.copied), () => app.toast(t.somethingWrong));
    },
    async remove(/** @type {any} */ item) {
      active.value = '';
      if (!(await app.confirm(t.delAsk, t.discard))) return;
      await store.remove(item).catch((/** @type {any} */ error) => app.toast(explain(t, error)));
      ctx.list?.scroller?.focus({ preventScroll: true });
    },
    async jump(/** @type {number} */ seq) {
      if (!(await store.jumpTo(id, seq))) return app.toast(t.historyFailed);
      const key = store.log(id).at(seq)?.key;
      if (!key) return;
      // The list takes over a page that was just loaded with the next drawing.
      requestAnimationFrame(() => {
        ctx.list?.toKey(key, 0.35);
        flash.value = key;
        setTimeout(() => {
          if (flash.value === key) flash.value = '';
        }, FLASH_MS);
      });
    },
    async toEnd() {
      if (store.log(id).hasAfter) await store.log(id).loadLatest();
      ctx.list?.toEnd();
    },
    /** An address from yesterday may have ended: ask for a fresh one, once. */
    async fresh(/** @type {Event} */ event, /** @type {{id?: number}} */ file) {
      const image = /** @type {HTMLImageElement} */ (event.target);
      if (!file.id || image.dataset.tried) return;
      image.dataset.tried = 'yes';
      const url = await store.freshAddress(file.id).catch(() => '');
      if (url) image.src = app.server + url;
    },
  };
  return ctx;
}

/** @param {{app: App, conv: import('../client/types').Conv}} props  keyed by the conversation */
export function conversation({ app, conv }) {
  const { store, t, fmt } = app;
  const { id } = conv;
  const log = store.log(id);
  const ctx = useMemo(() => createContext(app, id), [id]);
  const rows = store.rows(id);
  const me = store.myId();
  const atEnd = useSignal(true);
  const top = useSignal('');
  const dropping = useSignal(false);
  /** Newest message when the end was left: what came since is counted on the button. */
  const leftAt = useRef(0);
  const group = conv.kind === 'group';
  const title = titleOf(app, conv);
  const lastSeq = conv.lastSeq;
  const opening = store.opening.value === id;
  const people = store.people.people.value;

  if (atEnd.value) leftAt.current = lastSeq;
  const below = atEnd.value ? 0 : rows.filter((/** @type {any} */ row) => row.seq > leftAt.current && row.sender_id !== me).length;
  const attention = store.attention.value;
  const settled = store.settled.value;
  // After a long absence one goes on where one stopped, and only then does anything count as read.
  const missed = settled ? store.missed.value : null;
  const went = useRef(store.missed.peek());
  useEffect(() => {
    if (missed && missed !== went.current) {
      went.current = missed;
      ctx.list?.toKey(missed, LANDING);
    } else if (settled && atEnd.value && attention && !opening && log.loaded) {
      store.seen(id);
    }
  }, [atEnd.value, attention, opening, settled, missed, lastSeq, rows]);
  app.escape = () => {
    if (ctx.active.value) ctx.active.value = '';
    else if (!atEnd.value) void ctx.toEnd();
    else return false;
    return true;
  };

  const flags = (/** @type {number} */ i) => rowFlags(rows, i, log.divider);
  const renderRow = (/** @type {number} */ i) => {
    const item = rows[i];
    return html`<${MessageRow} item=${item} flags=${flags(i)} group=${group} author=${people.get(item.sender_id)} ctx=${ctx}
      tick=${item.sender_id === me ? tick(conv, item, me) : ''} dividerCount=${item.key === log.divider ? log.dividerCount : 0}
      flash=${ctx.flash.value === item.key} active=${ctx.active.value === item.key} />`;
  };
  const onRowKey = (/** @type {KeyboardEvent} */ event, /** @type {number} */ i) => {
    const item = rows[i];
    if (!item?.id || item.deleted_at || ctx.readOnly()) return;
    const mine = item.sender_id === me;
    const run = {
      Enter: () => ctx.activate(item),
      r: () => ctx.reply(item),
      e: () => mine && item.content && ctx.edit(item),
      c: () => item.content && ctx.copy(item),
      Delete: () => mine && ctx.remove(item),
    }[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  };
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') && !conv.gone;
  const failed = log.failed.value;

  const head = html`${log.hasBefore ? html`<div class="older">${failed === 'before'
    ? html`<span>${t.historyFailed}</span><button type="button" class="link" onClick=${() => log.loadBefore()}>${t.retry}</button>`
    : html`${spinner()}<span class="hidden">${t.loadingOlder}</span>`}</div>`
    : html`<div class="start"><${ConversationAvatar} app=${app} conv=${conv} size=${72} /><h2><bdi>${title}</bdi></h2>
      <p>${group ? t.startGroup(title) : conv.peer === me ? t.startSelf : t.start(title)}</p></div>`}`;

  return html`<section class="conversation" aria-label=${title}
    onDragOver=${(/** @type {DragEvent} */ event) => { if (hasFiles(event)) { event.preventDefault(); dropping.value = true; } }}
    onDragLeave=${(/** @type {DragEvent} */ event) => { if (!(/** @type {Node} */ (event.currentTarget).contains(/** @type {Node} */ (event.relatedTarget)))) dropping.value = false; }}
    onDrop=${(/** @type {DragEvent} */ event) => { if (!hasFiles(event)) return; event.preventDefault(); dropping.value = false; void ctx.addFiles([...(event.dataTransfer?.files ?? [])]); }}>
    <${Header} app=${app} conv=${conv} title=${title} />
    <div class="middle">
      ${!log.loaded || opening
        ? failed === 'first'
          ? html`<div class="blank"><p>${t.openFailed}</p><button type="button" class="button" onClick=${() => app.reopen(id)}>${t.retry}</button></div>`
          : html`<div class="blank" aria-busy="true">${spinner()}</div>`
        : html`<${FloatingDay} rows=${rows} top=${top} fmt=${fmt} />
          <${MessageList} rows=${rows} label=${title} head=${head} hasBefore=${log.hasBefore} hasAfter=${log.hasAfter}
            estimate=${(/** @type {number} */ i, /** @type {number} */ width) => estimateRow(rows[i], flags(i), width, group, filesOf(store, rows[i], app.server))}
            row=${renderRow} name=${(/** @type {number} */ i) => `${ctx.nameOf(rows[i].sender_id)}, ${fmt.time(rows[i].time)}`}
            onBefore=${() => failed !== 'before' && log.loadBefore()} onAfter=${() => failed !== 'after' && log.loadAfter()} onRowKey=${onRowKey}
            onPosition=${(/** @type {{atEnd: boolean, top: string}} */ position) => { atEnd.value = position.atEnd; top.value = position.atEnd ? '' : position.top; }}
            api=${(/** @type {MessageList} */ list) => { ctx.list = list; app.list = list; if (log.divider) list.toKey(log.divider, LANDING); }} />`}
      ${!atEnd.value && log.loaded && !opening && html`<button type="button" class="jump" onClick=${() => ctx.toEnd()}
        aria-label=${below ? `${t.jump}, ${t.newMessages(below)}` : t.jump} title=${t.jump}>${below > 0 && html`<span>${t.newMessages(below)}</span>`}${icon('down')}</button>`}
      ${dropping.value && html`<div class="drop">${icon('clip', 28)}<b>${t.drop}</b></div>`}
    </div>
    <${TypingLine} app=${app} id=${id} />
    ${conv.gone ? html`<p class="read-only">${t.gone}</p>` : html`<${Composer} ctx=${ctx} title=${title} />`}
  </section>`;
}

/** @param {{app: App, conv: import('../client/types').Conv, title: string}} props */
function Header({ app, conv, title }) {
  const { store, t } = app;
  const people = store.people.people.value;
  const names = typingNames(app, conv.id);
  const online = [...conv.members.keys()].filter((user) => user !== store.myId() && people.get(user)?.status === 'online').length;
  const self = conv.peer === store.myId();
  const below = conv.kind === 'group' ? t.members(conv.memberCount, online) : self ? '' : presenceText(app, people.get(conv.peer));
  return html`<header class="bar">
    <button type="button" class="round narrow-only" aria-label=${t.back} title=${t.back} onClick=${app.back}>${icon('back')}</button>
    <${ConversationAvatar} app=${app} conv=${conv} size=${40} />
    <div class="heading"><h1><bdi>${title}</bdi></h1><p>${names.length ? html`<span class="typing-now">${t.typing(names)}</span>` : below}</p></div>
    <button type="button" class="round" aria-label=${t.details} title=${t.details} onClick=${() => app.show('details', { id: conv.id })}>${icon('info')}</button>
  </header>`;
}

/** Its height is always there: the list must not shrink when somebody starts to type. @param {{app: App, id: number}} props */
function TypingLine({ app, id }) {
  const names = typingNames(app, id);
  return html`<div class="typing-line">${names.length > 0 && html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span><span>${app.t.typing(names)}</span>`}</div>`;
}

/** The day of the first visible row. @param {{rows: readonly any[], top: {value: string}, fmt: App['fmt']}} props */
function FloatingDay({ rows, top, fmt }) {
  const row = top.value ? rows.find((item) => item.key === top.value) : undefined;
  return row ? html`<div class="floating-day" aria-hidden="true"><span>${fmt.day(row.time)}</span></div>` : null;
}
