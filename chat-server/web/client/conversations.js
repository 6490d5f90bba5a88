// The conversations of the signed-in person, kept equal to the store by the frames of one connection at a time.
// Applies whole states; the numbers that say what is missing live in `revs.js`.
import { signal } from '../vendor/signals-core.js';
import { toChatError } from './http.js';
import { Log } from './log.js';
import { Revs, revOf } from './revs.js';
/** @typedef {import('./types').Conv} Conv */

const DELIVERED_MS = 250;
const READ_MS = 1000;
/** How many conversations a `hello` may list. */
const MAX_HAVE = 1000;
const FETCH_LIMIT = 200;
const REFETCH_MS = 2000;

/**
 * @param {object} options
 * @param {import('./types').Platform} options.platform
 * @param {import('./http.js').Http} options.http
 * @param {() => import('./socket.js').Socket} options.socket
 * @param {import('./people.js').People} options.people
 * @param {() => number} options.me
 * @param {() => number} options.open id of the conversation on screen, or 0
 * @param {(id: number) => void} options.onReset what is shown of a conversation is unproven
 * @param {(clientId: string) => void} options.onOwn a message of this person reached the store
 * @param {(conv: Conv, message: import('./wire').Message, live: boolean) => void} options.onNew somebody else's message; not `live`: it was missed
 */
