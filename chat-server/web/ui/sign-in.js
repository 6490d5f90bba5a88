// Signing in and up.
import { html, useEffect, useRef, useSignal } from '../vendor/preact.js';
import { toChatError } from '../client/http.js';
import { explain } from './i18n.js';
import { icon, spinner } from './parts.js';
/** @typedef {import('./app').App} App */

/** @param {{app: App}} props */
export function signIn({ app }) {
  const { store, t } = app;
  const config = store.config.value;
  const mode = useSignal(/** @type {'login' | 'register'} */ ('login'));
  const busy = useSignal(false);
  const shown = useSignal(false);
  const problem = useSignal(/** @type {{text: string, reasons: string[]} | null} */ (null));
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const registering = mode.value === 'register' && config?.registration !== 'closed';
  const name = config?.name || t.messages;

  useEffect(() => {
    /** @type {HTMLInputElement | null | undefined} */ (form.current?.querySelector('input'))?.focus();
  }, [registering]);

  async function submit(/** @type {SubmitEvent} */ event) {
    event.preventDefault();
    if (busy.value) return;
    const data = new FormData(/** @type {HTMLFormElement} */ (event.target));
    busy.value = true;
    problem.value = null;
    try {
      const invite = String(data.get('invite') ?? '').trim();
      await store.enter(registering ? 'register' : 'login', {
        username: String(data.get('username')).trim(),
        password: String(data.get('password')),
        ...(invite ? { invite } : {}),
      });
    } catch (thrown) {
      const error = toChatError(thrown);
      const known = { unauthenticated: t.wrongPassword, conflict: t.nameTaken }[error.code];
      problem.value = { text: known ?? explain(t, error), reasons: error.reasons };
      busy.value = false;
      /** @type {HTMLInputElement | null | undefined} */ (form.current?.querySelector('[name=password]'))?.select();
    }
  }
  const swap = () => {
    mode.value = registering ? 'login' : 'register';
    problem.value = null;
  };
  const ended = { expired: t.sessionEnded, banned: t.banned, '': '' }[/** @type {'' | 'expired' | 'banned'} */ (store.session.ended.value)];

  return html`<main class="entrance">
    <form class="card" ref=${form} onSubmit=${submit} aria-labelledby="entrance-title">
      <span class="mark" aria-hidden="true">${icon('send', 28)}</span>
      <h1 id="entrance-title">${registering ? t.signUpTitle : t.signInTitle}</h1>
      <p class="hint">${registering ? t.signUpHint : t.signInHint(name)}</p>
      ${ended && html`<p class="note" role="status">${ended}</p>`}
      <label class="input"><span>${t.username}</span>
        <input name="username" required maxlength="32" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck=${false} /></label>
      <div class="input"><label for="password">${t.password}</label>
        <span class="with-button"><input id="password" name="password" required maxlength="256" type=${shown.value ? 'text' : 'password'}
          autocomplete=${registering ? 'new-password' : 'current-password'} aria-describedby=${registering ? 'password-hint' : undefined} />
        <button type="button" class="round small" aria-pressed=${shown.value} aria-label=${shown.value ? t.hidePassword : t.showPassword}
          title=${shown.value ? t.hidePassword : t.showPassword} onClick=${() => { shown.value = !shown.value; }}>${icon('eye', 18)}</button></span>
        ${registering && html`<small id="password-hint">${t.passwordHint}</small>`}</div>
      ${registering && config?.registration === 'invite' && html`<label class="input"><span>${t.invite}</span><input name="invite" required autocomplete="off" spellcheck=${false} /></label>`}
      ${problem.value && html`<div class="problem" role="alert"><p>${problem.value.text}</p>
        ${problem.value.reasons.length > 0 && html`<ul>${problem.value.reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul>`}</div>`}
      <button type="submit" class="button wide" disabled=${busy.value}>${busy.value ? spinner() : registering ? t.signUp : t.signIn}</button>
      ${config?.registration !== 'closed' && html`<p class="swap">${registering ? t.haveAccount : t.noAccount}${' '}
        <button type="button" class="link" onClick=${swap}>${registering ? t.signIn : t.signUp}</button></p>`}
    </form>
  </main>`;
}
