// A picture on the whole screen; arrows go through the pictures of the conversation that are loaded.
import { html, useSignal } from '../../vendor/preact.js';
import { Dialog } from '../dialog.js';
import { filesOf } from '../message.js';
import { icon } from '../parts.js';
/** @typedef {import('../app').App} App */

/** @param {{app: App, id: number, rowKey: string, index: number, onClose: () => void}} props */
export function lightbox({ app, id, rowKey, index, onClose }) {
  const { store, t, fmt } = app;
  const pictures = store.rows(id).flatMap((/** @type {any} */ item) =>
    filesOf(store, item, app.server).flatMap((file, i) => (file.kind === 'image' ? [{ item, file, i }] : [])));
  const first = pictures.findIndex((/** @type {any} */ picture) => picture.item.key === rowKey && picture.i === index);
  const at = useSignal(Math.max(0, first));
  const picture = pictures[Math.min(at.value, pictures.length - 1)];
  if (!picture) return null;
  const { item, file } = picture;
  const author = item.sender_id === store.myId() ? t.you : (store.people.get(item.sender_id)?.name ?? t.unknownPerson);
  const go = (/** @type {number} */ step) => { at.value = Math.min(pictures.length - 1, Math.max(0, at.value + step)); };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) go(step);
  };
  return html`<${Dialog} app=${app} title=${`${author}, ${fmt.day(item.time)}, ${fmt.time(item.time)}`} kind="lightbox" onClose=${onClose} onKey=${onKey}>
    <div class="stage" onClick=${(/** @type {Event} */ event) => { if (event.target === event.currentTarget) onClose(); }}>
      <img src=${file.url} alt=${file.name || t.photo} key=${file.url} />
      ${at.value > 0 && html`<button type="button" class="round previous" aria-label=${t.previous} title=${t.previous} onClick=${() => go(-1)}>${icon('back', 24)}</button>`}
      ${at.value < pictures.length - 1 && html`<button type="button" class="round next" aria-label=${t.next} title=${t.next} onClick=${() => go(1)}>${icon('back', 24)}</button>`}
      <a class="round save" href=${file.url} download=${file.name} aria-label=${t.download} title=${t.download}>${icon('download')}</a>
    </div></${Dialog}>`;
}
