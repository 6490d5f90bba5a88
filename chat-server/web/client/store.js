// The chat as one object: state in signals, actions as functions. Wires session, socket, outbox and the
// conversations together. Created per element, disposed with it; knows no DOM.
import { batch, computed, effect, signal } from '../vendor/signals-core.js';
import { createConversations } from './conversations.js';
import { ChatError, createHttp } from './http.js';
import { createOutbox } from './outbox.js';
import { createPeople } from './people.js';
import { createDrafts } from './drafts.js';
import { createSession } from './session.js';
import { createSocket } from './socket.js';
import { firstUnread, toPendingItem } from './timeline.js';

/** A typing notice is sent at most this often. */
const TYPING_EVERY_MS = 3000;
/** A shorter loss of the link is nobody's business. */
const BANNER_AFTER_MS = 3000;
/** Pictures of own messages stay at hand, so that the row does not flicker when the server's address comes. */
const MAX_LOCAL_MEDIA = 40;
const DEVICE_NAME_MAX = 60;

/**
 * @typedef {{name: string, blob: Blob, type: string, size: number, width?: number, height?: number}} Picked
 * @typedef {'' | 'offline' | 'back' | 'replaced' | 'protocol' | 'flood'} Banner
 */

/** @type {import('./wire').Limits} */
const DEFAULT_LIMITS = {
  message_chars: 16_384,
  message_bytes: 65_536,
  frame_bytes: 1_048_576,
  page: 200,
  group_members: 1000,
  receivers: 10_000,
  upload: { image: 10 << 20, video: 50 << 20, audio: 50 << 20, document: 20 << 20 },
};

/**
 * @param {object} options
 * @param {string} options.server address without a trailing slash; empty for the page's own
 * @param {string} options.origin of the page, to build the socket's address
 * @param {import('./types').Platform} options.platform
 * @param {() => Promise<string>} [options.tokenProvider]
 * @param {{url: (blob: Blob) => string, revoke: (url: string) => void}} options.blobs addresses for local files
 * @param {string} [options.deviceName]
 */
