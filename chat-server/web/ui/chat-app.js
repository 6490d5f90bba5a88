// <chat-app>: the whole chat as one element in a shadow root of its own. Creates the store, disposes it, and ties
// it to the page: visibility, keys and, as the server's own page, title and address.
import { html, render } from '../vendor/preact.js';
import { effect, signal } from '../vendor/signals-core.js';
import { browserPlatform } from '../client/platform.js';
import { createStore } from '../client/store.js';
import { explain, en, makeFormat } from './i18n.js';
import { Root } from './root.js';
/** @typedef {import('./app').App} App */

const TOAST_MS = 4000;
const THEME = 'chat.theme';

/** "Firefox on Linux", to tell one's sessions apart. */
function deviceName() {
  const agent = navigator.userAgent;
  const browser = /Edg\//.test(agent) ? 'Edge' : /Firefox\//.test(agent) ? 'Firefox' : /Chrom(e|ium)\//.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : 'Browser';
  const system = /Android/.test(agent) ? 'Android' : /iPhone|iPad/.test(agent) ? 'iOS' : /Windows/.test(agent) ? 'Windows' : /Mac OS/.test(agent) ? 'macOS' : /Linux/.test(agent) ? 'Linux' : '';
  return system ? `${browser} on ${system}` : browser;
}

/**
 * Attributes: `server` (address; absent: the page's own), `theme` (`auto`, `light`, `dark`), `locale`, `conversation`
 * (id to open), `page` (this element owns the page's title and address).
 * Properties: `tokenProvider` (a host's own tokens), `strings`, `platform` (tests).
 * Events, all bubbling and composed: `ready`, `conversation-open` {id}, `unread-change` {total}, `auth-required`.
 */
export class ChatApp extends HTMLElement {
  static observedAttributes = ['theme', 'conversation'];
  /** @type {(() => Promise<string>) | undefined} */ tokenProvider;
  /** @type {Partial<import('./i18n.js').Strings>} */ strings = {};
  /** @type {import('../client/types').Platform | undefined} */ platform;
  /** What views and tests reach the rest through. @type {import('./app').App | null} */ app = null;
  #root = this.attachShadow({ mode: 'open' });
  /** @type {(() => void)[]} */ #stops = [];
  /** @type {HTMLElement | null} */ #box = null;

