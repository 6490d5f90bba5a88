// Profile, appearance, password, sessions, log-out.
import { html, useEffect, useRef, useSignal } from '../../vendor/preact.js';
import { toChatError } from '../../client/http.js';
import { pickFile } from '../composer.js';
import { Dialog } from '../dialog.js';
import { explain } from '../i18n.js';
import { Avatar } from '../faces.js';
import { icon, spinner } from '../parts.js';
/** @typedef {import('../app').App} App */

/** @param {{app: App, onClose: () => void}} props */
export function settings({ app, onClose }) {
  const { store, t } = app;
  const accounts = store.session.hasAccounts;
  async function logOut() {
    const waiting = store.entries.value.length;
    if (waiting && !(await app.confirm(t.logOutAsk(waiting), t.logOut))) return;
    onClose();
    await store.logOut();
    if (app.page) history.replaceState({}, '', location.pathname + location.search);
    app.restart();
  }
  return html`<${Dialog} app=${app} title=${t.settings} onClose=${onClose}>
    <div class="settings">
      <${Profile} app=${app} />
      <section><h3>${t.status}</h3><${Choice} app=${app} label=${t.status} options=${{ online: t.online, away: t.away }} value=${store.me.value?.status === 'away' ? 'away' : 'online'}
        onChoose=${(/** @type {'online' | 'away'} */ status) => store.setStatus(status).catch((/** @type {any} */ error) => app.toast(explain(t, error)))} /></section>
      <section><h3>${t.appearance}</h3><${Theme} app=${app} /></section>
      ${accounts && html`<${Password} app=${app} /><${Sessions} app=${app} />`}
      <details><summary>${t.shortcuts}</summary><dl class="keys">${t.keys.map((/** @type {string[]} */ [keys, what]) => html`<dt key=${keys}><kbd>${keys}</kbd></dt><dd>${what}</dd>`)}</dl></details>
      ${accounts && html`<button type="button" class="button danger wide" onClick=${logOut}>${t.logOut}</button>`}
    </div></${Dialog}>`;
}

/** @param {{label: string, options: Record<string, string>, value: string, onChoose: (value: any) => void}} props */
const Choice = ({ label, options, value, onChoose }) => html`<div class="segments" role="radiogroup" aria-label=${label}>${Object.entries(options).map(([id, word]) =>
  html`<label key=${id}><input type="radio" name=${label} value=${id} checked=${value === id} onChange=${() => onChoose(id)} /><span>${word}</span></label>`)}</div>`;

/** @param {{app: App}} props */
function Theme({ app }) {
  const theme = useSignal(app.theme());
  return html`<${Choice} label=${app.t.appearance} options=${app.t.themes} value=${theme.value} onChoose=${(/** @type {string} */ value) => { theme.value = value; app.setTheme(value); }} />`;
}

/** @param {{app: App}} props */
function Profile({ app }) {
  const { store, t } = app;
  const me = store.me.value;
  const name = useSignal(me?.display_name ?? '');
  const busy = useSignal(false);
  const problem = useSignal('');
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const attempt = async (/** @type {() => Promise<any>} */ run) => {
    busy.value = true;
    problem.value = '';
    try {
      await run();
      app.toast(t.saved);
    } catch (error) {
      problem.value = explain(t, /** @type {any} */ (error));
    }
    busy.value = false;
  };
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (name.value.trim()) void attempt(() => store.saveProfile({ display_name: name.value.trim() }));
  };
  const pick = async (/** @type {any} */ event) => {
    const [file] = event.target.files;
    event.target.value = '';
    const picked = file && (await pickFile(file, app));
    if (picked) await attempt(async () => store.saveProfile({ avatar_media_id: (await store.uploadAvatar(picked)).id }));
  };
  return html`<section class="profile">
    <button type="button" class="self" aria-label=${t.changePicture} title=${t.changePicture} onClick=${() => picker.current?.click()}>
      <${Avatar} name=${me?.display_name ?? ''} seed=${me?.username ?? ''} picture=${store.people.people.value.get(me?.id ?? 0)?.avatar} size=${72} /><i>${icon('edit', 16)}</i></button>
    <input ref=${picker} type="file" accept="image/*" hidden aria-hidden="true" tabindex="-1" onChange=${pick} />
    <form class="input" onSubmit=${save}><label for="display-name">${t.displayName}</label>
      <span class="with-button"><input id="display-name" maxlength="100" dir="auto" value=${name.value} onInput=${(/** @type {any} */ event) => { name.value = event.target.value; }} />
      ${name.value.trim() !== me?.display_name && html`<button type="submit" class="button" disabled=${busy.value || !name.value.trim()}>${t.save}</button>`}</span>
      <p class="hint">@${me?.username}</p></form>
    ${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
  </section>`;
}

