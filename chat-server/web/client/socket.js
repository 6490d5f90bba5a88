// One WebSocket that comes back by itself. Sends `hello` when it opens, matches acks to frames by `id`, and says
// when it is up. Knows frames, not what they mean.
import { signal } from '../vendor/signals-core.js';
import { ChatError } from './http.js';
import { backoff } from './platform.js';

/** Codes after which the client must not come back by itself. */
const FINAL = /** @type {Record<number, StopReason>} */ ({
  4100: 'replaced', 4101: 'protocol', 4102: 'signed_out', 4103: 'banned', 4104: 'flood',
});
const TOKEN_EXPIRED = 4001;
/** An ack that takes longer than this counts as lost. */
const ACK_MS = 15_000;
/** Silence after which the link is tested: the server's pings are not visible to scripts. */
const QUIET_MS = 60_000;

/**
 * @typedef {'replaced' | 'protocol' | 'signed_out' | 'banned' | 'flood'} StopReason
 * @typedef {'idle' | 'connecting' | 'up' | 'waiting' | 'stopped'} LinkState
 *
 * @typedef {object} SocketOptions
 * @property {string} url
 * @property {import('./types').Platform} platform
 * @property {(stale?: string) => Promise<string>} token
 * @property {() => import('./wire').Hello} hello payload of the first frame
 * @property {(ack: import('./wire').HelloAck) => void} onHello
 * @property {(frame: import('./wire').ServerFrame) => void} onFrame
 * @property {() => void} onDown
 * @property {(reason: StopReason) => void} onStop
 */

