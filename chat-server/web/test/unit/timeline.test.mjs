import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstUnread, merge, rowFlags, toItem } from '../../client/timeline.js';

const at = (text) => new Date(text).getTime();
const row = (seq, sender, when, more = {}) => ({ key: `m${seq}`, seq, rev: seq, sender_id: sender, time: at(when), ...more });

test('states_are_kept_in_order_of_seq_and_never_replaced_by_older_ones', () => {
  const items = merge([], [row(3, 1, '2026-01-01T10:00'), row(1, 1, '2026-01-01T10:00')]);
  const edited = { ...row(2, 1, '2026-01-01T10:00'), rev: 9, content: 'new' };
  const next = merge(merge(items, [edited]), [{ ...edited, rev: 2, content: 'old' }]);
  assert.deepEqual(next.map((item) => item.seq), [1, 2, 3]);
  assert.equal(next[1].content, 'new');
  assert.equal(items.length, 2, 'the list before is untouched');
});

test('own_messages_are_known_by_their_client_id_for_life', () => {
  const message = { id: 5, sender_id: 1, client_id: 'abc', created_at: '2026-01-01T10:00:00Z' };
  assert.equal(toItem(message, 1).key, 'abc');
  assert.equal(toItem(message, 2).key, 'm5');
});

const GROUPING = [
  ['same person within five minutes', [row(1, 1, '2026-03-01T10:00'), row(2, 1, '2026-03-01T10:05')], null, [true, false], [false, true]],
  ['five minutes and a bit', [row(1, 1, '2026-03-01T10:00:00'), row(2, 1, '2026-03-01T10:05:01')], null, [true, true], [true, true]],
  ['another person', [row(1, 1, '2026-03-01T10:00'), row(2, 2, '2026-03-01T10:01')], null, [true, true], [true, true]],
  ['across midnight', [row(1, 1, '2026-03-01T23:58'), row(2, 1, '2026-03-02T00:01')], null, [true, true], [true, true]],
  ['divider between', [row(1, 1, '2026-03-01T10:00'), row(2, 1, '2026-03-01T10:01')], 'm2', [true, true], [true, true]],
];
for (const [name, rows, divider, heads, tails] of GROUPING) {
  test(`grouping: ${name}`, () => {
    const flags = rows.map((_, i) => rowFlags(rows, i, divider));
    assert.deepEqual(flags.map((flag) => flag.head), heads);
    assert.deepEqual(flags.map((flag) => flag.tail), tails);
  });
}

test('every_local_day_starts_with_a_separator', () => {
  const rows = [row(1, 1, '2026-03-01T23:58'), row(2, 1, '2026-03-02T00:01'), row(3, 1, '2026-03-02T08:00')];
  assert.deepEqual(rows.map((_, i) => rowFlags(rows, i, null).day), [true, true, false]);
});

test('the_first_unread_message_is_somebody_elses_and_not_deleted', () => {
  const rows = [row(1, 2, '2026-03-01T10:00'), row(2, 1, '2026-03-01T10:00'), row(3, 2, '2026-03-01T10:00', { deleted_at: 'x' }), row(4, 2, '2026-03-01T10:00')];
  assert.equal(firstUnread(rows, 1, 1)?.seq, 4);
});