/** @param {{app: App}} props */
function Password({ app }) {
  const { store, t } = app;
  const open = useSignal(false);
  const problem = useSignal(/** @type {{text: string, reasons: string[]} | null} */ (null));
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const data = new FormData(form);
    problem.value = null;
    try {
      await store.changePassword(String(data.get('old')), String(data.get('new')));
      open.value = false;
      app.toast(t.passwordChanged);
    } catch (thrown) {
      const error = toChatError(thrown);
      problem.value = { text: error.code === 'unauthenticated' ? explain(t, { code: '', detail: error.detail }) : explain(t, error), reasons: error.reasons };
    }
  };
  return html`<section><h3>${t.password}</h3>${open.value
    ? html`<form class="stacked" onSubmit=${submit}>
        <input type="text" name="username" autocomplete="username" value=${store.me.value?.username} hidden readonly />
        <label class="input"><span>${t.oldPassword}</span><input name="old" type="password" required autofocus autocomplete="current-password" /></label>
        <div class="input"><label for="new-password">${t.newPassword}</label><input id="new-password" name="new" type="password" required autocomplete="new-password" aria-describedby="password-hint" /><small id="password-hint">${t.passwordHint}</small></div>
        ${problem.value && html`<div class="problem" role="alert"><p>${problem.value.text}</p>${problem.value.reasons.length > 0 && html`<ul>${problem.value.reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul>`}</div>`}
        <div class="buttons"><button type="button" class="button quiet" onClick=${() => { open.value = false; }}>${t.cancel}</button><button type="submit" class="button">${t.save}</button></div></form>`
    : html`<button type="button" class="button quiet" onClick=${() => { open.value = true; }}>${t.changePassword}</button>`}</section>`;
}

/** @param {{app: App}} props */
function Sessions({ app }) {
  const { store, t, fmt } = app;
  const list = useSignal(/** @type {import('../../client/wire').AccountSession[] | null} */ (null));
  const problem = useSignal('');
  const load = () => store.sessions().then((/** @type {any} */ sessions) => { list.value = sessions; }, (/** @type {any} */ error) => { problem.value = explain(t, error); });
  useEffect(() => void load(), []);
  const end = async (/** @type {number | string} */ id) => {
    await store.endSession(id).catch((/** @type {any} */ error) => app.toast(explain(t, error)));
    await load();
  };
  return html`<section><h3>${t.sessions}</h3>
    ${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
    ${list.value === null && !problem.value && html`<div class="nothing">${spinner()}</div>`}
    <ul class="sessions">${list.value?.map((session) => html`<li key=${session.id}><span class="tile">${icon('device')}</span>
      <span><b>${session.device_name || t.unnamedDevice}</b><small>${session.current ? t.thisDevice : t.lastActive(fmt.ago(Date.parse(session.last_used_at)))}</small></span>
      ${!session.current && html`<button type="button" class="link" onClick=${() => end(session.id)}>${t.signOutDevice}</button>`}</li>`)}</ul></section>`;
}
