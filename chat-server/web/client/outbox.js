// Messages that the server has not confirmed. Written to disk before the first try, sent in order within a
// conversation, by one tab at a time, each with a key that makes a repeat harmless.
import { signal } from '../vendor/signals-core.js';
import { toChatError } from './http.js';
import { backoff } from './platform.js';
/** @typedef {import('./types').Entry} Entry */
/** @typedef {import('./types').Table} Table */

const MAX_ENTRIES = 200;
const MAX_BYTES = 50 * 1024 * 1024;
/** Older leftovers are not sent without asking. */
export const ASK_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * @param {object} options
 * @param {string} options.account names the server and the person: nobody sends another's messages
 * @param {import('./types').Platform} options.platform
 * @param {() => boolean} options.isUp
 * @param {(entry: Entry, onProgress: (part: number | undefined) => void, onUploaded: () => Promise<void>) => Promise<void>} options.deliver
 * @param {(error: import('./http.js').ChatError) => void} [options.onSlow] the server asks for patience
 */
export function createOutbox({ account, platform, isUp, deliver, onSlow }) {
  const entries = signal(/** @type {Entry[]} */ ([]));
  const over = new AbortController();
  const tabs = platform.channel(`chat-outbox:${account}`);
  const opened = openTable(platform.indexedDB);
  /** Conversations with a message on its way. @type {Set<number>} */ const busy = new Set();
  /** Tries in a row that failed, by conversation. @type {Map<number, number>} */ const tries = new Map();
  /** @type {Map<number, any>} */ const pauses = new Map();
  let sends = false;

  const find = (/** @type {string} */ key) => entries.value.find((entry) => entry.key === key);

  /** @param {string} key @param {Partial<Entry>} change @param {boolean} [tell] */
  function change(key, change, tell = true) {
    entries.value = entries.value.map((entry) => (entry.key === key ? { ...entry, ...change } : entry));
    if (tell) tabs.post({ type: 'changed', key, change });
  }

  async function persist(/** @type {string} */ key) {
    const entry = find(key);
    if (!entry) return;
    const { progress: _, ...row } = entry;
    await (await opened).put({ ...row, state: row.state === 'sending' ? 'queued' : row.state });
  }

  async function forget(/** @type {string} */ key) {
    entries.value = entries.value.filter((entry) => entry.key !== key);
    await (await opened).remove(key);
  }

  /** @param {Entry} row */
  const fresh = (row) => {
    const old = row.state === 'queued' && platform.now() - row.created_at > ASK_AFTER_MS;
    return /** @type {Entry} */ ({ ...row, state: old ? 'held' : row.state });
  };

  async function reload() {
    const rows = await (await opened).all(account);
    const here = new Set(entries.value.map((entry) => entry.key));
    const more = rows.filter((row) => !here.has(row.key)).map(fresh);
    if (more.length) entries.value = [...entries.value, ...more].sort((a, b) => a.created_at - b.created_at);
  }

  function flush() {
    if (!sends || over.signal.aborted) return;
    const seen = new Set();
    for (const entry of entries.value) {
      const id = entry.conversation_id;
      if (seen.has(id)) continue;
      if (entry.state === 'queued') {
        seen.add(id);
        if (isUp() && !busy.has(id) && !pauses.has(id)) void send(entry);
      }
    }
  }

  /** @param {Entry} entry */
  async function send(entry) {
    const id = entry.conversation_id;
    busy.add(id);
    change(entry.key, { state: 'sending', problem: undefined });
    try {
      const onProgress = (/** @type {number | undefined} */ progress) => change(entry.key, { progress });
      await deliver(entry, onProgress, () => persist(entry.key));
      tries.delete(id);
      await settle(entry.key);
    } catch (thrown) {
      const error = toChatError(thrown);
      if (!find(entry.key)) return; // its echo came first, or a person deleted it
      if (error.permanent) {
        change(entry.key, { state: 'failed', problem: error.detail, progress: undefined });
        await persist(entry.key);
      } else {
        change(entry.key, { state: 'queued', progress: undefined });
        if (error.code === 'rate_limited') onSlow?.(error);
        if (isUp()) pause(id, error.retryAfterMs);
      }
    } finally {
      busy.delete(id);
      flush();
    }
  }

  /** @param {number} id @param {number} [ms] */
  function pause(id, ms) {
    const n = tries.get(id) ?? 0;
    tries.set(id, n + 1);
    const timer = platform.setTimeout(() => {
      pauses.delete(id);
      flush();
    }, Math.max(ms ?? 0, backoff(n, platform.random)));
    pauses.set(id, timer);
  }

  /** The server has it: by its ack, or by the echo, whichever comes first. @param {string} key */
  async function settle(key) {
    if (!find(key)) return;
    tabs.post({ type: 'gone', key });
    await forget(key);
  }

  const unlisten = tabs.listen((message) => {
    if (message.type === 'added') void reload().then(flush);
    else if (message.type === 'gone') entries.value = entries.value.filter((entry) => entry.key !== message.key);
    else if (message.type === 'changed') {
      change(message.key, message.change, false);
      flush();
    }
  });

  const ready = reload();
  // Held for the life of the page: when this tab goes, another takes over what it left.
  void platform.lock(`chat-outbox:${account}`, over.signal, async () => {
    await ready;
    await reload();
    sends = true;
    // What a tab before us had on its way was not confirmed to anybody who still lives.
    entries.value = entries.value.map((entry) => (entry.state === 'sending' && !busy.has(entry.conversation_id) ? { ...entry, state: 'queued' } : entry));
    flush();
    await new Promise((resolve) => over.signal.addEventListener('abort', () => resolve(0), { once: true }));
  });

  return {
    entries,
    ready,
    flush() {
      for (const timer of pauses.values()) platform.clearTimeout(timer);
      pauses.clear();
      flush();
    },
    /**
     * Whether `bytes` more fit.
     * @param {number} bytes
     */
    hasRoom(bytes) {
      const used = entries.value.reduce((sum, entry) => sum + entry.files.reduce((part, file) => part + file.size, 0), 0);
      return entries.value.length < MAX_ENTRIES && used + bytes <= MAX_BYTES;
    },
    /**
     * Shows the message at once; sends it when it is on disk.
     * @param {Omit<Entry, 'account' | 'state'>} draft
     */
    async add(draft) {
      const entry = /** @type {Entry} */ ({ ...draft, account, state: 'queued' });
      entries.value = [...entries.value, entry];
      try {
        await (await opened).put(entry);
      } catch {
        // No room on disk: this page still tries, and says when it cannot.
      }
      tabs.post({ type: 'added', key: entry.key });
      flush();
    },
    /** A person wants it sent after all. @param {string} key */
    async retry(key) {
      change(key, { state: 'queued', problem: undefined, created_at: find(key)?.created_at ?? platform.now() });
      await persist(key);
      flush();
    },
    /** @param {string} key */
    async discard(key) {
      tabs.post({ type: 'gone', key });
      await forget(key);
    },
    /** @param {string} key */
    settle,
    /** Log-out: nothing of this person stays on the machine. */
    async clear() {
      for (const entry of entries.value) tabs.post({ type: 'gone', key: entry.key });
      for (const row of await (await opened).all(account)) await (await opened).remove(row.key);
      entries.value = [];
    },
    dispose() {
      over.abort();
      unlisten();
      tabs.close();
      for (const timer of pauses.values()) platform.clearTimeout(timer);
      void opened.then((table) => table.close());
    },
  };
}
/** @typedef {ReturnType<typeof createOutbox>} Outbox */