export function createStore({ server, origin, platform, tokenProvider, blobs, deviceName = '' }) {
  const session = createSession({ base: server, platform, tokenProvider });
  const http = createHttp({ base: server, fetch: platform.fetch, sendFile: platform.sendFile, token: session.get });
  const me = signal(/** @type {import('./wire').User | null} */ (null));
  const config = signal(/** @type {import('./wire').Config | null} */ (null));
  const limits = signal(DEFAULT_LIMITS);
  const open = signal(0);
  /** Conversation whose first page is on its way; it lands on the first unread message when this is 0 again. */
  const opening = signal(0);
  /** Somebody looks at this page: visible and focused. Set by the view. */
  const attention = signal(true);
  const banner = signal(/** @type {Banner} */ (''));
  const news = signal(/** @type {{conv: import('./types').Conv, message: import('./wire').Message} | null} */ (null));
  /** Row above which a long absence ended: where a reader goes on. */
  const missed = signal(/** @type {string | null} */ (null));
  const broadcasts = signal(/** @type {Record<number, import('./wire').Broadcast>} */ ({}));
  const slowDown = signal(0);
  /** Local pictures by row key. @type {Map<string, {url: string, name: string, type: string, size: number, width?: number, height?: number}[]>} */
  const localMedia = new Map();
  /** @type {Map<number, number>} */ const typedAt = new Map();
  /** @type {import('./outbox.js').Outbox | null} */ let outbox = null;
  const entries = signal(/** @type {import('./types').Entry[]} */ ([]));
  /** @type {any} */ let bannerTimer = null;
  let losing = false;
  let epoch = '';
  const deviceId = platform.uniqueId();
  const myId = () => me.value?.id ?? session.userId.value;

  const people = createPeople(platform, server, async (ids) => (await socket.request('watch_presence', { user_ids: ids })).users ?? []);
  const drafts = createDrafts(platform);

  const conversations = createConversations({
    platform,
    http,
    people,
    socket: () => socket,
    me: myId,
    open: () => open.value,
    onOwn: (clientId) => void outbox?.settle(clientId),
    onReset(id) {
      if (id === open.value && conversations.log(id).loaded) void conversations.refresh(id).then(() => land(id));
    },
    onNew(conv, message, live) {
      const log = conversations.log(conv.id);
      // A line above what came while nobody looked, or while the link was down for long.
      const unseen = !attention.value || (!live && banner.value !== '');
      if (conv.id === open.value && unseen && !log.divider) {
        log.setDivider(`m${message.id}`, 1);
        if (!live) missed.value = log.divider;
      } else if (log.divider) {
        log.dividerCount++;
      }
      if (live) news.value = { conv, message };
    },
  });

  const socket = createSocket({
    platform,
    url: `${(server || origin).replace(/^http/, 'ws')}/ws`,
    token: session.get,
    hello: () => ({ protocol: 2, device_id: deviceId, ...(epoch ? { epoch } : {}), ...conversations.have() }),
    onHello(ack) {
      epoch = ack.epoch;
      me.value = ack.user;
      limits.value = { ...DEFAULT_LIMITS, ...ack.limits };
      people.learn([ack.user]);
      startOutbox();
    },
    onFrame(frame) {
      if (frame.type === 'typing') people.setTyping(frame.payload);
      else if (frame.type === 'user_status') people.presence([frame.payload]);
      else if (frame.type === 'broadcast_progress') progress(frame.payload);
      else batch(() => conversations.handle(frame));
      if (frame.type === 'user_changed' && frame.payload.id === me.value?.id) me.value = { ...me.value, ...frame.payload };
    },
    onDown() {},
    onStop(reason) {
      if (reason === 'signed_out') session.end('expired');
      else if (reason === 'banned') session.end('banned');
    },
  });

  function startOutbox() {
    const account = `${server || origin}#${myId()}`;
    drafts.use(account);
    if (outbox) return;
    outbox = createOutbox({ account, platform, deliver, isUp: () => socket.state.value === 'up', onSlow: () => void slowDown.value++ });
    stops.push(effect(() => {
      entries.value = outbox?.entries.value ?? [];
    }));
  }

  /** @type {(() => void)[]} */
  const stops = [];
  stops.push(
    effect(() => {
      if (session.state.value === 'in') {
        void socket.connect();
      } else {
        socket.close();
      }
    }),
    effect(() => {
      const token = session.token.value;
      if (token && socket.state.peek() === 'up') socket.request('refresh', { token }).catch(() => {});
    }),
    effect(() => {
      const state = socket.state.value;
      if (state === 'up') {
        people.rewatch();
        outbox?.flush();
      }
      showBanner(state);
    }),
    effect(() => {
      // Whose presence the list shows; an open group adds its members.
      const ids = [...conversations.convs.value.values()].sort((a, b) => b.at - a.at).filter((conv) => conv.peer).map((conv) => conv.peer);
      people.watch('list', ids.slice(0, 200));
    }),
    effect(() => {
      const conv = conversations.convs.value.get(open.value);
      people.watch('open', conv?.kind === 'group' ? [...conv.members.keys()].slice(0, 100) : []);
    }),
  );

  /** @param {import('./socket.js').LinkState} state */
  function showBanner(state) {
    const lost = !['up', 'stopped', 'idle'].includes(state) && Boolean(me.peek());
    // Every attempt to come back changes the state; only the loss itself starts the clock.
    if (lost && losing) return;
    losing = lost;
    platform.clearTimeout(bannerTimer);
    if (state === 'stopped') {
      const why = socket.stopped.peek();
      banner.value = why === 'replaced' || why === 'protocol' || why === 'flood' ? why : '';
    } else if (state === 'up') {
      banner.value = banner.peek() === 'offline' ? 'back' : '';
      if (banner.peek() === 'back') bannerTimer = platform.setTimeout(() => (banner.value = ''), 2000);
    } else if (lost) {
      bannerTimer = platform.setTimeout(() => (banner.value = 'offline'), banner.peek() === 'offline' ? 0 : BANNER_AFTER_MS);
    }
  }

  /** @param {import('./wire').ServerPayloads['broadcast_progress']} now */
  function progress({ broadcast_id, ...rest }) {
    broadcasts.value = { ...broadcasts.value, [broadcast_id]: { ...rest, id: broadcast_id } };
  }

  // --- sending ------------------------------------------------------------------------------------------------

  /** @type {Parameters<typeof createOutbox>[0]['deliver']} */
  async function deliver(entry, onProgress, onUploaded) {
    for (const [i, file] of entry.files.entries()) {
      if (file.media_id) continue;
      onProgress(0);
      const stored = await http.upload(file.blob, { name: file.name, key: `${entry.key}-${i}`, onProgress });
      file.media_id = stored.id;
      await onUploaded();
    }
    onProgress(undefined);
    const ack = await socket.request('send_message', {
      conversation_id: entry.conversation_id,
      message: entry.content,
      client_id: entry.key,
      ...(entry.files.length ? { attachments: entry.files.map((file) => file.media_id) } : {}),
      ...(entry.reply_to ? { reply_to: entry.reply_to.id } : {}),
    });
    batch(() => conversations.applyMessage(ack.message));
  }

  /** @param {string} key @param {readonly Picked[]} files */
  function keepMedia(key, files) {
    localMedia.set(key, files.map(({ blob, ...rest }) => ({ ...rest, url: blobs.url(blob) })));
    for (const [old, list] of localMedia) {
      if (localMedia.size <= MAX_LOCAL_MEDIA) break;
      for (const { url } of list) blobs.revoke(url);
      localMedia.delete(old);
    }
  }

  /**
   * Puts a message on its way; it is on screen when this returns.
   * @param {number} id @param {string} content
   * @param {{reply?: import('./timeline.js').Item | null, files?: readonly Picked[]}} [more]
   */
  function send(id, content, { reply, files = [] } = {}) {
    if (!outbox) throw new ChatError('offline');
    if (!outbox.hasRoom(files.reduce((sum, file) => sum + file.size, 0))) throw new ChatError('outbox_full');
    const key = platform.uniqueId();
    if (files.length) keepMedia(key, files);
    batch(() => {
      conversations.log(id).setDivider(null, 0);
      void outbox?.add({
        key,
        conversation_id: id,
        content,
        files: files.map((file) => ({ ...file })),
        created_at: platform.now(),
        ...(reply ? { reply_to: { id: reply.id, seq: reply.seq, sender_id: reply.sender_id, content: reply.content } } : {}),
      });
    });
    if (conversations.log(id).hasAfter) void conversations.log(id).loadLatest();
  }

  /** Local files of a row, also of one that an earlier page left in the outbox. @param {import('./timeline.js').Item} item */
  function mediaOf(item) {
    if (!localMedia.has(item.key) && item.entry?.files.length) keepMedia(item.key, item.entry.files);
    return localMedia.get(item.key);
  }

  // --- conversations ------------------------------------------------------------------------------------------

  /** The rows of a conversation: what the server has, then what it does not have yet. @param {number} id */
  function rows(id) {
    const log = conversations.log(id);
    log.version.value;
    const items = log.items;
    if (log.hasAfter || !log.loaded) return items;
    const here = new Set(items.slice(-100).map((item) => item.key));
    const pending = entries.value.filter((entry) => entry.conversation_id === id && !here.has(entry.key));
    return pending.length ? [...items, ...pending.map((entry) => toPendingItem(entry, myId()))] : items;
  }

  /** @param {number} id */
  async function reload(id) {
    const conv = conversations.get(id);
    const log = conversations.log(id);
    const readSeq = conv?.me?.read_seq ?? 0;
    const far = conv !== undefined && conv.unread > 0 && conv.lastSeq - readSeq > 40;
    return far ? log.loadAround(readSeq + 1) : log.loadLatest();
  }

  /** @param {number} id 0 closes */
  async function openConversation(id) {
    const before = open.peek();
    if (before === id) return;
    batch(() => {
      if (before) {
        const left = conversations.get(before);
        conversations.log(before).setDivider(null, 0);
        socket.post('close_conversation', { conversation_id: before });
        open.value = 0;
        if (left?.gone) conversations.gone(before);
      }
      open.value = id;
      opening.value = id;
    });
    missed.value = null;
    if (!id) return;
    socket.post('open_conversation', { conversation_id: id });
    await land(id);
  }

  /** Shows a conversation from the first unread message on, with what is needed for that. @param {number} id */
  async function land(id) {
    if (open.peek() !== id) return;
    opening.value = id;
    const log = conversations.log(id);
    const conv = conversations.get(id);
    const unread = conv?.unread ?? 0;
    const readSeq = conv?.me?.read_seq ?? 0;
    // A range that does not reach from the first unread message to the end is of no use for landing.
    const covers = log.loaded && !log.unproven && !log.hasAfter && (log.items[0]?.seq ?? 0) <= readSeq + 1;
    if (!log.loaded || log.unproven || (unread > 0 && !covers)) await reload(id);
    if (open.peek() !== id) return;
    const first = unread > 0 ? firstUnread(log.items, readSeq, myId()) : undefined;
    batch(() => {
      if (first) log.setDivider(first.key, unread);
      opening.value = 0;
    });
  }

  /** The direct conversation with somebody, made if need be. @param {number} userId @returns {Promise<number>} */
  async function directWith(userId) {
    const conversation = await http.post('/conversations', { kind: 'direct', user_id: userId });
    batch(() => conversations.apply(conversation));
    return conversation.id;
  }

  /** @param {string} text @returns {Promise<import('./types').Person[]>} */
  async function findPeople(text) {
    const answer = await http.get(text ? `/users?q=${encodeURIComponent(text)}&limit=50` : '/users?limit=200');
    const users = /** @type {import('./wire').User[]} */ (Array.isArray(answer) ? answer : answer.users);
    people.learn(users);
    return users.map((user) => /** @type {import('./types').Person} */ (people.get(user.id))).filter((person) => person.id !== myId());
  }

  const visible = computed(() => {
    const waiting = new Set(entries.value.map((entry) => entry.conversation_id));
    return [...conversations.convs.value.values()]
      .filter((conv) => conv.kind === 'group' || conv.lastSeq > 0 || conv.id === open.value || waiting.has(conv.id) || drafts.all.value[conv.id])
      .map((conv) => ({ conv, pending: entries.value.findLast((entry) => entry.conversation_id === conv.id) }))
      .sort((a, b) => Math.max(b.conv.at, b.pending?.created_at ?? 0) - Math.max(a.conv.at, a.pending?.created_at ?? 0));
  });

  return {
    session,
    me,
    myId,
    config,
    limits,
    open,
    opening,
    missed,
    settled: conversations.settled,
    attention,
    banner,
    news,
    people,
    drafts,
    broadcasts,
    slowDown,
    link: socket.state,
    convs: conversations.convs,
    loaded: conversations.loaded,
    /** Conversations for the list, newest activity first, each with its newest unsent message. */
    visible,
    totalUnread: computed(() => [...conversations.convs.value.values()].reduce((sum, conv) => sum + conv.unread, 0)),
    entries,
    conv: conversations.get,
    log: conversations.log,
    rows,
    mediaOf,

    async start() {
      await Promise.all([
        session.start(),
        http.request('GET', '/config', { auth: false }).then((answer) => {
          config.value = answer;
          limits.value = { ...DEFAULT_LIMITS, ...answer.limits };
        }).catch(() => {}),
      ]);
    },
    /** @param {'login' | 'register'} how @param {{username: string, password: string, invite?: string}} credentials */
    enter: (how, credentials) => session.enter(how, { ...credentials, device_name: deviceName.slice(0, DEVICE_NAME_MAX) || undefined }),
    async logOut() {
      await outbox?.clear();
      drafts.clear();
      await session.logOut();
    },
    /** Tries the link now: the network came back, or somebody looks again. */
    wake: () => socket.kick(),
    resume: () => socket.resume(),

    openConversation,
    directWith,
    findPeople,
    /** Everything on screen was seen. @param {number} id */
    seen: (id) => batch(() => conversations.read(id)),
    /** @param {number} id @param {number} seq */
    async jumpTo(id, seq) {
      const log = conversations.log(id);
      return log.at(seq) !== undefined || ((await log.loadAround(seq)) && log.at(seq) !== undefined);
    },
    reload,
    refresh: conversations.refresh,
    loadMembers: conversations.loadMembers,

    send,
    /** @param {string} key */
    retry: (key) => outbox?.retry(key),
    /** @param {string} key */
    discard: (key) => outbox?.discard(key),
    /** @param {import('./timeline.js').Item} item @param {string} content */
    async edit(item, content) {
      const message = await http.patch(`/messages/${item.id}`, { message: content, base_rev: item.rev });
      batch(() => conversations.applyMessage(message));
    },
    /** @param {import('./timeline.js').Item} item */
    async remove(item) {
      const message = await http.delete(`/messages/${item.id}`);
      batch(() => conversations.applyMessage(message));
    },
    /** @param {number} id @param {boolean} isTyping */
    typing(id, isTyping) {
      const last = typedAt.get(id) ?? 0;
      if (isTyping ? platform.now() - last < TYPING_EVERY_MS : !last) return;
      if (isTyping) typedAt.set(id, platform.now());
      else typedAt.delete(id);
      socket.post('typing', { conversation_id: id, is_typing: isTyping });
    },

    /** @param {string} title @param {readonly number[]} memberIds */
    async createGroup(title, memberIds) {
      const conversation = await http.post('/conversations', { kind: 'group', title, member_ids: memberIds });
      batch(() => conversations.apply(conversation));
      return /** @type {number} */ (conversation.id);
    },
    /** @param {number} id @param {string} title */
    async rename(id, title) {
      conversations.apply(await http.patch(`/conversations/${id}`, { title }));
    },
    /** @param {number} id @param {readonly number[]} userIds */
    async addMembers(id, userIds) {
      const answer = await http.post(`/conversations/${id}/members`, { user_ids: userIds });
      batch(() => answer.members.forEach(conversations.applyMember));
    },
    /** @param {number} id @param {number} userId */
    async removeMember(id, userId) {
      await http.delete(`/conversations/${id}/members/${userId}`);
      if (userId === myId()) {
        if (open.value === id) await openConversation(0);
        conversations.gone(id);
      }
    },
    /** @param {number} id @param {number} userId @param {import('./wire').Role} role */
    async setRole(id, userId, role) {
      conversations.applyMember(await http.patch(`/conversations/${id}/members/${userId}`, { role }));
    },
    /** @param {number} id */
    async deleteGroup(id) {
      await http.delete(`/conversations/${id}`);
      if (open.value === id) await openConversation(0);
      conversations.gone(id);
    },

    /**
     * The same message to many, one by one. The key makes a repeat of the call harmless.
     * @param {{key: string, receivers: readonly number[], content: string, file?: Picked, onProgress?: (part: number) => void}} what
     * @returns {Promise<number>} the broadcast's id
     */
    async broadcast({ key, receivers, content, file, onProgress }) {
      const stored = file && (await http.upload(file.blob, { name: file.name, key: `${key}-0`, onProgress }));
      const answer = await http.post('/broadcasts', {
        receiver_ids: receivers, message: content, client_id: key, ...(stored ? { media_url: stored.url } : {}),
      });
      const done = answer.messages?.length ?? 0;
      progress({ broadcast_id: answer.broadcast_id, state: answer.messages ? 'done' : 'running', total: receivers.length, done, failed: 0 });
      batch(() => answer.messages?.forEach((/** @type {import('./wire').Message} */ message) => conversations.applyMessage(message)));
      return answer.broadcast_id;
    },
    newKey: () => platform.uniqueId(),
    /** Today's address of a stored file. @param {number} id @returns {Promise<string>} */
    freshAddress: async (id) => (await http.get(`/media/${id}`)).url,

    /** @param {{display_name?: string, avatar_media_id?: number}} profile */
    async saveProfile(profile) {
      const user = await http.patch('/users/me', profile);
      me.value = { .../** @type {any} */ (me.value), ...user };
      people.learn([user]);
    },
    /** @param {Picked} file */
    uploadAvatar: (file) => http.upload(file.blob, { name: file.name, key: platform.uniqueId() }),
    /** @param {'online' | 'away'} status */
    async setStatus(status) {
      await socket.request('set_status', { status });
      if (me.value) {
        me.value = { ...me.value, status };
        people.learn([me.value]);
      }
    },
    /** @param {string} before @param {string} after */
    changePassword: (before, after) => http.post('/auth/password', { old_password: before, new_password: after }),
    /** @returns {Promise<import('./wire').AccountSession[]>} */
    sessions: async () => (await http.get('/sessions')).sessions,
    /** @param {number | string} id */
    endSession: (id) => http.delete(`/sessions/${id}`),

    dispose() {
      for (const stop of stops) stop();
      platform.clearTimeout(bannerTimer);
      socket.close();
      outbox?.dispose();
      conversations.dispose();
      people.dispose();
      drafts.dispose();
      session.dispose();
      for (const list of localMedia.values()) for (const { url } of list) blobs.revoke(url);
    },
  };
}
/** @typedef {ReturnType<typeof createStore>} Store */
