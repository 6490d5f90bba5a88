// Who is signed in on this page. The access token lives in memory, the refresh token in a cookie that scripts
// cannot read. Among the tabs of one browser a single one refreshes; the others are told the result.
import { computed, signal } from '../vendor/signals-core.js';
import { ChatError, createHttp, toChatError } from './http.js';
import { backoff } from './platform.js';

/**
 * @typedef {{id: number, username: string, display_name: string}} Account
 * @typedef {'starting' | 'out' | 'in'} SessionState
 */

/** Says that a cookie may be there, so that a first visit asks nothing that can only be refused. */
const HINT = 'chat.signed-in';

/**
 * @param {object} options
 * @param {string} options.base
 * @param {import('./types').Platform} options.platform
 * @param {() => Promise<string>} [options.tokenProvider] a host's own tokens; without it the server's accounts are used
 */
export function createSession({ base, platform, tokenProvider }) {
  const state = signal(/** @type {SessionState} */ ('starting'));
  const account = signal(/** @type {Account | null} */ (null));
  /** Why the session ended: shown on the sign-in screen. */
  const ended = signal(/** @type {'' | 'expired' | 'banned'} */ (''));
  const token = signal('');
  let expiresAt = 0;
  let skew = 0;
  /** @type {Promise<string> | null} */ let renewing = null;
  /** @type {any} */ let timer = null;
  const over = new AbortController();
  const tabs = platform.channel(`chat-session:${base}`);
  const api = createHttp({ base, fetch: watchClock, token: async () => token.value });

  /** The server's clock decides when a token ends: the machine's own may be years off. */
  async function watchClock(/** @type {RequestInfo | URL} */ input, /** @type {RequestInit} */ init = {}) {
    const answer = await platform.fetch(input, init);
    const date = Date.parse(answer.headers.get('date') ?? '');
    if (date) skew = date - platform.now();
    return answer;
  }

  const remaining = () => expiresAt - platform.now() - skew;

  function schedule() {
    platform.clearTimeout(timer);
    if (!expiresAt || over.signal.aborted) return;
    const left = remaining();
    const early = Math.max(30_000, left * 0.2) * (0.8 + 0.4 * platform.random());
    timer = platform.setTimeout(() => void renew(token.value).catch(() => {}), Math.min(Math.max(left - early, 1000), 2 ** 31 - 1));
  }

  /** @param {{token: string, expires_at: string, user: Account}} tokens */
  function adopt(tokens) {
    expiresAt = Date.parse(tokens.expires_at);
    account.value = tokens.user;
    token.value = tokens.token;
    ended.value = '';
    state.value = 'in';
    platform.storage.setItem(HINT, String(tokens.user.id));
    schedule();
  }

  /** @param {'' | 'expired' | 'banned'} why */
  function leave(why) {
    platform.clearTimeout(timer);
    platform.storage.removeItem(HINT);
    token.value = '';
    expiresAt = 0;
    ended.value = why;
    state.value = 'out';
  }

  /** @param {string} stale the token that is not good any more */
  function renew(stale) {
    renewing ??= renewOnce(stale).finally(() => {
      renewing = null;
    });
    return renewing;
  }

  async function renewOnce(/** @type {string} */ stale) {
    if (tokenProvider) {
      token.value = await tokenProvider();
      state.value = 'in';
      return token.value;
    }
    await platform.lock(`chat-refresh:${base}`, over.signal, async () => {
      if (token.value && token.value !== stale) return; // another tab was faster
      try {
        const tokens = await api.request('POST', '/auth/refresh', { body: {}, auth: false });
        if (account.value && tokens.user.id !== account.value.id) return other();
        adopt(tokens);
        tabs.post({ type: 'in', tokens });
      } catch (error) {
        if (toChatError(error).code === 'unauthenticated') {
          leave(state.value === 'in' ? 'expired' : '');
          tabs.post({ type: 'out', why: 'expired' });
        } else {
          if (state.value === 'in' && token.value) {
            platform.clearTimeout(timer);
            timer = platform.setTimeout(() => void renew(token.value).catch(() => {}), 5000 * (0.8 + 0.4 * platform.random()));
          }
          throw error;
        }
      }
    });
    if (!token.value) throw new ChatError('unauthenticated');
    return token.value;
  }

  /** The browser is now signed in as somebody else: nothing on this page belongs to them. */
  function other() {
    account.value = null;
    leave('');
    changed.value++;
  }
  /** Counts changes of the person behind the cookie: the page should start anew. */
  const changed = signal(0);

  const unlisten = tabs.listen((message) => {
    if (tokenProvider) return;
    if (message.type === 'in') {
      if (account.value && account.value.id !== message.tokens.user.id && state.value === 'in') other();
      else adopt(message.tokens);
    } else if (message.type === 'out' && state.value === 'in') {
      leave(message.why);
    }
  });

  return {
    state,
    account,
    ended,
    token,
    changed,
    /** Whether the server's own accounts are in use (password, sessions, log-out). */
    hasAccounts: !tokenProvider,
    userId: computed(() => account.value?.id ?? 0),

    /** Finds out who is signed in; tries until there is an answer. */
    async start() {
      if (!tokenProvider && !platform.storage.getItem(HINT)) return leave('');
      for (let n = 0; !over.signal.aborted; n++) {
        try {
          await renew(token.value);
          return;
        } catch (error) {
          if (toChatError(error).code === 'unauthenticated') return;
          await new Promise((resolve) => platform.setTimeout(() => resolve(0), backoff(n, platform.random)));
        }
      }
    },

    /**
     * A token that is good now. @param {string} [stale] one that was refused
     * @returns {Promise<string>}
     */
    async get(stale) {
      if (token.value && token.value !== stale && (!expiresAt || remaining() > 5000)) return token.value;
      return renew(stale ?? token.value);
    },

    /**
     * @param {'login' | 'register'} how
     * @param {{username: string, password: string, invite?: string, device_name?: string}} credentials
     */
    async enter(how, credentials) {
      const tokens = await api.request('POST', `/auth/${how}`, { body: { ...credentials, short_token: true, cookie: true }, auth: false });
      adopt(tokens);
      tabs.post({ type: 'in', tokens });
    },

    /** Ends the session on the server too, if it can be reached. */
    async logOut() {
      await api.post('/auth/logout').catch(() => {});
      leave('');
      account.value = null;
      tabs.post({ type: 'out', why: '' });
    },

    /** The server says that this session is over. @param {'expired' | 'banned'} why */
    end(why) {
      if (state.value === 'in') leave(why);
    },

    dispose() {
      over.abort();
      platform.clearTimeout(timer);
      unlisten();
      tabs.close();
    },
  };
}
/** @typedef {ReturnType<typeof createSession>} Session */
