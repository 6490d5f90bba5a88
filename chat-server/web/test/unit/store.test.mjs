// The whole client against the server in memory: what a person's screen holds is what the server holds.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { memoryStorage } from '../../client/platform.js';
import { createStore } from '../../client/store.js';
import { seededServer } from '../seed.js';

const open = new Set();
afterEach(() => {
  for (const store of open) store.dispose();
  open.clear();
});

async function until(check, what = check.toString()) {
  for (let i = 0; i < 1000; i++) {
    const value = check();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`never: ${what}`);
}

/** A signed-in client of a fresh server. */
async function client({ server, rooms } = seededServer(300), more = {}) {
  server.latency = 1;
  server.receipts = false;
  const storage = memoryStorage();
  storage.setItem('chat.signed-in', '1');
  const platform = { ...server.platform(), storage, indexedDB: null, random: () => 0, ...more };
  const store = createStore({ server: '', origin: 'http://fake', platform, blobs: { url: () => 'blob:x', revoke() {} } });
  open.add(store);
  store.attention.value = true;
  void store.start();
  await until(() => store.loaded.value && store.link.value === 'up', 'the client is up');
  return { server, rooms, store };
}
/** Cuts the line, lets `away` happen, and lets the client come back. */
async function absence({ server, store }, away) {
  server.setOnline(false);
  await until(() => store.link.value !== 'up');
  await away();
  server.setOnline(true);
  store.wake();
  await until(() => store.link.value === 'up', 'the client is back');
}
const texts = (store, room) => store.rows(room).map((row) => row.content);

test('the_list_comes_with_previews_and_unread_counts', async () => {
  const { store, rooms } = await client();
  assert.equal(store.conv(rooms.maya).unread, 2);
  assert.equal(store.conv(rooms.team).unread, 4);
  assert.equal(store.totalUnread.value, 6);
  assert.equal(store.visible.value[0].conv.last.content, 'Also: should we book the room for Thursday?');
});

test('what_was_missed_comes_in_order_and_once', async () => {
  const c = await client();
  const { server, store, rooms } = c;
  await store.openConversation(rooms.maya);
  const before = texts(store, rooms.maya).length;
  await absence(c, () => {
    for (const word of ['one', 'two', 'three']) server.incoming(rooms.maya, 2, word);
    server.change(rooms.maya, before + 1, { content: 'one, edited', edited_at: new Date().toISOString() });
    server.change(rooms.maya, before, { content: '', deleted_at: new Date().toISOString() });
  });
  await until(() => texts(store, rooms.maya).length === before + 3);
  assert.deepEqual(texts(store, rooms.maya).slice(-3), ['one, edited', 'two', 'three']);
  assert.ok(store.rows(rooms.maya)[before - 1].deleted_at);
  assert.deepEqual(store.rows(rooms.maya).map((row) => row.seq), Array.from({ length: before + 3 }, (_, i) => i + 1));
});

test('receipts_that_were_missed_turn_the_ticks', async () => {
  const c = await client();
  const { server, store, rooms } = c;
  assert.equal(store.conv(rooms.jonas).members.get(3).read_seq, 2);
  await absence(c, () => server.receipt(rooms.jonas, 3, 'read', 3));
  await until(() => store.conv(rooms.jonas).members.get(3).read_seq === 3);
});

test('a_lost_ack_makes_no_second_message', async () => {
  const { server, store, rooms } = await client();
  await store.openConversation(rooms.aisha);
  server.plan.push('lose-ack');
  store.send(rooms.aisha, 'exactly once');
  await until(() => store.link.value !== 'up');
  store.wake();
  await until(() => store.link.value === 'up' && !store.entries.value.length, 'the outbox is empty');
  assert.equal(server.rooms.get(rooms.aisha).messages.filter((message) => message.content === 'exactly once').length, 1);
  assert.equal(texts(store, rooms.aisha).filter((text) => text === 'exactly once').length, 1);
});