  async connectedCallback() {
    if (this.#box) return;
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = new URL('./styles.css', import.meta.url).href;
    const styled = new Promise((resolve) => {
      style.onload = style.onerror = resolve;
    });
    this.#box = document.createElement('div');
    this.#box.className = 'host';
    this.#root.append(style, this.#box);
    await styled;
    if (this.isConnected) this.#begin();
  }

  disconnectedCallback() {
    this.#end();
    this.#root.replaceChildren();
    this.#box = null;
  }

  attributeChangedCallback(/** @type {string} */ name, /** @type {string} */ _old, /** @type {string} */ value) {
    if (name === 'conversation' && this.app && value) void this.open(Number(value));
  }

  /** Opens a conversation. @param {number} id */
  async open(id) {
    await this.app?.open(id);
  }

  /** Opens the direct conversation with a person. @param {number} userId */
  async compose(userId) {
    await this.app?.openWith(userId);
  }

  destroy() {
    this.remove();
  }

  #emit(/** @type {string} */ name, /** @type {object} */ detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  #end() {
    for (const stop of this.#stops.splice(0)) stop();
    if (this.#box) render(null, this.#box);
    this.app = null;
  }

  #begin() {
    const page = this.hasAttribute('page');
    const platform = this.platform ?? browserPlatform();
    const t = { ...en, ...this.strings };
    const server = (this.getAttribute('server') ?? '').replace(/\/$/, '');
    const store = createStore({
      server: server === location.origin ? '' : server,
      origin: location.origin,
      platform,
      tokenProvider: this.tokenProvider,
      deviceName: deviceName(),
      blobs: { url: (blob) => URL.createObjectURL(blob), revoke: (url) => URL.revokeObjectURL(url) },
    });
    const app = (this.app = this.#views(store, platform, t, server, page));
    if (page) this.setAttribute('theme', platform.storage.getItem(THEME) ?? 'auto');
    this.#follow(app, page);
    this.#stops.push(() => store.dispose());
    render(html`<${Root} app=${app} />`, /** @type {HTMLElement} */ (this.#box));
    void store.start();
  }

  /**
   * @param {import('../client/store.js').Store} store
   * @param {import('../client/types').Platform} platform
   * @param {import('./i18n.js').Strings} t
   * @param {string} server
   * @param {boolean} page
   */
  #views(store, platform, t, server, page) {
    /** @type {any} */ let toastTimer = null;
    let dialogs = 0;
    /** @type {import('./app').App} */
    const app = {
      store, t, server, page,
      fmt: makeFormat(this.getAttribute('locale') ?? navigator.language, t),
      mac: /Mac|iPhone|iPad/.test(navigator.platform),
      dialog: signal(null),
      question: signal(null),
      notice: signal(''),
      escape: () => false,
      focusSearch() {},
      toast(/** @type {string} */ text) {
        clearTimeout(toastTimer);
        app.notice.value = text;
        toastTimer = setTimeout(() => (app.notice.value = ''), TOAST_MS);
      },
      show(/** @type {string} */ name, /** @type {object} */ props = {}) {
        app.dialog.value = { name, props, key: ++dialogs };
      },
      /** @returns {Promise<boolean>} */
      confirm: (/** @type {string} */ text, /** @type {string} */ action) =>
        new Promise((resolve) => {
          app.question.value = {
            text, action,
            onAnswer(/** @type {boolean} */ yes) {
              app.question.value = null;
              resolve(yes);
            },
          };
        }),
      open: async (/** @type {number} */ id) => {
        const before = store.open.peek();
        if (page && id !== before) history[before ? 'replaceState' : 'pushState']({ chat: true }, '', id ? `#c=${id}` : location.pathname + location.search);
        await store.openConversation(id);
        if (id !== before) this.#emit('conversation-open', { id });
      },
      reopen: (/** @type {number} */ id) => store.reload(id),
      async openWith(/** @type {number} */ user) {
        try {
          const known = [...store.convs.peek().values()].find((conv) => conv.peer === user)?.id;
          await app.open(known ?? (await store.directWith(user)));
        } catch (error) {
          app.toast(explain(t, /** @type {any} */ (error)));
        }
      },
      back() {
        if (page && history.state?.chat) history.back();
        else void app.open(0);
      },
      setTheme: (/** @type {string} */ theme) => {
        this.setAttribute('theme', theme);
        if (page) platform.storage.setItem(THEME, theme);
      },
      theme: () => this.getAttribute('theme') ?? 'auto',
      /** Starts anew: nothing of the person before stays. */
      restart: () => {
        this.#end();
        this.#begin();
      },
    };
    return app;
  }

  /** Ties the store to the page, both ways. @param {App} app @param {boolean} page */
  #follow(app, page) {
    const { store, t } = app;
    const stops = this.#stops;
    const on = (/** @type {EventTarget} */ target, /** @type {string} */ name, /** @type {(event: any) => void} */ run) => {
      target.addEventListener(name, run);
      stops.push(() => target.removeEventListener(name, run));
    };
    const look = () => {
      store.attention.value = !document.hidden && document.hasFocus();
      if (store.attention.value) store.wake();
    };
    look();
    on(document, 'visibilitychange', look);
    on(window, 'focus', look);
    on(window, 'blur', look);
    on(window, 'online', () => store.wake());
    on(this.#root, 'keydown', (event) => this.#key(event));
    if (page) on(document.body, 'keydown', (event) => event.target === document.body && this.#key(event));
    // A file dropped beside a conversation must not replace the page.
    on(this.#root, 'dragover', (event) => event.preventDefault());
    on(this.#root, 'drop', (event) => event.preventDefault());

    stops.push(
      effect(() => {
        const total = store.totalUnread.value;
        this.#emit('unread-change', { total });
        if (page) document.title = `${total ? `(${total}) ` : ''}${store.config.value?.name || t.messages}`;
      }),
      effect(() => {
        if (store.slowDown.value) app.toast(t.slowDown);
      }),
      effect(() => {
        const { state, changed } = store.session;
        if (changed.value) setTimeout(app.restart);
        else if (state.value === 'out') this.#emit('auth-required');
      }),
      effect(() => {
        const me = store.me.value?.id;
        const account = store.session.userId.value;
        if (me && account && me !== account) setTimeout(app.restart);
      }),
    );

    const wanted = () => Number(page ? /^#c=(\d+)$/.exec(location.hash)?.[1] : this.getAttribute('conversation')) || 0;
    if (page) on(window, 'popstate', () => void store.openConversation(store.convs.peek().has(wanted()) ? wanted() : 0));
    let first = true;
    stops.push(
      effect(() => {
        if (!store.loaded.value || !first) return;
        first = false;
        const id = wanted();
        if (store.convs.peek().has(id)) void store.openConversation(id);
        performance.mark('chat-ready');
        this.#emit('ready');
      }),
    );
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { app } = this;
    if (!app || event.defaultPrevented || event.isComposing || app.dialog.value || app.question.value) return;
    const { store } = app;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      app.focusSearch();
    } else if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      const list = store.visible.value.filter((/** @type {any} */ row) => !event.shiftKey || row.conv.unread || row.conv.id === store.open.value);
      const i = list.findIndex((/** @type {any} */ row) => row.conv.id === store.open.value);
      const next = list[i < 0 ? 0 : i + step];
      if (next) void app.open(next.conv.id);
    } else if (event.key === 'Escape' && store.open.value) {
      if (app.escape() || matchMedia('(min-width: 721px)').matches) return;
      app.back();
    }
  }
}

customElements.define('chat-app', ChatApp);
