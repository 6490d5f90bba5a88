// Everything the client takes from its surroundings: time, chance, network, storage, other tabs.
// One object, passed in, so that tests are deterministic and Node can run the client.

/** @typedef {import('./types').Platform} Platform */

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** `crypto.randomUUID` needs a secure context; a chat on a bare LAN address has none. */
function uniqueId() {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return Array.from(bytes, (byte) => ALPHABET[byte % 36]).join('');
}

/** Storage that forgets: for private windows and for Node. */
export function memoryStorage() {
  /** @type {Map<string, string>} */ const items = new Map();
  return {
    getItem: (/** @type {string} */ key) => items.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void items.set(key, value),
    removeItem: (/** @type {string} */ key) => void items.delete(key),
  };
}

function safeStorage() {
  try {
    localStorage.getItem('chat');
    return localStorage;
  } catch {
    return memoryStorage();
  }
}

/** @param {string} name @returns {import('./types').Channel} */
function channel(name) {
  if (typeof BroadcastChannel === 'undefined') return { post() {}, listen: () => () => {}, close() {} };
  const inner = new BroadcastChannel(name);
  let closed = false;
  return {
    post(message) {
      if (!closed) inner.postMessage(message); // what ends after its page has nobody to tell
    },
    listen(listener) {
      const handler = (/** @type {MessageEvent} */ event) => listener(event.data);
      inner.addEventListener('message', handler);
      return () => inner.removeEventListener('message', handler);
    },
    close() {
      closed = true;
      inner.close();
    },
  };
}

/**
 * Web Locks exist in secure contexts only. Without them every tab works for itself, which costs double work and
 * nothing else: sends carry a key, and a refreshed token answers the same for a minute.
 * @type {Platform['lock']}
 */
async function lock(name, signal, run) {
  if (typeof navigator === 'undefined' || !navigator.locks) return run();
  try {
    return await navigator.locks.request(name, { signal }, run);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The browser's (or Node's) own. @returns {Platform} */
export function browserPlatform() {
  return {
    now: () => Date.now(),
    random: Math.random,
    uniqueId,
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    fetch: (input, init) => fetch(input, init),
    WebSocket: globalThis.WebSocket,
    indexedDB: typeof indexedDB === 'undefined' ? null : indexedDB,
    storage: safeStorage(),
    channel,
    lock,
  };
}

/**
 * Waiting time before try `n` (0, 1, 2 …): 1, 2, 4 … 30 s, spread by ±20 % so that clients do not come in step.
 * @param {number} n @param {() => number} random
 */
export const backoff = (n, random) => Math.min(30_000, 1000 * 2 ** Math.min(n, 5)) * (0.8 + 0.4 * random());
