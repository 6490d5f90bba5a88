import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Revs } from '../../client/revs.js';

const change = (rev) => ({ type: 'receive_message', payload: { rev } });

/** Revs over a scripted server, with a clock that the test moves. */
function harness({ known = 0, live = true, answers = [] } = {}) {
  const applied = [];
  const asked = [];
  const resets = [];
  const timers = [];
  const platform = {
    setTimeout: (run, ms) => timers.push({ run, ms }) && timers.at(-1),
    clearTimeout: (timer) => { const i = timers.indexOf(timer); if (i >= 0) timers.splice(i, 1); },
  };
  const revs = new Revs({
    known, live, platform,
    apply: (one) => applied.push(one.payload.rev),
    fetch: async (after) => { asked.push(after); return answers.shift(); },
    onReset: (to) => resets.push(to),
    onFailure: (error) => { throw error; },
  });
  const accept = (...list) => { for (const rev of list) revs.accept(change(rev), rev); };
  const pass = async () => { for (const timer of timers.splice(0)) timer.run(); await new Promise(setImmediate); };
  return { revs, applied, asked, resets, timers, accept, pass };
}

test('live_changes_are_applied_one_by_one_and_repeats_are_ignored', () => {
  const h = harness({ known: 4 });
  h.accept(5, 5, 6, 3);
  assert.deepEqual(h.applied, [5, 6]);
  assert.equal(h.revs.known, 6);
});

test('an_overtaken_change_waits_for_the_one_before_it', () => {
  const h = harness({ known: 4 });
  h.accept(6, 7);
  assert.deepEqual(h.applied, []);
  assert.equal(h.timers[0].ms, 300);
  h.accept(5);
  assert.deepEqual(h.applied, [5, 6, 7]);
  assert.equal(h.timers.length, 0, 'nothing is left to fetch');
});

test('a_hole_that_stays_is_fetched_in_pages', async () => {
  const h = harness({ known: 4, answers: [
    { events: [change(5)], has_more: true, to_rev: 5 },
    { events: [change(7)], has_more: false, to_rev: 8 },
  ] });
  h.accept(8);
  await h.pass();
  assert.deepEqual(h.asked, [4, 5]);
  assert.deepEqual(h.applied, [5, 7]);
  assert.equal(h.revs.known, 8, 'to_rev counts even when no row carries it');
  h.accept(9);
  assert.deepEqual(h.applied, [5, 7, 9]);
});

test('catch_up_may_have_holes_until_live', () => {
  const h = harness({ known: 4 });
  h.revs.catchUp();
  h.accept(6, 9);
  assert.deepEqual(h.applied, [6, 9]);
  assert.equal(h.timers.length, 0, 'a hole is normal here');
  h.revs.live(4, 12);
  assert.equal(h.revs.known, 12);
  h.accept(13);
  assert.deepEqual(h.applied, [6, 9, 13]);
});

test('live_above_what_is_known_is_a_hole', async () => {
  const h = harness({ known: 4, answers: [{ events: [change(6)], has_more: false, to_rev: 9 }] });
  h.revs.live(7, 9);
  await h.pass();
  assert.deepEqual(h.asked, [4]);
  assert.equal(h.revs.known, 9);
});

test('live_moves_over_changes_that_may_not_be_seen', () => {
  const h = harness({ known: 4 });
  h.accept(6);
  h.revs.live(4, 5);
  assert.deepEqual(h.applied, [6]);
  assert.equal(h.revs.known, 6);
});

test('a_reset_forgets_the_numbers_even_to_a_lower_one', () => {
  const h = harness({ known: 40 });
  h.accept(42);
  h.revs.reset({ rev: 7, cursor: 1 });
  assert.equal(h.revs.known, 7);
  assert.deepEqual(h.resets, [{ rev: 7, cursor: 1 }]);
  h.accept(8);
  assert.deepEqual(h.applied, [8]);
  assert.equal(h.timers.length, 0);
});

test('a_fetch_may_answer_with_a_reset', async () => {
  const h = harness({ known: 4, answers: [{ reset: true, rev: 900, cursor: 3, first_seq: 1, last_seq: 800 }] });
  h.revs.dirty(900);
  await h.pass();
  assert.equal(h.revs.known, 900);
  assert.equal(h.resets.length, 1);
});

test('dirty_asks_only_for_what_is_beyond', async () => {
  const h = harness({ known: 4, answers: [{ events: [change(6)], has_more: false, to_rev: 6 }] });
  h.revs.dirty(4);
  assert.deepEqual(h.asked, []);
  h.revs.dirty(6);
  await h.pass();
  assert.deepEqual(h.applied, [6]);
});

test('the_answer_to_a_fetch_of_a_dead_connection_is_dropped', async () => {
  let answer;
  const h = harness({ known: 4 });
  h.revs.options.fetch = () => new Promise((resolve) => { answer = resolve; });
  void h.revs.fetch();
  h.revs.catchUp();
  answer({ events: [change(5)], has_more: false, to_rev: 5 });
  await new Promise(setImmediate);
  assert.deepEqual(h.applied, []);
  assert.equal(h.revs.known, 4);
});