/** Name of the IndexedDB database. */
const DATABASE = 'chat-outbox';
const TABLE = 'entries';

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @returns {Table} */
function memoryTable() {
  /** @type {Map<string, any>} */ const rows = new Map();
  return {
    all: async (account) => [...rows.values()].filter((row) => row.account === account).sort((a, b) => a.created_at - b.created_at),
    put: async (row) => void rows.set(row.key, row),
    remove: async (key) => void rows.delete(key),
    close() {},
  };
}

/** One table of unsent messages; when the browser gives no database (private window), memory stands in. @param {IDBFactory | null} factory @returns {Promise<Table>} */
async function openTable(factory) {
  if (!factory) return memoryTable();
  /** @type {IDBDatabase} */ let db;
  try {
    const request = factory.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(TABLE, { keyPath: 'key' }).createIndex('account', 'account');
    };
    db = await done(request);
  } catch {
    return memoryTable();
  }
  const table = (/** @type {IDBTransactionMode} */ mode) => db.transaction(TABLE, mode, { durability: 'strict' }).objectStore(TABLE);
  /** A request succeeds before its transaction is on disk. @param {IDBRequest} request */
  const committed = (request) =>
    /** @type {Promise<void>} */ (
      new Promise((resolve, reject) => {
        const { transaction } = request;
        if (!transaction) return resolve();
        transaction.oncomplete = () => resolve();
        transaction.onabort = transaction.onerror = () => reject(transaction.error);
      })
    );
  return {
    async all(account) {
      const rows = await done(table('readonly').index('account').getAll(account));
      return rows.sort((a, b) => a.created_at - b.created_at);
    },
    put: (row) => committed(table('readwrite').put(row)),
    remove: (key) => committed(table('readwrite').delete(key)),
    close: () => db.close(),
  };
}
