// Requests to the HTTP API: JSON in and out, problem documents as errors, uploads with progress.
// Knows no state of the chat.

/** Codes after which the same request cannot succeed later. */
const PERMANENT = new Set(['invalid', 'forbidden', 'not_found', 'conflict', 'too_large', 'unsupported_media']);

const CODE_BY_STATUS = /** @type {Record<number, string>} */ ({
  400: 'invalid', 401: 'unauthenticated', 403: 'forbidden', 404: 'not_found', 409: 'conflict', 413: 'too_large',
  415: 'unsupported_media', 429: 'rate_limited', 500: 'internal', 502: 'unavailable', 503: 'unavailable', 504: 'unavailable',
});

/** A refusal by the server, or `offline` when no answer came. `message` is meant for people. */
export class ChatError extends Error {
  /**
   * @param {string} code
   * @param {string} [message]
   * @param {{retryAfterMs?: number, reasons?: string[]}} [more]
   */
  constructor(code, message = '', more = {}) {
    super(message || code);
    this.name = 'ChatError';
    this.code = code;
    this.detail = message;
    this.retryAfterMs = more.retryAfterMs;
    /** Single reasons behind `detail`, e.g. why a password is too weak. */
    this.reasons = more.reasons ?? [];
  }

  get permanent() {
    return PERMANENT.has(this.code);
  }
}

/** Makes a `ChatError` of anything thrown. @param {unknown} error */
export const toChatError = (error) => (error instanceof ChatError ? error : new ChatError('offline', String(error)));

/**
 * @param {number} status
 * @param {string} text body of the answer
 * @param {string | null} retryAfter value of the header, in seconds
 */
export function problem(status, text, retryAfter) {
  /** @type {any} */ let body = {};
  try {
    body = JSON.parse(text) ?? {};
  } catch {
    // A proxy's error page: the status has to do.
  }
  const code = typeof body.code === 'string' ? body.code : (CODE_BY_STATUS[status] ?? (status >= 500 ? 'unavailable' : 'invalid'));
  const seconds = Number(retryAfter);
  return new ChatError(code, body.detail ?? body.error ?? '', {
    retryAfterMs: body.retry_after_ms ?? (seconds > 0 ? seconds * 1000 : undefined),
    reasons: Array.isArray(body.reasons) ? body.reasons.filter((/** @type {unknown} */ r) => typeof r === 'string') : [],
  });
}

/**
 * @typedef {object} HttpOptions
 * @property {string} base address of the server without a trailing slash; empty for the same origin
 * @property {typeof fetch} fetch
 * @property {typeof sendFile} [sendFile]
 * @property {(stale?: string) => Promise<string>} token access token; called with the refused one after a 401
 */

/** @param {HttpOptions} options */
export function createHttp({ base, fetch, token, sendFile: send = sendFile }) {
  /**
   * @param {string} method
   * @param {string} path below `/api`
   * @param {{body?: unknown, auth?: boolean, headers?: Record<string, string>, signal?: AbortSignal}} [options]
   * @returns {Promise<any>}
   */
  async function request(method, path, { body, auth = true, headers = {}, signal } = {}) {
    const attempt = async (/** @type {string | undefined} */ bearer) => {
      /** @type {Record<string, string>} */ const all = { accept: 'application/json', ...headers };
      if (bearer) all.authorization = `Bearer ${bearer}`;
      if (body !== undefined) all['content-type'] = 'application/json';
      try {
        return await fetch(`${base}/api${path}`, {
          method, headers: all, signal, credentials: base ? 'include' : 'same-origin',
          body: body === undefined ? undefined : JSON.stringify(body),
        });
      } catch (error) {
        if (signal?.aborted) throw error;
        throw new ChatError('offline', String(error));
      }
    };
    let bearer = auth ? await token() : undefined;
    let answer = await attempt(bearer);
    if (answer.status === 401 && auth) {
      bearer = await token(bearer);
      answer = await attempt(bearer);
    }
    const text = await answer.text();
    if (!answer.ok) throw problem(answer.status, text, answer.headers.get('retry-after'));
    return text ? JSON.parse(text) : undefined;
  }

  /**
   * Stores a file. The key makes a repeat give the first result.
   * @param {File | Blob} file
   * @param {{name: string, key: string, onProgress?: (part: number) => void, signal?: AbortSignal}} options
   * @returns {Promise<import('./wire').Attachment>}
   */
  async function upload(file, { name, key, onProgress, signal }) {
    const attempt = (/** @type {string} */ bearer) =>
      send(`${base}/api/media`, file, { name, onProgress, signal, headers: { authorization: `Bearer ${bearer}`, 'idempotency-key': key } });
    const bearer = await token();
    let answer = await attempt(bearer);
    if (answer.status === 401) answer = await attempt(await token(bearer));
    if (answer.status >= 300) throw problem(answer.status, answer.text, answer.retryAfter);
    return JSON.parse(answer.text);
  }

  return {
    base,
    request,
    upload,
    get: (/** @type {string} */ path, /** @type {AbortSignal} */ signal = /** @type {any} */ (undefined)) => request('GET', path, { signal }),
    post: (/** @type {string} */ path, /** @type {unknown} */ body = {}) => request('POST', path, { body }),
    patch: (/** @type {string} */ path, /** @type {unknown} */ body) => request('PATCH', path, { body }),
    delete: (/** @type {string} */ path) => request('DELETE', path),
  };
}
/** @typedef {ReturnType<typeof createHttp>} Http */

/**
 * Sends one file as a form. `XMLHttpRequest`, because `fetch` reports no upload progress.
 * @param {string} url
 * @param {Blob} file
 * @param {{name: string, headers: Record<string, string>, onProgress?: (part: number) => void, signal?: AbortSignal}} options
 * @returns {Promise<{status: number, text: string, retryAfter: string | null}>}
 */
export function sendFile(url, file, { name, headers, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', url);
    for (const [header, value] of Object.entries(headers)) xhr.setRequestHeader(header, value);
    xhr.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress?.(event.loaded / event.total);
    };
    xhr.onload = () => resolve({ status: xhr.status, text: xhr.responseText, retryAfter: xhr.getResponseHeader('retry-after') });
    xhr.onerror = () => reject(new ChatError('offline', 'the upload was cut off'));
    xhr.onabort = () => reject(new ChatError('cancelled'));
    signal?.addEventListener('abort', () => xhr.abort(), { once: true });
    const form = new FormData();
    form.append('file', file, name);
    xhr.send(form);
  });
}
