// Where messages are written: text, files, reply and edit.
import { html, useEffect, useLayoutEffect, useRef, useSignal } from '../vendor/preact.js';
import { explain } from './i18n.js';
import { icon } from './parts.js';
import { plainText } from './text.js';
/** @typedef {import('./app').App} App */
/** @typedef {import('./app').Context} Context */

const EMOJI = '😀 😄 😂 🙂 😉 😍 🤔 😎 😅 😭 😴 🤯 👍 👎 👏 🙌 🙏 💪 👋 🤝 ❤️ 🔥 🎉 ✨ ✅ ❌ ⚡ 🚀 ☕ 🍕 🌱 💡'.split(' ');
const MAX_HEIGHT = 168;
/** The counter appears when this part of the limit is used. */
const COUNT_FROM = 0.8;

/** Where a mouse or trackpad is at hand, Enter sends; on a touch keyboard it makes a new line. */
const finePointer = () => matchMedia('(pointer: fine)').matches;

/** Width and height of a picture, so that its row has the right size at once. @param {Blob} blob @param {string} url */
async function measure(blob, url) {
  if (!blob.type.startsWith('image/')) return {};
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return { width: image.naturalWidth, height: image.naturalHeight };
  } catch {
    return {};
  }
}

/** @param {import('../client/wire').UploadLimits} limits @param {string} type */
function uploadLimit(limits, type) {
  if (type.startsWith('image/')) return limits.image;
  if (type.startsWith('video/')) return limits.video;
  if (type.startsWith('audio/')) return limits.audio;
  return limits.document;
}

/**
 * Checks a file against the server's limits and measures it.
 * @param {File} file @param {App} app
 * @returns {Promise<(import('../client/store.js').Picked & {url: string}) | null>} null: refused, and told why
 */
export async function pickFile(file, app) {
  const { store, t, toast } = app;
  const limit = uploadLimit(store.limits.value.upload, file.type);
  if (file.size > limit || !file.size) {
    toast(file.size ? t.tooLarge(limit) : t.emptyFile);
    return null;
  }
  const url = URL.createObjectURL(file);
  return { name: file.name || 'file', blob: file, type: file.type, size: file.size, url, ...(await measure(file, url)) };
}

