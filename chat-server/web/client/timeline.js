// Rules of a message list that depend on the list alone: order, upserts, grouping, days. No DOM, no network.

/** Messages of one person closer than this form a group. */
const GROUP_MS = 5 * 60_000;

/**
 * A row of the list: a stored message, or one that is still in the outbox (`id` 0, `entry` set).
 * `key` is the row's identity for life: the `client_id` for own messages, before and after the ack.
 * @typedef {import('./wire').Message & {key: string, time: number, entry?: import('./types').Entry}} Item
 */

/** @param {import('./wire').Message} message @param {number} me @returns {Item} */
export const toItem = (message, me) => ({
  ...message,
  key: message.sender_id === me && message.client_id ? message.client_id : `m${message.id}`,
  time: Date.parse(message.created_at),
});

/** @param {import('./types').Entry} entry @param {number} me @returns {Item} */
export const toPendingItem = (entry, me) => ({
  id: 0,
  seq: 0,
  rev: 0,
  created_rev: 0,
  conversation_id: entry.conversation_id,
  sender_id: me,
  content: entry.content,
  attachments: [],
  reply_to: entry.reply_to,
  status: 'sent',
  created_at: '',
  updated_at: '',
  client_id: entry.key,
  key: entry.key,
  time: entry.created_at,
  entry,
});

/** Where `seq` stands, or would stand. @param {readonly Item[]} items @param {number} seq */
export function position(items, seq) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Puts states into a list that is sorted by `seq`; an older state of a message never replaces a newer one.
 * @param {readonly Item[]} items
 * @param {readonly Item[]} states
 * @returns {Item[]} a new list
 */
export function merge(items, states) {
  const next = items.slice();
  for (const state of states) {
    const at = position(next, state.seq);
    if (next[at]?.seq === state.seq) {
      if (next[at].rev <= state.rev) next[at] = state;
    } else {
      next.splice(at, 0, state);
    }
  }
  return next;
}

/** Whether two moments fall on one calendar day here. @param {number} a @param {number} b */
function sameDay(a, b) {
  const x = new Date(a);
  const y = new Date(b);
  return x.getDate() === y.getDate() && x.getMonth() === y.getMonth() && x.getFullYear() === y.getFullYear();
}

/** @param {Item | undefined} a @param {Item | undefined} b */
const together = (a, b) =>
  a !== undefined && b !== undefined && a.sender_id === b.sender_id && Math.abs(b.time - a.time) <= GROUP_MS && sameDay(a.time, b.time);

/**
 * How row `i` stands among its neighbours.
 * @param {readonly Item[]} items
 * @param {number} i
 * @param {string | null} dividerKey row below the "new messages" line
 */
export function rowFlags(items, i, dividerKey) {
  const row = items[i];
  const before = items[i - 1];
  const after = items[i + 1];
  const divider = dividerKey !== null && row.key === dividerKey;
  return {
    day: !before || !sameDay(before.time, row.time),
    divider,
    head: divider || !together(before, row),
    tail: !together(row, after) || (dividerKey !== null && after?.key === dividerKey),
  };
}
/** @typedef {ReturnType<typeof rowFlags>} RowFlags */

/** The first row that a reader at `readSeq` has not seen. @param {readonly Item[]} items @param {number} readSeq @param {number} me */
export const firstUnread = (items, readSeq, me) => items.find((item) => item.seq > readSeq && item.sender_id !== me && !item.deleted_at);
