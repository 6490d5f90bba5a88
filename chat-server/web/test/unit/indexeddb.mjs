// As much of IndexedDB as the outbox uses, in memory: requests that succeed later, transactions that complete after.
export class IDBFactory {
  #rows = new Map();
  open() {
    const request = { result: this.#database() };
    setImmediate(() => { request.onupgradeneeded?.(); request.onsuccess?.(); });
    return request;
  }
  #database() {
    const rows = this.#rows;
    const later = (result) => {
      const transaction = {};
      const request = { result, transaction };
      setImmediate(() => { request.onsuccess?.(); transaction.oncomplete?.(); });
      return request;
    };
    const store = {
      createIndex() {},
      index: () => ({ getAll: (account) => later([...rows.values()].filter((row) => row.account === account)) }),
      get: (key) => later(rows.get(key)),
      put: (row) => later(rows.set(row.key, structuredClone(row))),
      delete: (key) => later(rows.delete(key)),
    };
    return { createObjectStore: () => store, transaction: () => ({ objectStore: () => store }), close() {} };
  }
}
