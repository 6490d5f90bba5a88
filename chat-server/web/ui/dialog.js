// The frame of every dialog: the browser's own modal, which traps and returns the focus.
import { html, useEffect, useRef } from '../vendor/preact.js';
import { icon } from './parts.js';
/** @typedef {import('./app').App} App */

/**
 * @param {{app: App, title: string, onClose: () => void, children?: any, footer?: any, kind?: string, onKey?: (event: KeyboardEvent) => void}} props
 *   `kind` is a class: `small` for questions, `lightbox` for the whole screen
 */
export function Dialog({ app, title, onClose, children, footer, kind = '', onKey }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const element = /** @type {HTMLDialogElement} */ (dialog.current);
    const root = /** @type {ShadowRoot} */ (element.getRootNode());
    const before = /** @type {HTMLElement | null} */ (root.activeElement);
    element.showModal();
    return () => {
      element.close();
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const onCancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  // A click on the dialog itself, not on what is in it, is a click on the backdrop.
  const onPointerDown = (/** @type {Event} */ event) => {
    if (event.target === dialog.current && kind !== 'lightbox') onClose();
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation();
    onKey?.(event);
  };
  return html`<dialog ref=${dialog} class=${kind} aria-label=${title} onCancel=${onCancel} onPointerDown=${onPointerDown} onKeyDown=${onKeyDown}>
    <div class="sheet">
      <header><h2>${title}</h2><button type="button" class="round" aria-label=${app.t.close} title=${app.t.close} onClick=${onClose}>${icon('close')}</button></header>
      ${children}
      ${footer && html`<footer>${footer}</footer>`}
    </div>
  </dialog>`;
}

/** A question with two answers. @param {{app: App, text: string, action: string, onAnswer: (yes: boolean) => void}} props */
export function confirm({ app, text, action, onAnswer }) {
  return html`<${Dialog} app=${app} title=${text} kind="small" onClose=${() => onAnswer(false)}
    footer=${html`<button type="button" class="button quiet" onClick=${() => onAnswer(false)}>${app.t.cancel}</button>
      <button type="button" class="button danger" autofocus onClick=${() => onAnswer(true)}>${action}</button>`} />`;
}