export function createConversations({ platform, http, socket, people, me, open, onReset, onOwn, onNew }) {
  const convs = signal(/** @type {ReadonlyMap<number, Conv>} */ (new Map()));
  /** @type {Map<number, Revs>} */ const revs = new Map();
  /** @type {Map<number, Log>} */ const logs = new Map();
  /**
   * Unread messages: what the server counted up to `upTo`, and the seqs of those that came since.
   * @type {Map<number, {base: number, upTo: number, since: Set<number>}>}
   */
  const unread = new Map();
  /** Conversations whose numbers were reset: the next snapshot replaces them. @type {Set<number>} */ const unproven = new Set();
  /** @type {Map<number, Promise<void>>} */ const refreshing = new Map();
  /** @type {Map<string, {seq: number, timer: any}>} */ const cursors = new Map();
  /** @type {Map<number, number>} */ const readSentAt = new Map();
  let userRev = 0;
  /** Whether the server has told all that was missed. Until then nothing counts as read. */
  const settled = signal(false);
  let listReset = false;
  const loaded = signal(false);

  const get = (/** @type {number} */ id) => convs.value.get(id);

  /** @param {number} id @param {Partial<Conv>} change */
  function patch(id, change) {
    const old = get(id);
    if (old) convs.value = new Map(convs.value).set(id, { ...old, ...change });
  }

  function drop(/** @type {number} */ id) {
    revs.get(id)?.dispose();
    revs.delete(id);
    logs.delete(id);
    unread.delete(id);
    const next = new Map(convs.value);
    if (next.delete(id)) convs.value = next;
  }

  /** @param {number} id */
  function log(id) {
    let found = logs.get(id);
    if (!found) {
      found = new Log(me(), async (query) => {
        const page = await http.get(`/conversations/${id}/messages?${query}`);
        people.learn(page.users ?? []);
        return page;
      });
      logs.set(id, found);
    }
    return found;
  }

  // --- whole states -------------------------------------------------------------------------------------------

  /** @param {import('./wire').Conversation} payload */
  function applyConversation(payload) {
    const { id } = payload;
    const known = revs.get(id);
    const replace = unproven.has(id) && payload.me !== undefined;
    if (replace) unproven.delete(id);
    const old = replace ? undefined : get(id);
    if (!old && !payload.me) return void refresh(id);
    const newer = !old || payload.rev >= old.metaRev;
    const members = new Map(old?.members);
    for (const member of payload.members ?? []) mergeMember(members, member);
    people.learn((payload.members ?? []).map((member) => member.user));
    const mine = newerMembership(old?.me, payload.me);
    /** @type {Conv} */
    const next = {
      id,
      kind: payload.kind,
      title: newer ? (payload.title ?? '') : (old?.title ?? ''),
      peer: payload.kind === 'direct' ? ([...members.keys()].find((user) => user !== me()) ?? me()) : 0,
      metaRev: Math.max(payload.rev, old?.metaRev ?? 0),
      memberCount: newer ? payload.member_count : (old?.memberCount ?? 0),
      members,
      complete: payload.members !== undefined || (old?.complete ?? false),
      me: mine,
      lastSeq: Math.max(payload.me ? payload.last_seq : 0, old?.lastSeq ?? 0),
      cursor: old?.cursor ?? payload.last_cursor ?? 0,
      unread: old?.unread ?? 0,
      last: old?.last,
      at: Math.max(old?.at ?? 0, Date.parse(payload.last_message?.created_at ?? payload.created_at) || 0),
      gone: mine?.left_at !== undefined,
    };
    if (next.gone && open() !== id) return drop(id);
    const rejoined = old?.gone && !next.gone;
    if (rejoined) logs.get(id)?.reset();
    if (payload.last_message && (!next.last || payload.last_message.rev >= next.last.rev)) next.last = payload.last_message;
    convs.value = new Map(convs.value).set(id, next);
    if (!known || rejoined) {
      known?.dispose();
      revs.set(id, track(id, payload.last_rev, settled.peek()));
    }
    if (rejoined) onReset(id);
    if (payload.unread !== undefined && payload.last_rev >= (revs.get(id)?.known ?? 0)) {
      unread.set(id, { base: payload.unread, upTo: payload.last_seq, since: new Set() });
      recount(id);
    }
    if (payload.last_message && payload.last_message.sender_id !== me()) delivered(id, payload.last_message.seq);
    advanceUserRev(payload.me?.user_rev);
  }

  /** @param {import('./wire').OwnMembership | undefined} old @param {import('./wire').OwnMembership | undefined} now */
  function newerMembership(old, now) {
    if (!old || !now) return now ?? old;
    const base = now.rev >= old.rev ? now : old;
    return { ...base, delivered_seq: Math.max(old.delivered_seq, now.delivered_seq), read_seq: Math.max(old.read_seq, now.read_seq) };
  }

  /** @param {Map<number, import('./wire').Member>} members @param {import('./wire').Member} member */
  function mergeMember(members, member) {
    const old = members.get(member.user.id);
    if (member.left_at) return void members.delete(member.user.id);
    const base = !old || member.rev >= old.rev ? member : old;
    members.set(member.user.id, {
      ...base,
      delivered_seq: Math.max(member.delivered_seq, old?.delivered_seq ?? 0),
      read_seq: Math.max(member.read_seq, old?.read_seq ?? 0),
    });
  }

  /** @param {import('./wire').Member} member */
  function applyMember(member) {
    const conv = get(member.conversation_id);
    if (!conv) return void refresh(member.conversation_id);
    people.learn([member.user]);
    const members = new Map(conv.members);
    const had = members.has(member.user.id);
    mergeMember(members, member);
    const has = members.has(member.user.id);
    /** @type {Partial<Conv>} */ const change = { members };
    if (conv.complete) change.memberCount = members.size;
    else change.memberCount = conv.memberCount + Number(has && !had) - Number(member.left_at !== undefined);
    if (member.user.id === me() && conv.me && member.rev >= conv.me.rev) {
      change.me = { ...conv.me, role: member.role, rev: member.rev, left_at: member.left_at };
      change.gone = member.left_at !== undefined;
    }
    patch(conv.id, change);
  }

  /** @param {import('./wire').Message} message @param {boolean} [live] */
  function applyMessage(message, live = false) {
    const id = message.conversation_id;
    const conv = get(id);
    if (!conv) return void refresh(id);
    const mine = message.sender_id === me();
    const isNew = message.seq > conv.lastSeq;
    const before = logs.get(id)?.at(message.seq);
    log(id).put(message);
    if (mine && message.client_id) onOwn(message.client_id);
    people.stopTyping(id, message.sender_id);

    /** @type {Partial<Conv>} */ const change = {};
    if (isNew) {
      change.lastSeq = message.seq;
      change.at = Math.max(conv.at, Date.parse(message.created_at));
    }
    if (!conv.last || message.seq > conv.last.seq || (message.seq === conv.last.seq && message.rev >= conv.last.rev)) change.last = message;
    patch(id, change);

    if (mine) return;
    const count = unread.get(id) ?? { base: 0, upTo: conv.lastSeq, since: new Set() };
    unread.set(id, count);
    if (message.seq > count.upTo) {
      if (message.deleted_at || message.seq <= (conv.me?.read_seq ?? 0)) count.since.delete(message.seq);
      else count.since.add(message.seq);
    } else if (message.deleted_at && message.seq > (conv.me?.read_seq ?? 0)) {
      if (!before) void refresh(id); // whether it was counted is not known here
      else if (!before.deleted_at) count.base = Math.max(0, count.base - 1);
    }
    recount(id);
    delivered(id, message.seq);
    if (isNew && !message.deleted_at) onNew(/** @type {Conv} */ (get(id)), message, live);
  }

  /** @param {number} id */
  function recount(id) {
    const conv = get(id);
    const count = unread.get(id);
    if (!conv || !count) return;
    const total = conv.gone || (conv.me?.read_seq ?? 0) >= conv.lastSeq ? 0 : count.base + count.since.size;
    if (total !== conv.unread) patch(id, { unread: total });
  }

  // --- receipts -----------------------------------------------------------------------------------------------

  /**
   * Moves a member's cursors; they never go back, and read implies delivered.
   * @param {number} id @param {number} user @param {number} deliveredSeq @param {number} readSeq
   */
  function moveCursor(id, user, deliveredSeq, readSeq) {
    const conv = get(id);
    if (!conv) return;
    /** @type {Partial<Conv>} */ const change = {};
    const member = conv.members.get(user);
    const to = { delivered_seq: Math.max(deliveredSeq, readSeq), read_seq: readSeq };
    if (member && (to.delivered_seq > member.delivered_seq || to.read_seq > member.read_seq)) {
      change.members = new Map(conv.members).set(user, {
        ...member,
        delivered_seq: Math.max(member.delivered_seq, to.delivered_seq),
        read_seq: Math.max(member.read_seq, to.read_seq),
      });
    }
    const readBefore = conv.me?.read_seq ?? 0;
    if (user === me() && conv.me) {
      change.me = {
        ...conv.me,
        delivered_seq: Math.max(conv.me.delivered_seq, to.delivered_seq),
        read_seq: Math.max(readBefore, to.read_seq),
      };
    }
    if (Object.keys(change).length) patch(id, change);
    if (user === me() && to.read_seq > readBefore) readUpTo(id, to.read_seq);
  }

  /** @param {number} id @param {number} seq */
  function readUpTo(id, seq) {
    const count = unread.get(id);
    const conv = get(id);
    if (!count || !conv) return;
    for (const one of count.since) if (one <= seq) count.since.delete(one);
    if (seq >= count.upTo) count.base = 0;
    else if (seq < conv.lastSeq && count.base) void refresh(id); // part of what the server counted is read now
    recount(id);
  }

  /** Numbers of receipts have no holes either; a lost one is told again by the next `hello`. @param {number} id @param {number} cursor */
  function advanceCursor(id, cursor) {
    const conv = get(id);
    if (conv && cursor === conv.cursor + 1) patch(id, { cursor });
  }

  /** @param {'message_delivered' | 'message_read'} type @param {number} id @param {number} seq @param {number} ms */
  function sendCursor(type, id, seq, ms) {
    const key = `${type}/${id}`;
    const waiting = cursors.get(key);
    if (waiting) {
      waiting.seq = Math.max(waiting.seq, seq);
      return;
    }
    const entry = { seq, timer: platform.setTimeout(() => {
      cursors.delete(key);
      // When the link is down the next `hello` carries the cursor.
      socket().post(type, { conversation_id: id, seq: entry.seq });
    }, ms) };
    cursors.set(key, entry);
  }

  /** This device has everything up to `seq`. @param {number} id @param {number} seq */
  function delivered(id, seq) {
    const conv = get(id);
    if (!conv?.me || conv.gone || seq <= conv.me.delivered_seq) return;
    patch(id, { me: { ...conv.me, delivered_seq: seq } });
    sendCursor('message_delivered', id, seq, DELIVERED_MS);
  }

  /** A person has seen everything up to the end. @param {number} id */
  function read(id) {
    const conv = get(id);
    const shown = logs.get(id);
    // What is not proven, or does not reach to the end, says nothing about the end.
    const seq = shown && !shown.unproven && !shown.hasAfter ? (shown.items.at(-1)?.seq ?? 0) : 0;
    if (!settled.peek() || !conv?.me || conv.gone || seq <= conv.me.read_seq) return;
    moveCursor(id, me(), seq, seq);
    const now = platform.now();
    const wait = Math.max(0, (readSentAt.get(id) ?? 0) + READ_MS - now);
    if (!cursors.has(`message_read/${id}`)) readSentAt.set(id, now + wait);
    sendCursor('message_read', id, seq, wait);
  }

  // --- numbers ------------------------------------------------------------------------------------------------

  /** @param {number} id @param {number} known @param {boolean} live */
  function track(id, known, live) {
    /** @type {Revs} */
    const tracked = new Revs({
      known,
      live,
      platform,
      apply: (change) => applyChange(change, tracked.isLive),
      fetch: (after_rev) => socket().request('fetch', { conversation_id: id, after_rev, limit: FETCH_LIMIT }),
      onReset: (to) => resetConversation(id, to),
      onFailure(thrown) {
        const error = toChatError(thrown);
        if (error.code === 'not_found') return gone(id);
        if (error.code === 'offline') return;
        platform.setTimeout(() => void tracked.fetch(), Math.max(REFETCH_MS, error.retryAfterMs ?? 0));
      },
    });
    return tracked;
  }

  /** @param {import('./wire').Change} change @param {boolean} live */
  function applyChange(change, live) {
    switch (change.type) {
      case 'receive_message':
      case 'message_updated':
        return applyMessage(change.payload, live);
      case 'member_changed':
        return applyMember(change.payload);
      case 'conversation_changed':
        return applyConversation(change.payload);
    }
  }

  /** A change that took a number. @param {import('./wire').Change} change @param {number} id */
  function accept(change, id) {
    const tracked = revs.get(id);
    if (tracked) tracked.accept(change, revOf(change));
    else void refresh(id);
  }

  /** @param {number} id @param {{rev: number, cursor?: number, first_seq?: number, last_seq?: number}} to */
  function resetConversation(id, to) {
    unproven.add(id);
    logs.get(id)?.reset();
    unread.delete(id);
    patch(id, { lastSeq: to.last_seq ?? 0, cursor: to.cursor ?? 0, last: undefined, unread: 0 });
    // After a reset of the list one reading of the list replaces hundreds of single ones.
    if (!listReset) void refresh(id);
    onReset(id);
  }

  /** @param {number} id */
  function gone(id) {
    if (!get(id)) return;
    revs.get(id)?.dispose();
    revs.delete(id);
    if (open() === id) patch(id, { gone: true, unread: 0 });
    else drop(id);
  }

  /** @param {number} [to] */
  function advanceUserRev(to) {
    if (settled.peek() && to === userRev + 1) userRev = to;
  }

  /** Reads a conversation's state anew. @param {number} id @returns {Promise<void>} */
  function refresh(id) {
    let running = refreshing.get(id);
    if (!running) {
      running = (async () => {
        try {
          applyConversation(await http.get(`/conversations/${id}`));
        } catch (thrown) {
          const error = toChatError(thrown);
          if (error.code === 'not_found') gone(id);
          else if (error.code !== 'unauthenticated') platform.setTimeout(() => void refresh(id), REFETCH_MS);
        } finally {
          refreshing.delete(id);
        }
      })();
      refreshing.set(id, running);
    }
    return running;
  }

  /** The rest of a long list, or all of it after a reset. @param {boolean} replace */
  async function loadList(replace) {
    const seen = new Set();
    let cursor = '';
    do {
      const query = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
      const page = await http.get(`/conversations?limit=100${query}`);
      for (const conversation of page.conversations) {
        seen.add(conversation.id);
        if (replace || !convs.value.has(conversation.id)) applyConversation(conversation);
      }
      cursor = page.next_cursor ?? '';
    } while (cursor && seen.size < MAX_HAVE);
    if (replace && !cursor) for (const id of convs.value.keys()) if (!seen.has(id)) gone(id);
  }

  // --- frames -------------------------------------------------------------------------------------------------

  /** @param {import('./wire').ServerFrame} frame */
  function handle(frame) {
    switch (frame.type) {
      case 'receive_message':
      case 'message_updated':
      case 'member_changed':
        return accept(frame, frame.payload.conversation_id);
      case 'conversation_changed':
        // Made for this reader it is a snapshot; else one change among the others.
        return frame.payload.me ? applyConversation(frame.payload) : accept(frame, frame.payload.id);
      case 'status_change': {
        const { conversation_id: id, user_id, seq, status, cursor } = frame.payload;
        moveCursor(id, user_id, seq, status === 'read' ? seq : 0);
        return advanceCursor(id, cursor);
      }
      case 'cursors': {
        const { conversation_id: id, cursor, members } = frame.payload;
        for (const member of members) moveCursor(id, member.user_id, member.delivered_seq, member.read_seq);
        if (get(id)) patch(id, { cursor: Math.max(cursor, get(id)?.cursor ?? 0) });
        return;
      }
      case 'live':
        return revs.get(frame.payload.conversation_id)?.live(frame.payload.from, frame.payload.rev);
      case 'dirty': {
        const tracked = revs.get(frame.payload.conversation_id);
        return tracked ? tracked.dirty(frame.payload.rev) : void refresh(frame.payload.conversation_id);
      }
      case 'reset': {
        const { conversation_id: id, rev = 0 } = frame.payload;
        if (id === undefined) {
          listReset = convs.value.size > 0;
          userRev = frame.payload.user_rev ?? 0;
          return;
        }
        const tracked = revs.get(id);
        return tracked ? tracked.reset({ ...frame.payload, rev }) : void refresh(id);
      }
      case 'gone':
        gone(frame.payload.conversation_id);
        return advanceUserRev(frame.payload.user_rev);
      case 'user_changed':
        people.learn([frame.payload]);
        return advanceUserRev(frame.payload.user_rev);
      case 'ready': {
        userRev = frame.payload.user_rev;
        for (const tracked of revs.values()) tracked.unchanged();
        if (listReset || frame.payload.more) void loadList(listReset).catch(() => {});
        listReset = false;
        loaded.value = true;
        settled.value = true;
        return;
      }
    }
  }

  return {
    convs,
    /** Whether the list has been told once. */
    loaded,
    settled,
    get,
    log,
    handle,
    refresh,
    read,
    apply: applyConversation,
    applyMessage,
    applyMember,
    gone,
    /** What this client has, for `hello`; the conversation on screen first. */
    have() {
      settled.value = false;
      for (const tracked of revs.values()) tracked.catchUp();
      const list = [...convs.value.values()].filter((conv) => !conv.gone && revs.has(conv.id));
      list.sort((a, b) => Number(b.id === open()) - Number(a.id === open()) || b.at - a.at);
      /** @type {import('./wire').Have[]} */
      const have = list.slice(0, MAX_HAVE).map((conv) => ({
        conversation_id: conv.id,
        rev: revs.get(conv.id)?.known ?? 0,
        cursor: conv.cursor,
        read_seq: conv.me?.read_seq ?? 0,
        delivered_seq: conv.me?.delivered_seq ?? 0,
      }));
      return loaded.value ? { user_rev: userRev, have } : {};
    },
    /** All members of a conversation whose list did not come whole. @param {number} id */
    async loadMembers(id) {
      const members = new Map();
      let cursor = '';
      do {
        const page = await http.get(`/conversations/${id}/members?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
        for (const member of page.members) mergeMember(members, member);
        cursor = page.next_cursor ?? '';
      } while (cursor);
      people.learn([...members.values()].map((member) => member.user));
      patch(id, { members, complete: true, memberCount: members.size });
    },
    dispose() {
      for (const tracked of revs.values()) tracked.dispose();
      for (const { timer } of cursors.values()) platform.clearTimeout(timer);
    },
  };
}
/** @typedef {ReturnType<typeof createConversations>} Conversations */

/**
 * The tick of an own message: the least that any other member has confirmed.
 * @param {Conv} conv @param {import('./timeline.js').Item} item @param {number} me
 * @returns {'queued' | 'sending' | 'failed' | 'held' | 'sent' | 'delivered' | 'read'}
 */
export function tick(conv, item, me) {
  if (item.entry) return item.entry.state;
  if (!conv.complete) return item.status;
  const { delivered, read } = confirmed(conv, me);
  if (item.seq <= read) return 'read';
  return item.seq <= delivered ? 'delivered' : 'sent';
}

/** @type {WeakMap<ReadonlyMap<number, import('./wire').Member>, {delivered: number, read: number}>} */
const confirmedBy = new WeakMap();

/** @param {Conv} conv @param {number} me */
function confirmed(conv, me) {
  let found = confirmedBy.get(conv.members);
  if (!found) {
    found = { delivered: Infinity, read: Infinity };
    for (const [user, member] of conv.members) {
      if (user === me) continue;
      found.delivered = Math.min(found.delivered, member.delivered_seq);
      found.read = Math.min(found.read, member.read_seq);
    }
    if (found.read === Infinity) found = { delivered: 0, read: 0 };
    confirmedBy.set(conv.members, found);
  }
  return found;
}