/** @param {SocketOptions} options */
export function createSocket({ url, platform, token, hello, onHello, onFrame, onDown, onStop }) {
  const state = signal(/** @type {LinkState} */ ('idle'));
  const stopped = signal(/** @type {StopReason | ''} */ (''));
  /** @type {WebSocket | null} */ let socket = null;
  /** @type {Map<string, {resolve: (payload: any) => void, reject: (error: ChatError) => void, timer: any}>} */
  const waiting = new Map();
  let frameId = 0;
  let attempts = 0;
  let failedHandshakes = 0;
  let afterMs = 0;
  let usedToken = '';
  let refuseToken = false;
  let heardAt = 0;
  /** Counts connections, so that nothing late from an old one is taken for news. */
  let generation = 0;
  /** @type {any} */ let retryTimer = null;
  /** @type {any} */ let quietTimer = null;
  /** @type {any} */ let handshakeTimer = null;

  async function connect() {
    platform.clearTimeout(retryTimer);
    if (socket || state.value === 'stopped') return;
    state.value = 'connecting';
    const mine = ++generation;
    let bearer;
    try {
      bearer = await token(refuseToken ? usedToken : undefined);
    } catch (error) {
      if (mine !== generation) return;
      if (/** @type {any} */ (error)?.code === 'unauthenticated') return halt('signed_out');
      return retry();
    }
    if (mine !== generation) return;
    refuseToken = false;
    usedToken = bearer;
    let opened = false;
    const ws = new platform.WebSocket(url, ['chat.v2', `bearer.${bearer}`]);
    socket = ws;
    ws.onopen = async () => {
      if (ws !== socket) return;
      opened = true;
      platform.clearTimeout(handshakeTimer);
      failedHandshakes = 0;
      heard();
      try {
        const ack = await transmit('hello', hello(), ACK_MS);
        if (ws !== socket) return;
        attempts = 0;
        onHello(ack);
        state.value = 'up';
      } catch {
        ws.close();
        drop(ws, 0);
      }
    };
    ws.onmessage = (event) => {
      if (ws !== socket) return;
      heard();
      receive(event.data);
    };
    ws.onclose = (event) => {
      if (ws !== socket) return;
      if (!opened && ++failedHandshakes >= 2) refuseToken = true; // a refused token looks like a lost network
      drop(ws, event.code);
    };
    // A handshake into a black hole would otherwise wait for the system's own limit, minutes.
    handshakeTimer = platform.setTimeout(() => {
      if (ws === socket && !opened) {
        ws.close();
        drop(ws, 0);
      }
    }, ACK_MS);
  }

  function drop(/** @type {WebSocket} */ ws, /** @type {number} */ code) {
    if (ws !== socket) return;
    socket = null;
    generation++;
    platform.clearTimeout(handshakeTimer);
    platform.clearTimeout(quietTimer);
    for (const [id, wait] of waiting) {
      platform.clearTimeout(wait.timer);
      waiting.delete(id);
      wait.reject(new ChatError('offline'));
    }
    onDown();
    if (FINAL[code]) return halt(FINAL[code]);
    if (code === TOKEN_EXPIRED) refuseToken = true;
    retry();
  }

  function halt(/** @type {StopReason} */ reason) {
    stopped.value = reason;
    state.value = 'stopped';
    onStop(reason);
  }

  function retry() {
    state.value = 'waiting';
    const wait = afterMs || backoff(attempts++, platform.random);
    afterMs = 0;
    platform.clearTimeout(retryTimer);
    retryTimer = platform.setTimeout(connect, wait);
  }

  function heard() {
    heardAt = platform.now();
    platform.clearTimeout(quietTimer);
    quietTimer = platform.setTimeout(() => void probe(), QUIET_MS);
  }

  /** Asks for any answer; without one the connection is dead, whatever the system believes. */
  async function probe() {
    const ws = socket;
    if (!ws || state.value !== 'up') return;
    try {
      await transmit('get_online_users', {}, 10_000);
    } catch (error) {
      if (/** @type {ChatError} */ (error).code === 'timeout' && ws === socket) {
        ws.close();
        drop(ws, 0);
      }
    }
  }

  function receive(/** @type {any} */ data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    const wait = frame.id === undefined ? undefined : waiting.get(frame.id);
    if (wait && (frame.type === 'ack' || frame.type === 'error')) {
      waiting.delete(frame.id);
      platform.clearTimeout(wait.timer);
      const { payload = {} } = frame;
      if (frame.type === 'ack') wait.resolve(payload);
      else wait.reject(new ChatError(payload.code ?? 'internal', payload.message, { retryAfterMs: payload.retry_after_ms }));
      return;
    }
    if (frame.type === 'goodbye') afterMs = frame.payload?.after_ms ?? 0;
    onFrame(frame);
  }

  /** @param {string} type @param {unknown} payload @param {number} limit @returns {Promise<any>} */
  function transmit(type, payload, limit) {
    return new Promise((resolve, reject) => {
      if (!socket || socket.readyState !== 1) return reject(new ChatError('offline'));
      const id = `f${++frameId}`;
      const timer = platform.setTimeout(() => {
        waiting.delete(id);
        reject(new ChatError('timeout', `no answer to ${type}`));
      }, limit);
      waiting.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ type, id, payload }));
    });
  }

  return {
    state,
    stopped,
    connect,
    /** Tries at once instead of waiting out the pause, and tests a link that has been quiet. */
    kick() {
      if (state.value === 'waiting') void connect();
      else if (state.value === 'up' && platform.now() - heardAt > 5000) void probe();
    },
    /** Comes back after a final close code, when a person asks for it. */
    resume() {
      if (state.value !== 'stopped') return;
      state.value = 'idle';
      stopped.value = '';
      void connect();
    },
    /**
     * Sends a frame and waits for its ack.
     * @param {string} type @param {unknown} payload @param {number} [limit] milliseconds
     */
    request: (type, payload, limit = ACK_MS) =>
      state.value === 'up' ? transmit(type, payload, limit) : Promise.reject(new ChatError('offline')),
    /** Sends a frame that nobody waits for; drops it when the link is down. @param {string} type @param {unknown} payload */
    post(type, payload) {
      if (state.value === 'up' && socket?.readyState === 1) socket.send(JSON.stringify({ type, payload }));
    },
    close() {
      generation++;
      platform.clearTimeout(retryTimer);
      platform.clearTimeout(handshakeTimer);
      platform.clearTimeout(quietTimer);
      const ws = socket;
      socket = null;
      for (const [, wait] of waiting) {
        platform.clearTimeout(wait.timer);
        wait.reject(new ChatError('offline'));
      }
      waiting.clear();
      state.value = 'idle';
      ws?.close(1000);
    },
  };
}
/** @typedef {ReturnType<typeof createSocket>} Socket */
