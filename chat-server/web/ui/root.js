// The shell: which screen is shown, banners, dialogs, toasts, announcements.
import { html, useEffect, useRef, useSignal } from '../vendor/preact.js';
import { icon, spinner } from './parts.js';
import { Sidebar } from './sidebar.js';
import { plainText } from './text.js';
/** @typedef {import('./app').App} App */

/** Not part of the start: the list does not wait for what shows a conversation. */
const conversation = import('./conversation.js');
/** Loaded when they are first wanted. */
const PARTS = {
  conversation: () => conversation,
  signIn: () => import('./sign-in.js'),
  confirm: () => import('./dialog.js'),
  compose: () => import('./dialogs/people.js'),
  addPeople: () => import('./dialogs/people.js'),
  broadcast: () => import('./dialogs/broadcast.js'),
  details: () => import('./dialogs/details.js'),
  settings: () => import('./dialogs/settings.js'),
  lightbox: () => import('./dialogs/lightbox.js'),
};
/** @typedef {keyof typeof PARTS} PartName */

/** Announcements are at most one a second: more become a number. */
const ANNOUNCE_MS = 1000;

/** @param {{app: App, name: PartName, props?: any, onClose?: () => void}} props */
function Lazy({ app, name, props = {}, onClose }) {
  const view = useSignal(/** @type {any} */ (null));
  useEffect(() => {
    let wanted = true;
    PARTS[name]().then(
      (module) => {
        if (wanted) view.value = { name, draw: /** @type {any} */ (module)[name] };
      },
      () => {
        app.toast(app.t.errors.offline);
        onClose?.();
      },
    );
    return () => {
      wanted = false;
    };
  }, [name]);
  return view.value?.name === name ? html`<${view.value.draw} app=${app} onClose=${onClose} ...${props} />` : null;
}

/** @param {{app: App}} props */
export function Root({ app }) {
  const { store, t, dialog, question, notice } = app;
  const state = store.session.state.value;
  const conv = store.convs.value.get(store.open.value);
  if (state === 'out') return html`<div class="app single"><${Lazy} app=${app} name="signIn" /><${Toast} notice=${notice} /></div>`;
  if (state === 'starting' || !store.me.value) {
    return html`<div class="app single"><div class="blank" role="status">${spinner()}<p>${t.starting}</p></div></div>`;
  }
  const close = () => { dialog.value = null; };
  return html`<div class="app" data-pane=${conv ? 'conversation' : 'list'}>
    <${Sidebar} app=${app} />
    <main>
      <${Banner} app=${app} />
      ${conv ? html`<${Lazy} key=${conv.id} app=${app} name="conversation" props=${{ conv }} />`
        : html`<div class="blank"><span class="blank-icon">${icon('compose', 32)}</span><h2>${t.pick}</h2><p>${t.pickHint}</p>
          <button type="button" class="button" onClick=${() => app.show('compose')}>${t.newConversation}</button></div>`}
    </main>
    ${dialog.value && html`<${Lazy} key=${dialog.value.key} app=${app} name=${dialog.value.name} props=${dialog.value.props} onClose=${close} />`}
    ${question.value && html`<${Lazy} key=${question.value.text} app=${app} name="confirm" props=${question.value} onClose=${() => question.value?.onAnswer(false)} />`}
    <${Toast} notice=${notice} />
    <${Announcer} app=${app} />
  </div>`;
}

/** @param {{notice: {value: string}}} props */
const Toast = ({ notice }) => html`<div class="toasts" role="alert">${notice.value && html`<div class="toast">${notice.value}</div>`}</div>`;

/** @param {{app: App}} props */
function Banner({ app }) {
  const { store, t } = app;
  const banner = store.banner.value;
  const button = (/** @type {string} */ label, /** @type {() => void} */ run) => html`<button type="button" class="link" onClick=${run}>${label}</button>`;
  const content = {
    '': null,
    offline: html`${icon('offline', 18)}<span>${t.offline}</span>${button(t.reconnect, () => store.wake())}`,
    back: html`${icon('check', 18)}<span>${t.backOnline}</span>`,
    replaced: html`${icon('device', 18)}<span>${t.replaced}</span>${button(t.useHere, () => store.resume())}`,
    protocol: html`<span>${t.newVersion}</span>${button(t.reload, () => location.reload())}`,
    flood: html`${icon('alert', 18)}<span>${t.flood}</span>${button(t.reconnect, () => store.resume())}`,
  }[/** @type {import('../client/store.js').Banner} */ (banner)];
  return html`<div role="status">${content && html`<div class=${banner === 'back' ? 'banner good' : 'banner'}>${content}</div>`}</div>`;
}

/** Says new messages to screen readers: one by name, several as a number. @param {{app: App}} props */
function Announcer({ app }) {
  const { store, t } = app;
  const text = useSignal('');
  const heard = useRef({ list: /** @type {any[]} */ ([]), timer: /** @type {any} */ (null) });
  const news = store.news.value;
  useEffect(() => {
    if (!news) return;
    const { current } = heard;
    current.list.push(news);
    const speak = () => {
      const [first, ...more] = current.list.splice(0);
      current.timer = first ? setTimeout(speak, ANNOUNCE_MS) : null;
      if (!first) return;
      const who = store.people.get(first.message.sender_id)?.name ?? t.unknownPerson;
      text.value = more.length ? t.newMessages(more.length + 1) : t.announce(who, plainText(first.message.content) || t.photo);
    };
    current.timer ??= setTimeout(speak, ANNOUNCE_MS / 4);
  }, [news]);
  useEffect(() => () => clearTimeout(heard.current.timer), []);
  return html`<div class="hidden" role="status" aria-live="polite">${text.value}</div>`;
}
