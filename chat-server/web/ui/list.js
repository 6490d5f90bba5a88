// The message list: rows of unknown height, a window of which is in the DOM. One rule for scrolling: stuck to the
// end it stays at the end; otherwise the first visible row keeps its place, whatever happens around it.
import { Component, html } from '../vendor/preact.js';

/** Nearer to the end than this counts as being there. */
const STICK_PX = 48;
/** Rows that stay mounted while a selection is being made in the list. */
const MAX_SELECTED_ROWS = 400;

/**
 * @typedef {object} ListProps
 * @property {readonly import('../client/timeline.js').Item[]} rows
 * @property {(i: number, width: number) => number} estimate height of a row that was never measured
 * @property {(i: number) => any} row
 * @property {(i: number) => string} name accessible name of a row
 * @property {string} label
 * @property {any} head above the first row
 * @property {boolean} hasBefore
 * @property {boolean} hasAfter
 * @property {() => void} onBefore
 * @property {() => void} onAfter
 * @property {(position: {atEnd: boolean, top: string}) => void} onPosition
 * @property {(event: KeyboardEvent, i: number) => void} onRowKey
 * @property {(list: MessageList) => void} api
 */

/** @extends {Component<ListProps>} */
export class MessageList extends Component {
  /** The window: rows `from` (inclusive) to `to` (exclusive). */
  from = 0;
  to = 0;
  stick = true;
  /** @type {{key: string, offset: number} | null} */ anchor = null;
  heights = new Heights([]);
  width = 0;
  /** @type {Map<string, number>} */ #measured = new Map();
  /** @type {Map<string, HTMLElement>} */ #elements = new Map();
  /** @type {Map<string, (element: HTMLElement | null) => void>} */ #refs = new Map();
  /** @type {Map<string, number>} */ #index = new Map();
  /** @type {readonly any[] | null} */ #rows = null;
  /** @type {HTMLElement | null} */ scroller = null;
  /** @type {HTMLElement | null} */ #head = null;
  /** @type {HTMLElement | null} */ #above = null;
  /** @type {HTMLElement | null} */ #below = null;
  /** @type {ResizeObserver | null} */ #observer = null;
  #setScroller = (/** @type {HTMLElement | null} */ element) => { this.scroller = element; };
  #setHead = (/** @type {HTMLElement | null} */ element) => { this.#head = element; };
  #setAbove = (/** @type {HTMLElement | null} */ element) => { this.#above = element; };
  #setBelow = (/** @type {HTMLElement | null} */ element) => { this.#below = element; };

  componentDidMount() {
    const scroller = /** @type {HTMLElement} */ (this.scroller);
    this.width = scroller.clientWidth;
    this.#observer = new ResizeObserver((entries) => this.#resized(entries));
    this.#observer.observe(scroller);
    for (const element of this.#elements.values()) this.#observer.observe(element);
    this.props.api(this);
    this.#adopt();
    this.forceUpdate();
  }

  componentWillUnmount() {
    this.#observer?.disconnect();
  }

  componentDidUpdate() {
    this.#settle();
    this.#report();
  }

  // --- window -------------------------------------------------------------------------------------------------

  /** Takes over a changed list of rows: heights, index, window. */
  #adopt() {
    const { rows } = this.props;
    this.#rows = rows;
    this.#index.clear();
    const heights = new Float64Array(rows.length);
    rows.forEach((row, i) => {
      this.#index.set(row.key, i);
      heights[i] = this.#measured.get(row.key) ?? this.props.estimate(i, this.width);
    });
    this.heights = new Heights(heights);
    this.#place(1);
  }