test('messages_written_offline_go_out_in_order_when_the_link_is_back', async () => {
  const c = await client();
  const { server, store, rooms } = c;
  await store.openConversation(rooms.aisha);
  await absence(c, () => {
    for (const word of ['a', 'b', 'c']) store.send(rooms.aisha, word);
    assert.deepEqual(texts(store, rooms.aisha).slice(-3), ['a', 'b', 'c']);
  });
  await until(() => !store.entries.value.length);
  assert.deepEqual(server.rooms.get(rooms.aisha).messages.slice(-3).map((message) => message.content), ['a', 'b', 'c']);
});

test('a_row_keeps_its_key_from_echo_to_ack', async () => {
  const { store, rooms } = await client();
  await store.openConversation(rooms.aisha);
  store.send(rooms.aisha, 'same row');
  const { key } = store.rows(rooms.aisha).at(-1);
  await until(() => store.rows(rooms.aisha).at(-1).id > 0);
  assert.equal(store.rows(rooms.aisha).at(-1).key, key);
});

test('a_lost_event_is_fetched_when_the_next_one_shows_the_hole', async () => {
  const { server, store, rooms } = await client();
  await store.openConversation(rooms.sofia);
  const room = server.rooms.get(rooms.sofia);
  server.write(room, 6, 'lost on the way');
  server.incoming(rooms.sofia, 6, 'arrived');
  await until(() => texts(store, rooms.sofia).includes('lost on the way'));
  assert.deepEqual(texts(store, rooms.sofia).slice(-2), ['lost on the way', 'arrived']);
  assert.ok(server.frames.some((frame) => frame.type === 'fetch'));
});

test('dirty_makes_the_client_fetch', async () => {
  const { server, store, rooms } = await client();
  await store.openConversation(rooms.sofia);
  const room = server.rooms.get(rooms.sofia);
  server.write(room, 6, 'told later');
  server.tell('dirty', { conversation_id: rooms.sofia, rev: room.rev });
  await until(() => texts(store, rooms.sofia).includes('told later'));
  assert.equal(store.conv(rooms.sofia).unread, 1);
});

test('an_edit_that_overtakes_its_page_is_not_lost', async () => {
  const { server, store, rooms } = await client();
  server.latency = 30;
  const opened = store.openConversation(rooms.maya);
  // The page is read now and arrives later; the edit arrives first.
  const stale = structuredClone(server.rooms.get(rooms.maya).messages);
  server.change(rooms.maya, 3, { content: 'edited meanwhile' });
  const fresh = server.rooms.get(rooms.maya).messages;
  server.rooms.get(rooms.maya).messages = stale;
  await opened;
  server.rooms.get(rooms.maya).messages = fresh;
  assert.equal(store.log(rooms.maya).at(3).content, 'edited meanwhile');
});

test('unread_follows_messages_reading_deleting_and_other_devices', async () => {
  const { server, store, rooms } = await client();
  const unread = () => store.conv(rooms.sofia).unread;
  server.incoming(rooms.sofia, 6, 'one');
  const second = server.incoming(rooms.sofia, 6, 'two');
  server.incoming(rooms.sofia, 6, 'three');
  await until(() => unread() === 3);
  server.change(rooms.sofia, second.seq, { deleted_at: new Date().toISOString(), content: '' });
  await until(() => unread() === 2);
  server.receipt(rooms.sofia, 1, 'read', second.seq);
  await until(() => unread() === 1);
  await store.openConversation(rooms.sofia);
  assert.equal(store.log(rooms.sofia).dividerCount, 1);
  store.seen(rooms.sofia);
  await until(() => unread() === 0);
  await until(() => server.rooms.get(rooms.sofia).members.get(1).read_seq === second.seq + 1, 'the server knows');
});

test('what_arrives_is_confirmed_as_delivered', async () => {
  const { server, store, rooms } = await client();
  const message = server.incoming(rooms.layla, 9, 'hello');
  await until(() => server.rooms.get(rooms.layla).members.get(1).delivered_seq === message.seq);
  assert.equal(store.conv(rooms.layla).unread, 1, 'delivered is not read');
});

