// One row of the message list. Draws again only when its message, its neighbours' flags or its tick change.
import { Component, html } from '../vendor/preact.js';
import { Avatar, hue } from './faces.js';
import { Tick, icon } from './parts.js';
import { isOnlyEmoji, plainText, richText } from './text.js';
/** @typedef {import('./app').Context} Context */

const PICTURE_WIDTH = 340;
const PICTURE_HEIGHT = 340;
const LONG_PRESS_MS = 450;
const TOOLBAR_PX = 44;

/**
 * A file as a row shows it: stored on the server, or still on this device.
 * @typedef {object} Shown
 * @property {'image' | 'video' | 'audio' | 'file'} kind
 * @property {string} url
 * @property {string} name
 * @property {number} size
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [id] of the stored attachment
 */

/** @param {string} type a MIME type */
const kindOf = (type) => /** @type {Shown['kind']} */ (/^(image|video|audio)\//.exec(type)?.[1] ?? 'file');

/**
 * The files of a row. Own files keep their local address while the page lives, so that nothing flickers or loads twice.
 * @param {import('../client/store.js').Store} store
 * @param {import('../client/timeline.js').Item} item
 * @param {string} server
 * @returns {Shown[]}
 */
export function filesOf(store, item, server) {
  if (item.deleted_at) return [];
  const local = store.mediaOf(item);
  if (item.entry || (local && local.length === item.attachments.length)) {
    const stored = item.attachments;
    return (local ?? []).map((file, i) => ({ ...file, kind: kindOf(file.type), id: stored[i]?.id }));
  }
  if (!item.attachments.length && item.media_url) {
    const name = item.media_url.split('/').pop() ?? '';
    return [{ kind: /\.(jpe?g|png|gif|webp)$/i.test(name) ? 'image' : 'file', url: absolute(item.media_url, server), name, size: 0 }];
  }
  return item.attachments.map((file) => ({
    kind: file.kind === 'document' || file.kind === 'text' ? 'file' : file.kind,
    url: absolute(file.url, server),
    name: file.name,
    size: file.size,
    width: file.width,
    height: file.height,
    id: file.id,
  }));
}

const absolute = (/** @type {string} */ url, /** @type {string} */ server) => (url.startsWith('/') ? server + url : url);

/** Size on screen, known before the picture is there, so that nothing moves when it comes. @param {Shown} file */
function pictureSize({ width = 0, height = 0 }) {
  if (!width || !height) return { width: 260, height: 195 };
  const scale = Math.min(1, PICTURE_WIDTH / width, PICTURE_HEIGHT / height);
  return { width: Math.max(96, Math.round(width * scale)), height: Math.max(64, Math.round(height * scale)) };
}

/**
 * @typedef {object} RowProps
 * @property {import('../client/timeline.js').Item} item
 * @property {import('../client/timeline.js').RowFlags} flags
 * @property {ReturnType<typeof import('../client/conversations.js').tick> | ''} tick send state of an own message, else empty
 * @property {boolean} group whether names and faces are shown
 * @property {import('../client/types').Person | undefined} author
 * @property {number} dividerCount
 * @property {boolean} flash
 * @property {boolean} active its actions are pinned open
 * @property {Context} ctx of the conversation: the same object for its life
 *
 * @extends {Component<RowProps, {hot: boolean, below: boolean}>}
 */
export class MessageRow extends Component {
  state = { hot: false, below: false };
  /** @type {any} */ #press = null;

  /** @param {RowProps} next @param {{hot: boolean, below: boolean}} state */
  shouldComponentUpdate(next, state) {
    const { item, flags, tick, author, dividerCount, flash, active } = this.props;
    return (
      next.item !== item || next.tick !== tick || next.author !== author || next.dividerCount !== dividerCount ||
      next.flash !== flash || next.active !== active || state.hot !== this.state.hot ||
      next.flags.day !== flags.day || next.flags.divider !== flags.divider || next.flags.head !== flags.head || next.flags.tail !== flags.tail
    );
  }

  /** At the upper edge of the list there is no room above the bubble: its actions go below. */
  #heat = (/** @type {Event} */ event) => {
    const row = /** @type {HTMLElement} */ (event.currentTarget);
    const edge = row.closest('.scroller')?.getBoundingClientRect().top ?? 0;
    this.setState({ hot: true, below: row.getBoundingClientRect().top - edge < TOOLBAR_PX });
  };
  #cool = () => this.setState({ hot: false });
  /** A long press stands in for hovering. */
  #touch = (/** @type {PointerEvent} */ event) => {
    if (event.pointerType === 'mouse') return;
    this.#press = setTimeout(() => this.props.ctx.activate(this.props.item), LONG_PRESS_MS);
  };
  #release = () => clearTimeout(this.#press);
  #menu = (/** @type {Event} */ event) => {
    if (matchMedia('(hover: none)').matches && !(/** @type {HTMLElement} */ (event.target).closest('a'))) event.preventDefault();
  };

  /** @param {RowProps} props @param {{hot: boolean, below: boolean}} state */
  render({ item, flags, tick, group, author, dividerCount, flash, active, ctx }, { hot, below }) {
    const { t, fmt, store, server } = ctx;
    const mine = item.sender_id === store.myId();
    const files = filesOf(store, item, server);
    const media = files.length > 0 && files.every(({ kind }) => kind === 'image' || kind === 'video');
    const big = !files.length && !item.reply_to && !item.deleted_at && isOnlyEmoji(item.content);
    const name = author?.name ?? t.unknownPerson;
    const classes = ['row', mine ? 'mine' : 'theirs', flags.head && 'head', flags.tail && 'tail', flash && 'flash', active && 'active',
      (tick === 'failed' || tick === 'held') && 'bad'];
    const bubble = ['bubble', big && 'big', media && 'media', item.deleted_at && 'gone'];
    const meta = html`<span class="meta">${item.edited_at && !item.deleted_at && html`<span>${t.edited}</span>`}
      <time datetime=${new Date(item.time).toISOString()} title=${fmt.full(item.time)}>${fmt.time(item.time)}</time>
      ${tick && !item.deleted_at && Tick(tick, t[tick])}</span>`;
    const actions = (hot || active) && item.id > 0 && !item.deleted_at && !ctx.readOnly();
    return html`
      ${flags.day && html`<div class="day"><span>${fmt.day(item.time)}</span></div>`}
      ${flags.divider && html`<div class="divider" role="separator"><span>${t.newMessages(Math.max(1, dividerCount))}</span></div>`}
      <div class=${classes.filter(Boolean).join(' ')} onMouseEnter=${this.#heat} onMouseLeave=${this.#cool} onFocusIn=${this.#heat}
        onFocusOut=${this.#cool} onPointerDown=${this.#touch} onPointerUp=${this.#release} onPointerCancel=${this.#release}
        onPointerMove=${this.#release} onContextMenu=${this.#menu}>
        ${group && !mine && html`<span class="face-column">${flags.tail && html`<${Avatar} name=${name} seed=${author?.username} picture=${author?.avatar} size=${32} />`}</span>`}
        <div class="stack">
          <div class=${bubble.filter(Boolean).join(' ')}>
            ${group && !mine && flags.head && html`<div class="name" style=${{ '--hue': hue(author?.username ?? name) }}><bdi>${name}</bdi></div>`}
            ${item.deleted_at ? html`<div class="text"><em>${t.deleted}</em>${meta}</div>` : html`
              ${item.reply_to && this.#quote(item.reply_to)}
              ${files.map((file, i) => this.#file(file, item, i, media && !item.content && i === files.length - 1 ? meta : null))}
              ${(item.content || !media) && html`<div class=${item.content ? 'text' : 'text bare'} dir="auto">${richText(item.content)}${meta}</div>`}`}
            ${actions && this.#toolbar(mine, item, below)}
          </div>
          ${(tick === 'failed' || tick === 'held') && html`<div class="trouble" role="alert">
            ${icon('alert', 16)}<span>${tick === 'held' ? t.heldSince(fmt.ago(item.time)) : `${t.notSent} ${ctx.problem(item)}`.trim()}</span>
            <button type="button" onClick=${() => store.retry(item.key)}>${tick === 'held' ? t.sendNow : t.retry}</button>
            <button type="button" onClick=${() => store.discard(item.key)}>${t.discard}</button></div>`}
        </div>
      </div>`;
  }

  /** @param {import('../client/wire').Quote} quote */
  #quote(quote) {
    const { t, jump, nameOf } = this.props.ctx;
    return html`<button type="button" class="quote" onClick=${() => jump(quote.seq)}>
      ${!quote.unavailable && html`<b><bdi>${nameOf(quote.sender_id)}</bdi></b>`}
      <span dir="auto">${quote.unavailable ? t.deletedQuote : plainText(quote.content) || t.photo}</span></button>`;
  }

  /** @param {Shown} file @param {import('../client/timeline.js').Item} item @param {number} i @param {any} meta */
  #file(file, item, i, meta) {
    const { t, fmt, showPicture, fresh } = this.props.ctx;
    const part = item.entry?.progress;
    const progress = part !== undefined && html`<span class="progress" role="progressbar" aria-label=${file.name}
      aria-valuenow=${Math.round(part * 100)} aria-valuemin="0" aria-valuemax="100"><i style=${{ '--part': part }}></i></span>`;
    const { width, height } = pictureSize(file);
    const box = { width: `${width}px`, aspectRatio: `${width} / ${height}` };
    if (file.kind === 'image') {
      return html`<button type="button" class="picture" key=${i} style=${box} aria-label=${file.name || t.photo} onClick=${() => showPicture(item, i)}>
        <img src=${file.url} alt="" decoding="async" draggable=${false} onError=${(/** @type {Event} */ event) => fresh(event, file)} />${progress}${meta}</button>`;
    }
    if (file.kind === 'video') {
      return html`<div class="picture" key=${i} style=${box}><video src=${file.url} controls preload="metadata" aria-label=${file.name}></video>${progress}${meta}</div>`;
    }
    if (file.kind === 'audio') {
      return html`<div class="sound" key=${i}><audio src=${file.url} controls preload="metadata" aria-label=${file.name}></audio>${progress}</div>`;
    }
    const ending = file.name.includes('.') ? `${file.name.split('.').pop()?.toLocaleUpperCase()} · ` : '';
    return html`<a class="file" key=${i} href=${file.url} download=${file.name} target="_blank" rel="noopener"><span class="tile">${icon('file', 22)}</span>
      <span class="file-name"><b><bdi>${file.name}</bdi></b><small>${ending}${file.size ? fmt.size(file.size) : ''}</small></span>${progress}</a>`;
  }

  /** @param {boolean} mine @param {import('../client/timeline.js').Item} item @param {boolean} below */
  #toolbar(mine, item, below) {
    const { t, reply, edit, copy, remove } = this.props.ctx;
    const button = (/** @type {Parameters<typeof icon>[0]} */ name, /** @type {string} */ label, /** @type {() => void} */ run) =>
      html`<button type="button" tabindex="-1" aria-label=${label} title=${label} onClick=${run}>${icon(name, 18)}</button>`;
    return html`<div class=${below ? 'toolbar below' : 'toolbar'} role="toolbar" aria-label=${t.actions}>
      ${button('reply', t.reply, () => reply(item))}
      ${item.content && button('copy', t.copy, () => copy(item))}
      ${mine && item.content && button('edit', t.edit, () => edit(item))}
      ${mine && button('trash', t.del, () => remove(item))}
    </div>`;
  }
}

/**
 * Height of a row before it is drawn. Only has to be near: the true height replaces it.
 * @param {import('../client/timeline.js').Item} item @param {import('../client/timeline.js').RowFlags} flags
 * @param {number} width @param {boolean} group @param {Shown[]} files
 */
export function estimateRow(item, flags, width, group, files) {
  let height = flags.head ? 8 : 2;
  if (flags.day) height += 50;
  if (flags.divider) height += 38;
  if (group && flags.head) height += 19;
  if (item.reply_to) height += 48;
  if (item.entry?.state === 'failed') height += 26;
  for (const file of files) height += file.kind === 'image' || file.kind === 'video' ? pictureSize(file).height + 6 : 54;
  if (item.deleted_at) return height + 35;
  if (!item.content) return height;
  const perLine = Math.max(18, (Math.min(width * 0.78, 600) - 36) / 7.3);
  const lines = item.content.split('\n').reduce((sum, line) => sum + Math.max(1, Math.ceil((line.length + 8) / perLine)), 0);
  return height + 14 + 21 * lines;
}