  /** Puts the window round the view, with `screens` screens of rows to spare on each side. @param {number} screens */
  #place(screens) {
    const count = this.heights.length;
    const view = this.scroller?.clientHeight || 600;
    const spare = Math.max(300, view * screens);
    let top;
    const at = this.anchor ? this.#index.get(this.anchor.key) : undefined;
    if (this.stick) top = this.heights.total - view;
    else if (this.anchor && at !== undefined) top = this.heights.before(at) - this.anchor.offset;
    else top = (this.scroller?.scrollTop ?? 0) - this.#headHeight();
    const from = this.heights.at(Math.max(0, top - spare));
    const to = Math.min(count, this.heights.at(Math.max(0, top + view + spare)) + 1);
    if (this.#isSelecting() && this.to - this.from < MAX_SELECTED_ROWS) {
      this.from = Math.min(this.from, from);
      this.to = Math.min(count, Math.max(this.to, to));
    } else {
      this.from = from;
      this.to = to;
    }
  }

  /** Moves the window once half of the spare rows are used up; never sooner, for scrolling to stay cheap. */
  #follow() {
    const { from, to } = this;
    this.#place(0.5);
    if (this.from >= from && this.to <= to) {
      this.from = from;
      this.to = to;
      return;
    }
    this.#place(1);
    this.#keepFocus();
    this.forceUpdate();
  }

  /** A focused row that leaves the DOM hands its focus to the list. */
  #keepFocus() {
    const focused = this.#focusedKey();
    if (!focused) return;
    const i = this.#index.get(focused);
    if (i === undefined || i < this.from || i >= this.to) this.scroller?.focus({ preventScroll: true });
  }

  #focusedKey() {
    const root = /** @type {ShadowRoot | Document | undefined} */ (this.scroller?.getRootNode());
    const row = /** @type {HTMLElement | null | undefined} */ (root?.activeElement?.closest('[data-key]'));
    return row?.dataset.key;
  }

  #isSelecting() {
    const root = /** @type {any} */ (this.scroller?.getRootNode());
    const selection = /** @type {Selection | null} */ (root?.getSelection?.() ?? null);
    return selection !== null && !selection.isCollapsed && this.scroller?.contains(selection.anchorNode) === true;
  }

  // --- measuring and keeping place ------------------------------------------------------------------------------

  #headHeight() {
    return this.#head?.offsetHeight ?? 0;
  }

  #settle() {
    for (const [key, element] of this.#elements) {
      if (this.#measured.has(key)) continue;
      this.#measure(key, element.getBoundingClientRect().height);
    }
    this.#pad();
    this.#restore();
  }

  /** @param {string} key @param {number} height */
  #measure(key, height) {
    this.#measured.set(key, height);
    const i = this.#index.get(key);
    return i === undefined ? 0 : Math.abs(this.heights.set(i, height));
  }

  #pad() {
    if (this.#above) this.#above.style.height = `${this.heights.before(this.from)}px`;
    if (this.#below) this.#below.style.height = `${this.heights.total - this.heights.before(this.to)}px`;
  }

  #restore() {
    const { scroller, anchor } = this;
    if (!scroller) return;
    if (this.stick) {
      scroller.scrollTop = scroller.scrollHeight;
      return;
    }
    const element = anchor && this.#elements.get(anchor.key);
    if (!element) return;
    const moved = element.getBoundingClientRect().top - scroller.getBoundingClientRect().top - anchor.offset;
    if (Math.abs(moved) >= 0.5) scroller.scrollTop += moved;
  }

  #remember() {
    const { scroller } = this;
    const { rows } = this.props;
    if (!scroller || !rows.length) return;
    const first = this.heights.at(Math.max(0, scroller.scrollTop - this.#headHeight()));
    const key = rows[Math.min(Math.max(first, this.from), this.to - 1)]?.key;
    const element = key === undefined ? undefined : this.#elements.get(key);
    if (element) this.anchor = { key, offset: element.getBoundingClientRect().top - scroller.getBoundingClientRect().top };
  }

  /** @param {ResizeObserverEntry[]} entries */
  #resized(entries) {
    let changed = false;
    for (const { target, borderBoxSize } of entries) {
      const element = /** @type {HTMLElement} */ (target);
      if (element === this.scroller) {
        if (element.clientWidth !== this.width) {
          this.width = element.clientWidth;
          this.#measured.clear();
        }
        changed = true;
      } else if (element.isConnected && element.dataset.key) {
        changed = this.#measure(element.dataset.key, borderBoxSize[0].blockSize) > 0.5 || changed;
      }
    }
    if (!changed) return;
    this.#settle();
    this.#follow();
  }

  #onScroll = () => {
    if (!this.scroller) return;
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.stick = !this.props.hasAfter && scrollHeight - scrollTop - clientHeight < STICK_PX;
    this.#remember();
    this.#follow();
    this.#report();
  };

  #report() {
    const { scroller, props } = this;
    if (!scroller) return;
    const { scrollHeight, scrollTop, clientHeight } = scroller;
    const toEnd = scrollHeight - scrollTop - clientHeight;
    this.stick = !props.hasAfter && toEnd < STICK_PX;
    this.#remember();
    props.onPosition({ atEnd: this.stick, top: this.anchor?.key ?? '' });
    if (props.hasBefore && scrollTop < clientHeight * 2) props.onBefore();
    if (props.hasAfter && toEnd < clientHeight * 2) props.onAfter();
  }

  // --- for the conversation -------------------------------------------------------------------------------------

  toEnd() {
    this.stick = true;
    this.#place(1);
    this.forceUpdate();
  }

  /**
   * Brings a row into view.
   * @param {string} key
   * @param {number} [part] of the view's height that stays above it
   */
  toKey(key, part = 0.3) {
    if (this.#rows !== this.props.rows) this.#adopt();
    if (!this.#index.has(key) || !this.scroller) return false;
    this.stick = false;
    this.anchor = { key, offset: this.scroller.clientHeight * part };
    this.#place(1);
    this.forceUpdate();
    return true;
  }

  /** @param {number} i */
  focusRow(i) {
    const key = this.props.rows[i]?.key;
    if (!key) return;
    const focus = () => {
      const element = this.#elements.get(key);
      element?.focus({ preventScroll: true });
      element?.scrollIntoView({ block: 'nearest' });
    };
    if (this.#elements.has(key)) focus();
    else if (this.toKey(key, 0.4)) this.setState({}, focus);
  }

  #onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const key = /** @type {HTMLElement | null} */ (target.closest('[data-key]'))?.dataset.key;
    const count = this.props.rows.length;
    const i = key === undefined ? count : (this.#index.get(key) ?? count);
    const goal = { ArrowUp: i - 1, ArrowDown: i + 1, Home: 0, End: count - 1 }[event.key];
    if (goal !== undefined) {
      if (target.closest('audio, video')) return;
      event.preventDefault();
      if (event.key === 'End') this.toEnd();
      this.focusRow(Math.min(count - 1, Math.max(0, goal)));
    } else if (key !== undefined && target.dataset.key === key) {
      this.props.onRowKey(event, i);
    }
  };

  /** One ref function per key, so that a re-render does not detach and attach every row. @param {string} key */
  #ref(key) {
    let ref = this.#refs.get(key);
    if (!ref) {
      ref = (element) => {
        const old = this.#elements.get(key);
        if (old && old !== element) this.#observer?.unobserve(old);
        if (element) {
          this.#elements.set(key, element);
          this.#observer?.observe(element);
        } else {
          this.#elements.delete(key);
          this.#refs.delete(key);
        }
      };
      this.#refs.set(key, ref);
    }
    return ref;
  }

  /** @param {ListProps} props */
  render(props) {
    const { rows, head, label, hasBefore } = props;
    if (rows !== this.#rows) this.#adopt();
    const slots = [];
    for (let i = this.from; i < Math.min(this.to, rows.length); i++) {
      const { key } = rows[i];
      slots.push(html`<div key=${key} data-key=${key} class="slot" role="article" tabindex="-1" aria-posinset=${i + 1}
        aria-setsize=${hasBefore ? -1 : rows.length} aria-label=${props.name(i)} ref=${this.#ref(key)}>${props.row(i)}</div>`);
    }
    return html`<div class="scroller" role="log" aria-live="off" aria-label=${label} tabindex="0"
      ref=${this.#setScroller}
      onScroll=${this.#onScroll} onKeyDown=${this.#onKeyDown}>
      <div class="head" ref=${this.#setHead}>${head}</div>
      <div ref=${this.#setAbove}></div>
      ${slots}
      <div ref=${this.#setBelow}></div>
    </div>`;
  }
}

/** Prefix sums over row heights: change one, or find the row at an offset, in O(log n). A Fenwick tree. */
export class Heights {
  #values;
  #tree;
  #highBit;

  /** @param {ArrayLike<number>} heights */
  constructor(heights) {
    const n = heights.length;
    this.#values = Float64Array.from(heights);
    this.#tree = new Float64Array(n + 1);
    this.#highBit = n ? 2 ** Math.floor(Math.log2(n)) : 0;
    for (let i = 1; i <= n; i++) {
      this.#tree[i] += heights[i - 1];
      const parent = i + (i & -i);
      if (parent <= n) this.#tree[parent] += this.#tree[i];
    }
  }

  get length() {
    return this.#values.length;
  }

  get total() {
    return this.before(this.length);
  }

  /** @param {number} i @param {number} height @returns {number} the change */
  set(i, height) {
    const difference = height - this.#values[i];
    if (!difference) return 0;
    this.#values[i] = height;
    for (let k = i + 1; k <= this.length; k += k & -k) this.#tree[k] += difference;
    return difference;
  }

  /** Height of all rows before row `i`. @param {number} i */
  before(i) {
    let sum = 0;
    for (let k = Math.min(i, this.length); k > 0; k -= k & -k) sum += this.#tree[k];
    return sum;
  }

  /** Index of the row at offset `y`; the last one beyond the end. @param {number} y */
  at(y) {
    let i = 0;
    for (let step = this.#highBit; step; step >>= 1) {
      if (i + step <= this.length && this.#tree[i + step] <= y) {
        i += step;
        y -= this.#tree[i];
      }
    }
    return Math.max(0, Math.min(i, this.length - 1));
  }
}