test('a_reset_replaces_what_is_shown', async () => {
  const { server, store, rooms } = await client();
  await store.openConversation(rooms.sofia);
  const room = server.rooms.get(rooms.sofia);
  room.messages = [];
  room.rev = 1;
  server.write(room, 6, 'another history');
  server.tell('reset', { conversation_id: rooms.sofia, rev: room.rev, cursor: 0, first_seq: 1, last_seq: 1 });
  await until(() => texts(store, rooms.sofia).join() === 'another history');
  server.incoming(rooms.sofia, 6, 'goes on');
  await until(() => texts(store, rooms.sofia).length === 2);
  assert.equal(store.conv(rooms.sofia).last.content, 'goes on');
});

test('a_conversation_that_is_gone_leaves_the_list_but_not_the_screen', async () => {
  const { server, store, rooms } = await client();
  await store.openConversation(rooms.release);
  server.rooms.delete(rooms.release);
  server.tell('gone', { conversation_id: rooms.release });
  server.tell('gone', { conversation_id: rooms.sofia });
  await until(() => store.conv(rooms.release).gone && !store.conv(rooms.sofia));
  assert.equal(texts(store, rooms.release).length, 2);
  await store.openConversation(0);
  assert.equal(store.conv(rooms.release), undefined);
});

test('a_new_conversation_appears_with_its_first_message', async () => {
  const { server, store } = await client();
  const room = server.addRoom('direct', [1, 10]);
  server.tell('conversation_changed', server.view(room));
  await until(() => store.conv(room.id));
  assert.ok(!store.visible.value.some(({ conv }) => conv.id === room.id), 'an empty one is not listed');
  server.incoming(room.id, 10, 'first');
  await until(() => store.visible.value.some(({ conv }) => conv.id === room.id && conv.unread === 1));
});

test('an_event_of_an_unknown_conversation_makes_it_known', async () => {
  const { server, store } = await client();
  const room = server.addRoom('direct', [1, 10]);
  server.incoming(room.id, 10, 'out of the blue');
  await until(() => store.conv(room.id)?.unread === 1);
});

test('group_changes_are_followed', async () => {
  const { server, store, rooms } = await client();
  await store.rename(rooms.team, 'Another name');
  await until(() => store.conv(rooms.team).title === 'Another name');
  await store.addMembers(rooms.team, [10]);
  await until(() => store.conv(rooms.team).memberCount === 7);
  await store.setRole(rooms.team, 10, 'admin');
  await until(() => store.conv(rooms.team).members.get(10).role === 'admin');
  await store.removeMember(rooms.team, 10);
  await until(() => store.conv(rooms.team).memberCount === 6);
  server.incoming(rooms.team, 2, 'still in step');
  await until(() => store.conv(rooms.team).last.content === 'still in step');
  assert.ok(!server.frames.some((frame) => frame.type === 'fetch'), 'no hole was seen');
});

test('final_close_codes_are_final_and_others_are_not', async () => {
  const { server, store } = await client();
  server.close(4008);
  await until(() => store.link.value !== 'up');
  store.wake();
  await until(() => store.link.value === 'up');
  server.close(4100);
  await until(() => store.link.value === 'stopped');
  assert.equal(store.banner.value, 'replaced');
  store.wake();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(store.link.value, 'stopped');
  store.resume();
  await until(() => store.link.value === 'up');
});

test('a_signed_out_client_keeps_its_outbox_and_sends_it_after_signing_in', async () => {
  const { server, store, rooms } = await client();
  server.signedIn = false;
  server.close(4102);
  await until(() => store.session.state.value === 'out');
  assert.equal(store.session.ended.value, 'expired');
  store.send(rooms.aisha, 'kept');
  await store.enter('login', { username: 'alex', password: 'right' });
  await until(() => store.link.value === 'up' && !store.entries.value.length);
  assert.equal(server.rooms.get(rooms.aisha).messages.at(-1).content, 'kept');
});

test('nobody_asks_for_a_session_before_the_first_sign_in', async () => {
  const { server } = seededServer(1);
  const store = createStore({ server: '', origin: 'http://fake', platform: { ...server.platform(), storage: memoryStorage() }, blobs: { url: () => '', revoke() {} } });
  open.add(store);
  await store.start();
  assert.equal(store.session.state.value, 'out');
  assert.deepEqual(server.requests, ['GET /config']);
});

