// One table of unsent messages in IndexedDB. When the browser gives none (private window), memory stands in.

const NAME = 'chat-outbox';
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

/**
 * @typedef {object} Table
 * @property {(account: string) => Promise<any[]>} all rows of one account, oldest first
 * @property {(key: string) => Promise<any>} get
 * @property {(row: Record<string, any> & {key: string, account: string, created_at: number}) => Promise<void>} put resolves when the row is on disk
 * @property {(key: string) => Promise<void>} remove
 * @property {() => void} close
 */

/** @returns {Table} */
function memoryTable() {
  /** @type {Map<string, any>} */ const rows = new Map();
  return {
    all: async (account) => [...rows.values()].filter((row) => row.account === account).sort((a, b) => a.created_at - b.created_at),
    get: async (key) => rows.get(key),
    put: async (row) => void rows.set(row.key, row),
    remove: async (key) => void rows.delete(key),
    close() {},
  };
}

/** @param {IDBFactory | null} factory @returns {Promise<Table>} */
export async function openTable(factory) {
  if (!factory) return memoryTable();
  /** @type {IDBDatabase} */ let db;
  try {
    const request = factory.open(NAME, 1);
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
    get: (key) => done(table('readonly').get(key)),
    put: (row) => committed(table('readwrite').put(row)),
    remove: (key) => committed(table('readwrite').delete(key)),
    close: () => db.close(),
  };
}
