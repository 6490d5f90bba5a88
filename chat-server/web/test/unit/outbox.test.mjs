import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatError } from '../../client/http.js';
import { ASK_AFTER_MS, createOutbox } from '../../client/outbox.js';

const settle = async () => { for (let i = 0; i < 12; i++) await new Promise(setImmediate); };

/** An IndexedDB that remembers nothing but what the outbox needs would test itself; the memory table is enough here. */
function harness({ up = true, deliver } = {}) {
  const state = { up, now: 1_000_000, sent: [], timers: [] };
  const platform = {
    now: () => state.now,
    random: () => 0.5,
    indexedDB: null,
    setTimeout: (run, ms) => { const timer = { run, ms }; state.timers.push(timer); return timer; },
    clearTimeout: (timer) => { state.timers = state.timers.filter((one) => one !== timer); },
    channel: () => ({ post() {}, listen: () => () => {}, close() {} }),
    lock: (_name, _signal, run) => run(),
  };
  const outbox = createOutbox({
    account: 'a#1', platform, isUp: () => state.up,
    deliver: deliver ?? (async (entry) => { state.sent.push(entry.key); }),
  });
  const add = (key, conversation_id = 1, more = {}) => outbox.add({ key, conversation_id, content: key, files: [], created_at: state.now, ...more });
  const pass = async () => { for (const timer of state.timers.splice(0)) timer.run(); await settle(); };
  return { state, outbox, add, pass };
}

test('messages_of_a_conversation_go_one_after_the_other_and_conversations_side_by_side', async () => {
  const started = [];
  const finish = {};
  const h = harness({ deliver: (entry) => new Promise((resolve) => { started.push(entry.key); finish[entry.key] = resolve; }) });
  await h.add('a1');
  await h.add('a2');
  await h.add('b1', 2);
  await settle();
  assert.deepEqual(started.sort(), ['a1', 'b1']);
  finish.a1();
  await settle();
  assert.deepEqual(started, ['a1', 'b1', 'a2']);
  h.outbox.dispose();
});

test('nothing_is_sent_while_the_link_is_down', async () => {
  const h = harness({ up: false });
  await h.add('a1');
  await settle();
  assert.equal(h.outbox.entries.value[0].state, 'queued');
  h.state.up = true;
  h.outbox.flush();
  await settle();
  assert.deepEqual(h.state.sent, ['a1']);
  assert.deepEqual(h.outbox.entries.value, []);
  h.outbox.dispose();
});

test('a_refused_message_stays_and_the_next_one_goes_on', async () => {
  const sent = [];
  const h = harness({ deliver: async (entry) => { if (entry.key === 'bad') throw new ChatError('invalid', 'not here'); sent.push(entry.key); } });
  await h.add('bad');
  await h.add('good');
  await settle();
  assert.deepEqual(h.outbox.entries.value.map((entry) => [entry.key, entry.state, entry.problem]), [['bad', 'failed', 'not here']]);
  assert.deepEqual(sent, ['good']);
  await h.outbox.discard('bad');
  assert.deepEqual(h.outbox.entries.value, []);
  h.outbox.dispose();
});

test('a_passing_trouble_is_tried_again_with_growing_pauses', async () => {
  let tries = 0;
  const h = harness({ deliver: async () => { if (++tries < 4) throw new ChatError('unavailable'); } });
  await h.add('a1');
  await settle();
  const waits = [];
  for (let i = 0; i < 3; i++) {
    waits.push(h.state.timers[0].ms);
    await h.pass();
  }
  assert.deepEqual(waits, [1000, 2000, 4000]);
  assert.equal(tries, 4);
  assert.deepEqual(h.outbox.entries.value, []);
  h.outbox.dispose();
});

test('the_servers_wish_for_a_pause_is_kept', async () => {
  let tries = 0;
  const h = harness({ deliver: async () => { if (++tries === 1) throw new ChatError('rate_limited', '', { retryAfterMs: 9000 }); } });
  await h.add('a1');
  await settle();
  assert.equal(h.state.timers[0].ms, 9000);
  h.outbox.dispose();
});

test('an_echo_settles_a_message_whose_ack_was_lost', async () => {
  let fail;
  const h = harness({ deliver: () => new Promise((_, reject) => { fail = reject; }) });
  await h.add('a1');
  await settle();
  await h.outbox.settle('a1');
  fail(new ChatError('offline'));
  await settle();
  assert.deepEqual(h.outbox.entries.value, []);
  h.outbox.dispose();
});

test('what_is_older_than_a_day_is_not_sent_unasked', async () => {
  const { IDBFactory } = await import('./indexeddb.mjs');
  const indexedDB = new IDBFactory();
  const first = harness({ up: false });
  first.outbox.dispose();
  const platform = (now, sent) => ({
    now: () => now, random: () => 0.5, indexedDB, setTimeout: () => 0, clearTimeout() {},
    channel: () => ({ post() {}, listen: () => () => {}, close() {} }), lock: (_n, _s, run) => run(),
  });
  const sent = [];
  const before = createOutbox({ account: 'a#1', platform: platform(1000), isUp: () => false, deliver: async () => {} });
  await before.add({ key: 'old', conversation_id: 1, content: 'old', files: [], created_at: 1000 });
  await before.add({ key: 'new', conversation_id: 1, content: 'new', files: [], created_at: 1000 + ASK_AFTER_MS });
  before.dispose();
  const other = createOutbox({ account: 'a#2', platform: platform(1000), isUp: () => false, deliver: async () => {} });
  await other.ready;
  assert.deepEqual(other.entries.value, [], 'another person sees nothing of it');
  other.dispose();
  const after = createOutbox({ account: 'a#1', platform: platform(1001 + ASK_AFTER_MS), isUp: () => true, deliver: async (entry) => { sent.push(entry.key); } });
  await after.ready;
  await settle();
  assert.deepEqual(sent, ['new']);
  assert.deepEqual(after.entries.value.map((entry) => [entry.key, entry.state]), [['old', 'held']]);
  await after.retry('old');
  await settle();
  assert.deepEqual(sent, ['new', 'old']);
  after.dispose();
});

test('there_is_a_bound_to_what_may_wait', async () => {
  const h = harness({ up: false });
  assert.ok(h.outbox.hasRoom(50 * 1024 * 1024));
  assert.ok(!h.outbox.hasRoom(50 * 1024 * 1024 + 1));
  for (let i = 0; i < 200; i++) await h.add(`m${i}`);
  assert.ok(!h.outbox.hasRoom(0));
  h.outbox.dispose();
});