test('wrong_credentials_and_weak_passwords_are_told_by_the_server', async () => {
  const { server } = seededServer(1);
  const store = createStore({ server: '', origin: 'http://fake', platform: { ...server.platform(), storage: memoryStorage() }, blobs: { url: () => '', revoke() {} } });
  open.add(store);
  await store.start();
  await assert.rejects(store.enter('login', { username: 'a', password: 'wrong' }), { code: 'unauthenticated' });
  await assert.rejects(store.enter('register', { username: 'taken', password: 'long enough words' }), { code: 'conflict' });
  await assert.rejects(store.enter('register', { username: 'a', password: 'short' }), (error) => {
    assert.equal(error.code, 'invalid');
    assert.equal(error.reasons.length, 2);
    return true;
  });
});

test('typing_is_sent_sparingly_and_ends_by_itself', async () => {
  const { server, store, rooms } = await client();
  for (let i = 0; i < 10; i++) store.typing(rooms.maya, true);
  store.typing(rooms.maya, false);
  store.typing(rooms.maya, false);
  await until(() => server.frames.filter((frame) => frame.type === 'typing').length === 2);
  assert.deepEqual(server.frames.filter((frame) => frame.type === 'typing').map((frame) => frame.payload.is_typing), [true, false]);
  server.typing(rooms.maya, 2, true);
  await until(() => store.people.typing.value[rooms.maya]?.length === 1);
  server.incoming(rooms.maya, 2, 'done');
  await until(() => store.people.typing.value[rooms.maya]?.length === 0, 'a message ends it');
});

test('a_far_jump_loads_a_page_around_and_grows_both_ways_without_holes', async () => {
  const { server, store, rooms } = await client();
  await store.openConversation(rooms.team);
  assert.ok(await store.jumpTo(rooms.team, 120));
  const log = store.log(rooms.team);
  assert.ok(log.hasBefore && log.hasAfter);
  server.incoming(rooms.team, 2, 'not part of this range');
  await until(() => store.conv(rooms.team).last.content === 'not part of this range');
  assert.ok(!texts(store, rooms.team).includes('not part of this range'));
  while (log.hasAfter) await log.loadAfter();
  while (log.hasBefore) await log.loadBefore();
  assert.deepEqual(log.items.map((item) => item.seq), Array.from({ length: 301 }, (_, i) => i + 1));
});

test('the_token_is_renewed_before_it_ends_and_told_to_the_socket', async () => {
  // The long timer of the renewal runs a thousand times faster; the short ones of the link do not.
  const setTimeoutFast = (run, ms) => setTimeout(run, ms > 100_000 ? ms / 1000 : ms);
  const { server, store } = await client(seededServer(5), { setTimeout: setTimeoutFast });
  const first = store.session.token.value;
  const renewed = await until(() => server.frames.find((frame) => frame.type === 'refresh'));
  assert.notEqual(renewed.payload.token, first);
  assert.equal(renewed.payload.token, store.session.token.value);
});

test('a_token_that_the_server_refuses_is_renewed_once_and_the_request_repeated', async () => {
  const seeded = seededServer(5);
  const { server } = seeded;
  let refused = 0;
  const { fetch } = server.platform();
  const strict = async (url, init) => {
    if (String(url).includes('/api/sessions') && !refused++) return new Response('{"code":"unauthenticated"}', { status: 401 });
    return fetch(url, init);
  };
  const { store } = await client(seeded, { fetch: strict });
  assert.equal((await store.sessions()).length, 2);
  assert.equal(server.requests.filter((request) => request === 'POST /auth/refresh').length, 2);
});

test('a_deleted_message_disappears_from_the_quotes_of_it', async () => {
  const { server, store, rooms } = await client();
  await store.openConversation(rooms.maya);
  const quoted = store.rows(rooms.maya).find((row) => row.reply_to);
  server.change(rooms.maya, quoted.reply_to.seq, { deleted_at: new Date().toISOString(), content: '' });
  await until(() => store.log(rooms.maya).at(quoted.seq).reply_to.unavailable);
});

