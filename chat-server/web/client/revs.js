// The numbers of one conversation: which changes the client has, and whether one is missing.
// Catch-up is by range (holes between revs are normal until `live`), live is by step (a hole is a loss).

/** How long an overtaken event may take before the hole is fetched. */
const REORDER_MS = 300;

/**
 * @typedef {object} RevOptions
 * @property {number} known every change up to this one is applied
 * @property {boolean} live whether the server already sends this conversation by step
 * @property {(change: import('./wire').Change) => void} apply upserts a whole state; must bear repeats
 * @property {(afterRev: number) => Promise<import('./wire').FetchAck>} fetch
 * @property {(to: {rev: number, cursor?: number, first_seq?: number, last_seq?: number}) => void} onReset
 * @property {(error: unknown) => void} onFailure a fetch failed; the next `hello` repairs
 * @property {Pick<import('./types').Platform, 'setTimeout' | 'clearTimeout'>} platform
 */

export class Revs {
  /** @type {Map<number, import('./wire').Change>} */ #ahead = new Map();
  /** @type {any} */ #timer = null;
  #fetching = false;
  /** Events and `live` of a dead connection must not meet the answers of its fetch. */
  #generation = 0;

  /** @param {RevOptions} options */
  constructor(options) {
    this.options = options;
    this.known = options.known;
    this.isLive = options.live;
  }

  /** A `hello` goes out: what comes now may have holes, until `live`. */
  catchUp() {
    this.isLive = false;
    this.#generation++;
    this.#fetching = false;
    this.#forget();
  }

  /** @param {import('./wire').Change} change @param {number} rev */
  accept(change, rev) {
    if (rev <= this.known) return;
    if (rev === this.known + 1) {
      this.options.apply(change);
      this.known = rev;
      this.#drain();
      return;
    }
    if (!this.isLive) {
      this.options.apply(change);
      return;
    }
    this.#ahead.set(rev, change);
    this.#await();
  }

  /** All that this client may see above `from` up to `rev` was sent. @param {number} from @param {number} rev */
  live(from, rev) {
    this.isLive = true;
    if (this.known >= from) {
      this.known = Math.max(this.known, rev);
      this.#drain();
    } else {
      void this.fetch();
    }
  }

  /** The server has nothing to add to what we have: from here on it sends by step. */
  unchanged() {
    if (!this.isLive && !this.#fetching) this.isLive = true;
  }

  /** Something up to `rev` changed and was not sent. @param {number} rev */
  dirty(rev) {
    if (rev > this.known) void this.fetch();
  }

  /** @param {{rev: number, cursor?: number, first_seq?: number, last_seq?: number}} to */
  reset(to) {
    this.#generation++;
    this.#fetching = false;
    this.#forget();
    this.known = to.rev;
    this.isLive = true;
    this.options.onReset(to);
  }

  async fetch() {
    if (this.#fetching) return;
    this.#fetching = true;
    const generation = this.#generation;
    try {
      for (let more = true; more; ) {
        const answer = await this.options.fetch(this.known);
        if (generation !== this.#generation) return;
        if (answer.reset) return this.reset(answer);
        for (const change of answer.events) {
          if (revOf(change) > this.known) this.options.apply(change);
        }
        this.known = Math.max(this.known, answer.to_rev);
        more = answer.has_more;
      }
      this.isLive = true;
    } catch (error) {
      if (generation === this.#generation) this.options.onFailure(error);
    } finally {
      if (generation === this.#generation) {
        this.#fetching = false;
        this.#drain();
      }
    }
  }

  dispose() {
    this.#generation++;
    this.#forget();
  }

  #forget() {
    this.options.platform.clearTimeout(this.#timer);
    this.#timer = null;
    this.#ahead.clear();
  }

  #await() {
    this.#timer ??= this.options.platform.setTimeout(() => {
      this.#timer = null;
      if (this.#ahead.size) void this.fetch();
    }, REORDER_MS);
  }

  #drain() {
    for (const rev of [...this.#ahead.keys()].sort((a, b) => a - b)) {
      const change = /** @type {import('./wire').Change} */ (this.#ahead.get(rev));
      if (rev > this.known + 1) break;
      this.#ahead.delete(rev);
      if (rev === this.known + 1) {
        this.options.apply(change);
        this.known = rev;
      }
    }
    if (this.#ahead.size) return this.#await();
    this.options.platform.clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** The number that a change carries. @param {import('./wire').Change} change */
export const revOf = (change) => change.payload.rev;
