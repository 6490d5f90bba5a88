// One message to many people, each in private.
import { html, useMemo, useRef, useSignal } from '../../vendor/preact.js';
import { pickFile } from '../composer.js';
import { Dialog } from '../dialog.js';
import { explain } from '../i18n.js';
import { icon } from '../parts.js';
import { PeoplePicker } from './people.js';
/** @typedef {import('../app').App} App */

/** Above this many receivers a question comes first. */
const ASK_ABOVE = 20;

/** @param {{app: App, onClose: () => void}} props */
export function broadcast({ app, onClose }) {
  const { store, t } = app;
  const chosen = useSignal(/** @type {readonly number[]} */ ([]));
  const text = useSignal('');
  const file = useSignal(/** @type {any} */ (null));
  const upload = useSignal(0);
  const busy = useSignal(false);
  const problem = useSignal('');
  const sent = useSignal(0);
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  /** Names this broadcast, so that a second try after a lost answer sends nothing twice. */
  const key = useMemo(() => store.newKey(), []);
  const n = chosen.value.length;
  const state = /** @type {import('../../client/wire').Broadcast | undefined} */ (store.broadcasts.value[sent.value]);

  async function go() {
    if (n > ASK_ABOVE && !(await app.confirm(t.broadcastAsk(n), t.sendTo(n)))) return;
    busy.value = true;
    problem.value = '';
    try {
      sent.value = await store.broadcast({
        key, receivers: chosen.value, content: text.value.trim(), file: file.value ?? undefined,
        onProgress: (/** @type {number} */ part) => { upload.value = part; },
      });
    } catch (error) {
      problem.value = explain(t, /** @type {any} */ (error));
      busy.value = false;
    }
  }
  const pick = async (/** @type {any} */ event) => {
    const [one] = event.target.files;
    event.target.value = '';
    if (one) file.value = (await pickFile(one, app)) ?? file.value;
  };

  if (state) {
    const finished = state.state !== 'running';
    return html`<${Dialog} app=${app} title=${t.broadcastTitle} kind="small" onClose=${onClose}
      footer=${html`<button type="button" class="button" onClick=${onClose}>${t.close}</button>`}>
      <div class="result" role="status">${icon(finished ? 'check' : 'megaphone', 32)}
        <p>${finished ? t.broadcastDone(state.done) : t.broadcastRunning(state.done, state.total)}</p>
        ${!finished && html`<progress max=${state.total} value=${state.done}></progress>`}
        ${state.failed > 0 && html`<p class="problem">${t.broadcastFailed(state.failed)}</p>`}</div></${Dialog}>`;
  }
  const footer = html`${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
    <button type="button" class="button" disabled=${busy.value || !n || (!text.value.trim() && !file.value)} onClick=${go}>${t.sendTo(n)}</button>`;
  return html`<${Dialog} app=${app} title=${t.broadcastTitle} onClose=${onClose} footer=${footer}>
    <div class="fields"><p class="hint">${t.broadcastHint}</p>
      <label class="input"><span>${t.broadcastText}</span><textarea rows="3" dir="auto" value=${text.value}
        onInput=${(/** @type {any} */ event) => { text.value = event.target.value; }}></textarea></label>
      <div class="attach-line">
        ${file.value ? html`<span class="chip">${file.value.type.startsWith('image/') ? html`<img src=${file.value.url} alt="" />` : html`<span class="tile">${icon('file', 22)}</span>`}
          <span class="chip-text"><b><bdi>${file.value.name}</bdi></b><small>${app.fmt.size(file.value.size)}</small></span>
          <button type="button" class="round small" aria-label=${t.removeFile(file.value.name)} onClick=${() => { file.value = null; }}>${icon('close', 16)}</button></span>
          ${busy.value && html`<progress max="1" value=${upload.value}></progress>`}`
          : html`<button type="button" class="link with-icon" onClick=${() => picker.current?.click()}>${icon('picture', 18)}${t.addPicture}</button>`}
        <input ref=${picker} type="file" accept="image/*,video/*" hidden aria-hidden="true" tabindex="-1" onChange=${pick} />
      </div></div>
    <${PeoplePicker} app=${app} chosen=${chosen} all=${true} /></${Dialog}>`;
}