test('two_clients_of_one_person_send_each_message_once', async () => {
  // Tabs share the channel and the lock of their origin; here a common table stands in for the disk.
  const { IDBFactory } = await import('./indexeddb.mjs');
  const indexedDB = new IDBFactory();
  const seeded = seededServer(5);
  let held = null;
  const lock = (name, signal, run) => {
    if (!name.startsWith('chat-outbox')) return run();
    const before = held ?? Promise.resolve();
    const mine = before.then(run);
    held = mine;
    return mine;
  };
  const first = await client(seeded, { indexedDB, lock });
  const second = await client(seeded, { indexedDB, lock });
  const { server, rooms } = seeded;
  second.store.send(rooms.aisha, 'from the second');
  await until(() => server.rooms.get(rooms.aisha).messages.some((message) => message.content === 'from the second'));
  await until(() => !first.store.entries.value.length && !second.store.entries.value.length);
  assert.equal(server.frames.filter((frame) => frame.type === 'send_message').length, 1, 'one tab sends');
  server.setOnline(false);
  second.store.send(rooms.aisha, 'left behind');
  await until(() => first.store.entries.value.length === 1);
  open.delete(first.store);
  first.store.dispose();
  server.setOnline(true);
  second.store.wake();
  await until(() => server.rooms.get(rooms.aisha).messages.some((message) => message.content === 'left behind'), 'the second tab takes over');
});

test('reading_on_and_on_is_told_once_a_second_and_never_late', async () => {
  const { server, store, rooms } = await client();
  await store.openConversation(rooms.sofia);
  const before = server.rooms.get(rooms.sofia).messages.length;
  for (let i = 0; i < 30; i++) {
    server.incoming(rooms.sofia, 6, `line ${i}`);
    await until(() => store.rows(rooms.sofia).length === before + i + 1);
    store.seen(rooms.sofia);
  }
  const started = Date.now();
  await until(() => server.rooms.get(rooms.sofia).members.get(1).read_seq === before + 30);
  assert.ok(Date.now() - started < 1500);
  assert.ok(server.frames.filter((frame) => frame.type === 'message_read').length <= 3);
});

test('after_a_long_absence_a_line_stands_above_what_was_missed', async () => {
  const c = await client();
  const { server, store, rooms } = c;
  await store.openConversation(rooms.sofia);
  server.setOnline(false);
  await until(() => store.banner.value === 'offline', 'the banner');
  server.incoming(rooms.sofia, 6, 'missed one');
  server.incoming(rooms.sofia, 6, 'missed two');
  server.setOnline(true);
  store.wake();
  await until(() => store.rows(rooms.sofia).at(-1).content === 'missed two');
  const log = store.log(rooms.sofia);
  assert.equal(store.rows(rooms.sofia).find((row) => row.key === log.divider).content, 'missed one');
  assert.equal(log.dividerCount, 2);
});

test('nothing_counts_as_read_while_a_reset_is_being_repaired', async () => {
  const { server, store, rooms } = await client();
  await store.openConversation(rooms.sofia);
  const room = server.rooms.get(rooms.sofia);
  const before = room.messages.length;
  for (const word of ['seen', 'by', 'nobody']) server.incoming(rooms.sofia, 6, word);
  await until(() => store.rows(rooms.sofia).length === before + 3);
  for (let i = 0; i < 97; i++) server.write(room, 6, `while away ${i}`);
  server.latency = 20;
  server.tell('reset', { conversation_id: rooms.sofia, rev: room.rev, cursor: 0, first_seq: 1, last_seq: room.messages.length });
  await until(() => store.log(rooms.sofia).unproven);
  store.seen(rooms.sofia);
  await until(() => store.log(rooms.sofia).divider && store.opening.value === 0, 'the landing');
  assert.equal(store.log(rooms.sofia).at(before + 1).key, store.log(rooms.sofia).divider);
  assert.equal(store.log(rooms.sofia).dividerCount, 100);
  assert.equal(room.members.get(1).read_seq, before);
});