/** @param {{ctx: Context, title: string}} props */
export function Composer({ ctx, title }) {
  const { store, t, fmt, id, app, replying, editing } = ctx;
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const text = useSignal('');
  const files = useSignal(/** @type {(import('../client/store.js').Picked & {url: string})[]} */ ([]));
  const emoji = useSignal(false);
  const saving = useSignal(false);
  const limit = store.limits.value.message_chars;
  const length = text.value.length > limit * COUNT_FROM ? [...text.value].length : 0;
  const tooLong = length > limit;
  const over = editing.value ?? replying.value;
  /** Asked anew by every key: a quick Enter comes before the drawing that its text asked for. */
  const isReady = () => {
    const trimmed = text.value.trim();
    return (trimmed !== '' || (files.value.length > 0 && !editing.value)) && [...trimmed].length <= limit && !saving.value;
  };
  const ready = isReady();

  const focus = () => field.current?.focus({ preventScroll: true });
  const keepDraft = () => {
    if (!editing.peek()) store.drafts.set(id, { text: text.peek(), reply: replying.peek() ?? undefined });
  };

  useEffect(() => {
    const draft = store.drafts.get(id);
    text.value = draft?.text ?? '';
    replying.value = draft?.reply ?? null;
    if (finePointer()) focus();
    return () => {
      store.typing(id, false);
      for (const file of files.peek()) URL.revokeObjectURL(file.url);
    };
  }, []);
  // Another tab wrote: take it over unless somebody is writing here.
  const draftText = store.drafts.all.value[id]?.text ?? '';
  useEffect(() => {
    const root = /** @type {ShadowRoot | undefined} */ (field.current?.getRootNode());
    if (!editing.peek() && root?.activeElement !== field.current && text.peek() !== draftText) text.value = draftText;
  }, [draftText]);
  useLayoutEffect(() => {
    text.value = editing.value ? editing.value.content : (store.drafts.get(id)?.text ?? '');
    if (editing.value) focus();
  }, [editing.value]);
  useEffect(() => {
    if (!replying.value) return;
    focus();
    keepDraft();
  }, [replying.value]);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${Math.min(area.scrollHeight, MAX_HEIGHT)}px`;
    area.style.overflowY = area.scrollHeight > MAX_HEIGHT ? 'auto' : 'hidden';
  }, [text.value]);

  ctx.addFiles = async (/** @type {Iterable<File>} */ list) => {
    for (const file of list) {
      const picked = await pickFile(file, app);
      if (picked) files.value = [...files.peek(), picked];
    }
    focus();
  };
  ctx.focusComposer = focus;

  const endEdit = () => {
    editing.value = null;
    focus();
  };
  const endReply = () => {
    replying.value = null;
    keepDraft();
    focus();
  };

  async function saveEdit() {
    const item = editing.value;
    const trimmed = text.value.trim();
    if (!item || trimmed === item.content) return endEdit();
    saving.value = true;
    try {
      await store.edit(item, trimmed);
      saving.value = false;
      endEdit();
    } catch (error) {
      saving.value = false;
      app.toast(explain(t, /** @type {any} */ (error)));
    }
  }

  function send() {
    if (!isReady()) return;
    if (editing.value) return void saveEdit();
    try {
      const trimmed = text.value.trim();
      const [first, ...rest] = files.value;
      store.send(id, trimmed, { reply: replying.value, files: first ? [first] : [] });
      for (const file of rest) store.send(id, '', { files: [file] });
    } catch (error) {
      return app.toast(/** @type {any} */ (error).code === 'outbox_full' ? t.outboxFull : explain(t, /** @type {any} */ (error)));
    }
    for (const file of files.value) URL.revokeObjectURL(file.url);
    text.value = '';
    files.value = [];
    replying.value = null;
    emoji.value = false;
    store.drafts.set(id, undefined);
    store.typing(id, false);
    ctx.toEnd();
    focus();
  }

  function onInput(/** @type {any} */ event) {
    text.value = event.target.value;
    keepDraft();
    if (!editing.peek()) store.typing(id, text.peek().trim() !== '');
  }

  function onKeyDown(/** @type {KeyboardEvent} */ event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey && (finePointer() || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape') {
      if (emoji.value) emoji.value = false;
      else if (editing.value) endEdit();
      else if (files.value.length) files.value = [];
      else if (replying.value) endReply();
      else return;
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === 'ArrowUp' && !text.value && !files.value.length) {
      const own = store.rows(id).findLast((/** @type {any} */ row) => row.sender_id === store.myId() && row.id && row.content && !row.deleted_at);
      if (!own) return;
      event.preventDefault();
      ctx.edit(own);
    }
  }

  function onPaste(/** @type {ClipboardEvent} */ event) {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    void ctx.addFiles([...event.clipboardData.files]);
  }

  function insert(/** @type {string} */ what) {
    const area = field.current;
    if (!area) return;
    area.setRangeText(what, area.selectionStart, area.selectionEnd, 'end');
    text.value = area.value;
    keepDraft();
    focus();
  }

  const removeFile = (/** @type {{url: string}} */ file) => {
    files.value = files.value.filter((other) => other !== file);
    URL.revokeObjectURL(file.url);
    focus();
  };

  return html`<form class="composer" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); send(); }}>
    ${over && html`<div class="context"><span class="context-icon">${icon(editing.value ? 'edit' : 'reply', 18)}</span>
      <span class="context-text"><b>${editing.value ? t.editing : html`<bdi>${t.replyingTo(ctx.nameOf(over.sender_id))}</bdi>`}</b>
      <span dir="auto">${plainText(over.content) || over.attachments[0]?.name || t.photo}</span></span>
      <button type="button" class="round" aria-label=${t.cancel} title=${t.cancel} onClick=${editing.value ? endEdit : endReply}>${icon('close', 18)}</button></div>`}
    ${files.value.length > 0 && html`<ul class="tray">${files.value.map((file) => html`<li class="chip" key=${file.url}>
      ${file.type.startsWith('image/') ? html`<img src=${file.url} alt="" />` : html`<span class="tile">${icon('file', 22)}</span>`}
      <span class="chip-text"><b><bdi>${file.name}</bdi></b><small>${fmt.size(file.size)}</small></span>
      <button type="button" class="round small" aria-label=${t.removeFile(file.name)} onClick=${() => removeFile(file)}>${icon('close', 16)}</button></li>`)}</ul>`}
    <div class="line">
      <button type="button" class="round" aria-label=${t.attach} title=${t.attach} disabled=${!!editing.value} onClick=${() => picker.current?.click()}>${icon('clip')}</button>
      <input ref=${picker} type="file" multiple hidden aria-hidden="true" tabindex="-1" onChange=${(/** @type {any} */ event) => { void ctx.addFiles([...event.target.files]); event.target.value = ''; }} />
      <div class="field">
        <textarea ref=${field} rows="1" dir="auto" enterkeyhint="send" aria-label=${t.placeholder(title)} placeholder=${t.placeholder(title)} aria-invalid=${tooLong}
          value=${text.value} onInput=${onInput} onKeyDown=${onKeyDown} onPaste=${onPaste} onBlur=${() => store.typing(id, false)}></textarea>
        ${length > 0 && html`<span class=${tooLong ? 'counter bad' : 'counter'} role="status">${tooLong ? t.tooLong(length - limit) : t.left(limit - length)}</span>`}
        <button type="button" class="round" aria-label=${t.emoji} title=${t.emoji} aria-expanded=${emoji.value} onClick=${() => { emoji.value = !emoji.value; }}>${icon('smile')}</button>
        ${emoji.value && html`<${EmojiGrid} t=${t} onPick=${insert} onClose=${() => { emoji.value = false; focus(); }} />`}
      </div>
      <button type="submit" class="send" aria-label=${editing.value ? t.saveEdit : t.send} title=${editing.value ? t.saveEdit : t.send} disabled=${!ready}>${icon(editing.value ? 'check' : 'send')}</button>
    </div>
  </form>`;
}

/** @param {{t: App['t'], onPick: (emoji: string) => void, onClose: () => void}} props */
function EmojiGrid({ t, onPick, onClose }) {
  const grid = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const root = /** @type {ShadowRoot} */ (grid.current?.getRootNode());
    const outside = (/** @type {Event} */ event) => {
      const path = event.composedPath();
      if (!path.includes(/** @type {any} */ (grid.current)) && !path.some((node) => /** @type {any} */ (node).ariaExpanded === 'true')) onClose();
    };
    root.addEventListener('pointerdown', outside);
    return () => root.removeEventListener('pointerdown', outside);
  }, []);
  const move = (/** @type {KeyboardEvent} */ event) => {
    const buttons = /** @type {HTMLElement[]} */ ([...(grid.current?.children ?? [])]);
    const i = buttons.indexOf(/** @type {HTMLElement} */ (event.target));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[event.key];
    if (event.key === 'Escape') {
      event.stopPropagation();
      onClose();
    } else if (step && buttons[i + step]) {
      event.preventDefault();
      buttons[i + step].focus();
    }
  };
  return html`<div class="emoji" role="group" aria-label=${t.emoji} ref=${grid} onKeyDown=${move}>
    ${EMOJI.map((one, i) => html`<button type="button" key=${one} tabindex=${i ? -1 : 0} aria-label=${one} onClick=${() => onPick(one)}>${one}</button>`)}</div>`;
}
