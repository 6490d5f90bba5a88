// The loaded part of one conversation: an unbroken range of messages, grown by pages at both ends.
import { signal } from '../vendor/signals-core.js';
import { merge, toItem } from './timeline.js';
/** @typedef {import('./timeline.js').Item} Item */

const PAGE = 60;

/**
 * @typedef {{messages: import('./wire').Message[], has_more_before: boolean, has_more_after: boolean}} Page
 * @typedef {'' | 'first' | 'before' | 'after'} Loading
 */

export class Log {
  /** @type {Item[]} */ items = [];
  hasBefore = false;
  /** Newer messages exist that are not in `items`: the range does not reach the end. */
  hasAfter = false;
  loaded = false;
  /** Shown, but perhaps not what the server holds any more; the next page replaces it. */
  unproven = false;
  /** Row under the "new messages" line, for this visit. @type {string | null} */ divider = null;
  dividerCount = 0;
  loading = signal(/** @type {Loading} */ (''));
  failed = signal(/** @type {Loading} */ (''));
  /** Changes whenever anything else here does. */
  version = signal(0);
  /** States that arrive while a page is on its way; the page may be older. @type {Item[]} */ #meanwhile = [];
  #request = 0;

  /**
   * @param {number} me
   * @param {(query: string) => Promise<Page>} fetchPage
   */
  constructor(me, fetchPage) {
    this.me = me;
    this.fetchPage = fetchPage;
  }

  /** A state that the server sent. @param {import('./wire').Message} message */
  put(message) {
    const item = toItem(message, this.me);
    if (this.loading.value) this.#meanwhile.push(item);
    if (!this.loaded || !this.#belongs(item)) return;
    this.items = merge(this.items, [item]);
    if (item.deleted_at) this.#unquote(item.id);
    this.version.value++;
  }

  /** Quotes of a deleted message take no rev of their own. @param {number} id */
  #unquote(id) {
    this.items = this.items.map((item) => (item.reply_to?.id === id ? { ...item, reply_to: { ...item.reply_to, content: '', unavailable: true } } : item));
  }

  /** Inside the range, or continuing it at the end. @param {Item} item */
  #belongs(item) {
    const first = this.items[0];
    const last = this.items.at(-1);
    if (!first || !last) return !this.hasAfter;
    return item.seq >= first.seq && (item.seq <= last.seq || !this.hasAfter);
  }

  /** @param {number} seq */
  at(seq) {
    return this.items.find((item) => item.seq === seq);
  }

  loadLatest() {
    return this.#load('first', `limit=${PAGE}`, (page) => this.#replace(page));
  }

  /** @param {number} seq */
  loadAround(seq) {
    return this.#load('first', `around_seq=${seq}&limit=${PAGE}`, (page) => this.#replace(page));
  }

  loadBefore() {
    const first = this.items[0];
    if (!first || !this.hasBefore || this.loading.value) return Promise.resolve(false);
    return this.#load('before', `before_seq=${first.seq}&limit=${PAGE}`, (page) => {
      this.hasBefore = page.has_more_before;
      this.#merge(page.messages);
    });
  }

  loadAfter() {
    const last = this.items.at(-1);
    if (!last || !this.hasAfter || this.loading.value) return Promise.resolve(false);
    return this.#load('after', `after_seq=${last.seq}&limit=${PAGE}`, (page) => {
      this.hasAfter = page.has_more_after;
      this.#merge(page.messages);
    });
  }

  /** @param {readonly import('./wire').Message[]} messages */
  #merge(messages) {
    this.items = merge(this.items, messages.map((message) => toItem(message, this.me)));
  }

  /** @param {Page} page */
  #replace(page) {
    this.items = [];
    this.#merge(page.messages);
    this.hasBefore = page.has_more_before;
    this.hasAfter = page.has_more_after;
    this.loaded = true;
    this.unproven = false;
  }

  /**
   * @param {Loading} what
   * @param {string} query
   * @param {(page: Page) => void} apply
   * @returns {Promise<boolean>} whether the page is in
   */
  async #load(what, query, apply) {
    const request = ++this.#request;
    this.#meanwhile = [];
    this.loading.value = what;
    this.failed.value = '';
    try {
      const page = await this.fetchPage(query);
      if (request !== this.#request) return false;
      apply(page);
      const late = this.#meanwhile.filter((item) => this.#belongs(item));
      if (late.length) this.items = merge(this.items, late);
      return true;
    } catch {
      if (request === this.#request) this.failed.value = what;
      return false;
    } finally {
      if (request === this.#request) {
        this.#meanwhile = [];
        this.loading.value = '';
        this.version.value++;
      }
    }
  }

  /** The server cannot say what was missed: what is shown may be wrong until a page replaces it. */
  reset() {
    this.#request++;
    this.#meanwhile = [];
    this.loading.value = '';
    this.unproven = true;
    this.version.value++;
  }

  /** @param {string | null} key @param {number} count */
  setDivider(key, count) {
    if (this.divider === key && this.dividerCount === count) return;
    this.divider = key;
    this.dividerCount = count;
    this.version.value++;
  }
}
