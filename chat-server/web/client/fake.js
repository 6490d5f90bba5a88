// A chat server in memory, behind the same `fetch` and `WebSocket` as the real one: for UI tests and demonstrations.
// It follows the protocol (seq, rev, cursors, hello, live, fetch), so that the client under test is the real client.
import { browserPlatform } from './platform.js';

/**
 * @typedef {import('./wire').Message} Message
 * @typedef {{id: number, kind: 'direct' | 'group', title?: string, rev: number, metaRev: number, cursor: number, memberRev: number,
 *   created: number, messages: Message[], members: Map<number, import('./wire').Member>, changes: {rev: number, type: string, payload: any}[]}} Room
 */

const ME = 1;
const EPOCH = 'fake-epoch';
const iso = (/** @type {number} */ at) => new Date(at).toISOString();

/** @param {number} status @param {unknown} [body] */
const json = (status, body) =>
  new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { 'content-type': 'application/json', date: new Date().toUTCString() } });
const refuse = (/** @type {number} */ status, /** @type {string} */ code, /** @type {string} */ detail, more = {}) => json(status, { code, detail, error: detail, ...more });

export class FakeServer {
  /** Milliseconds until an answer leaves. */
  latency = 60;
  /** Whether sockets and requests get through. */
  up = true;
  signedIn = true;
  /** What the next sends do: the first entry is taken by the next one. @type {('reject' | 'lose-ack' | 'rate-limit')[]} */ plan = [];
  /** Everything clients sent, for tests. @type {{type: string, payload: any}[]} */ frames = [];
  /** @type {string[]} */ requests = [];
  /** Whether receipts for own messages follow by themselves. */
  receipts = true;
  /** @type {Map<number, import('./wire').User>} */ users = new Map();
  /** @type {Map<number, Room>} */ rooms = new Map();
  /** @type {Map<number, import('./wire').Attachment>} */ media = new Map();
  /** @type {Set<FakeSocket>} */ sockets = new Set();
  #id = 1000;
  #userRev = 1;

  constructor() {
    const server = this;
    this.WebSocket = class extends FakeSocket {
      constructor() {
        super(server);
      }
    };
  }

  /** The platform of a page that talks to this server. @returns {import('./types').Platform} */
  platform() {
    return {
      ...browserPlatform(),
      fetch: (input, init) => this.#fetch(String(input), init),
      sendFile: (_url, file, options) => this.#store(file, options),
      WebSocket: /** @type {any} */ (this.WebSocket),
    };
  }

  // --- controls -----------------------------------------------------------------------------------------------

  /** @param {number} id @param {string} name @param {string} username @param {Partial<import('./wire').User>} [more] */
  addUser(id, name, username, more = {}) {
    this.users.set(id, { id, username, display_name: name, status: 'offline', created_at: iso(0), updated_at: iso(0), ...more });
  }

  /**
   * @param {'direct' | 'group'} kind @param {number[]} users @param {{title?: string, at?: number, owner?: number}} [more]
   */
  addRoom(kind, users, { title, at = Date.now(), owner = users[0] } = {}) {
    const id = ++this.#id;
    /** @type {Room} */
    const room = { id, kind, title, rev: 1, metaRev: 1, cursor: 0, memberRev: 1, created: at, messages: [], members: new Map(), changes: [] };
    for (const user of users) this.#join(room, user, user === owner && kind === 'group' ? 'owner' : 'member', 0);
    this.rooms.set(id, room);
    return room;
  }

  /** @param {Room} room @param {number} user @param {import('./wire').Role} role @param {number} rev */
  #join(room, user, role, rev) {
    const { id, username, display_name, avatar_url } = /** @type {import('./wire').User} */ (this.users.get(user));
    const seq = room.messages.length;
    room.members.set(user, {
      conversation_id: room.id, user: { id, username, display_name, avatar_url }, role, rev, joined_at: iso(Date.now()), delivered_seq: seq, read_seq: seq,
    });
  }

  /**
   * Stores a message without telling anybody.
   * @param {Room} room @param {number} sender @param {string} content
   * @param {{at?: number, clientId?: string, reply?: Message, attachments?: import('./wire').Attachment[]}} [more]
   */
  write(room, sender, content, { at = Date.now(), clientId, reply, attachments = [] } = {}) {
    const rev = ++room.rev;
    /** @type {Message} */
    const message = {
      id: ++this.#id, conversation_id: room.id, seq: room.messages.length + 1, rev, created_rev: rev, sender_id: sender, content, attachments,
      media_url: attachments[0]?.url, status: 'sent', created_at: iso(at), updated_at: iso(at), client_id: sender === ME ? clientId : undefined,
      reply_to: reply && { id: reply.id, seq: reply.seq, sender_id: reply.sender_id, content: reply.content },
    };
    room.messages.push(message);
    return message;
  }

  /** @param {number} roomId @param {number} user @param {string} text @param {import('./wire').Attachment[]} [attachments] */
  incoming(roomId, user, text, attachments) {
    const room = /** @type {Room} */ (this.rooms.get(roomId));
    const message = this.write(room, user, text, { attachments });
    this.tell('receive_message', message);
    return message;
  }

  /** @param {number} roomId @param {number} user @param {boolean} on */
  typing(roomId, user, on) {
    this.tell('typing', { conversation_id: roomId, user_id: user, is_typing: on });
  }

  /** @param {number} user @param {import('./wire').Presence} status */
  presence(user, status) {
    const known = /** @type {import('./wire').User} */ (this.users.get(user));
    Object.assign(known, { status, last_seen: status === 'offline' ? iso(Date.now()) : known.last_seen });
    this.tell('user_status', { user_id: user, status, last_seen: known.last_seen });
  }

  /** Moves somebody's cursor. @param {number} roomId @param {number} user @param {'delivered' | 'read'} status @param {number} seq */
  receipt(roomId, user, status, seq) {
    const room = /** @type {Room} */ (this.rooms.get(roomId));
    const member = room.members.get(user);
    if (!member) return;
    const key = status === 'read' ? 'read_seq' : 'delivered_seq';
    if (seq <= member[key]) return;
    member[key] = seq;
    member.delivered_seq = Math.max(member.delivered_seq, member.read_seq);
    this.tell('status_change', { message_id: room.messages[seq - 1]?.id, status, user_id: user, conversation_id: roomId, seq, cursor: ++room.cursor });
  }

  /** Somebody changes a message. @param {number} roomId @param {number} seq @param {Partial<Message>} change */
  change(roomId, seq, change) {
    const room = /** @type {Room} */ (this.rooms.get(roomId));
    const message = { ...room.messages[seq - 1], ...change, rev: ++room.rev };
    room.messages[seq - 1] = message;
    this.tell('message_updated', message);
    return message;
  }

  /** @param {boolean} up */
  setOnline(up) {
    this.up = up;
    if (!up) for (const socket of [...this.sockets]) socket.cut(1006);
  }

  /** @param {number} code */
  close(code) {
    for (const socket of [...this.sockets]) socket.cut(code);
  }

  /** @param {string} type @param {any} payload */
  tell(type, payload) {
    for (const socket of this.sockets) socket.push({ type, payload });
  }

  // --- views --------------------------------------------------------------------------------------------------

  /** @param {Room} room @param {boolean} [forMe] @returns {import('./wire').Conversation} */
  view(room, forMe = true) {
    const last = room.messages.at(-1);
    const mine = room.members.get(ME);
    const read = mine?.read_seq ?? 0;
    /** @type {import('./wire').Conversation} */
    const shared = {
      id: room.id, kind: room.kind, title: room.title, rev: room.metaRev, last_seq: room.messages.length, last_rev: room.rev, last_cursor: room.cursor,
      first_seq: 1, member_rev: room.memberRev, member_count: room.members.size, created_at: iso(room.created), updated_at: iso(room.created),
    };
    if (!forMe) return shared;
    return {
      ...shared,
      members: [...room.members.values()],
      me: { role: mine?.role ?? 'member', rev: mine?.rev ?? 0, since_rev: 0, user_rev: 1, visible_from_seq: 0, delivered_seq: mine?.delivered_seq ?? 0, read_seq: read },
      unread: room.messages.slice(read).filter((message) => message.sender_id !== ME && !message.deleted_at).length,
      last_message: last,
    };
  }

  /** What changed after `rev`, as frames in rising order. @param {Room} room @param {number} rev */
  changes(room, rev) {
    const list = [
      ...room.messages.filter((message) => message.rev > rev).map((message) => ({ type: message.created_rev > rev ? 'receive_message' : 'message_updated', payload: message })),
      ...[...room.members.values()].filter((member) => member.rev > rev).map((member) => ({ type: 'member_changed', payload: member })),
      ...(room.metaRev > rev ? [{ type: 'conversation_changed', payload: this.view(room, false) }] : []),
    ];
    return list.sort((a, b) => a.payload.rev - b.payload.rev);
  }

  // --- socket verbs -------------------------------------------------------------------------------------------

  /** @param {FakeSocket} socket @param {{type: string, id?: string, payload: any}} frame */
  receive(socket, frame) {
    const { type, id, payload } = frame;
    this.frames.push({ type, payload });
    const ack = (/** @type {any} */ answer = {}) => id && socket.push({ type: 'ack', id, payload: answer });
    const error = (/** @type {string} */ code, /** @type {string} */ message, more = {}) => socket.push({ type: 'error', id, payload: { code, message, ...more } });
    switch (type) {
      case 'hello':
        return this.#hello(socket, payload, ack);
      case 'send_message':
        return this.#send(socket, payload, ack, error);
      case 'fetch': {
        const room = this.rooms.get(payload.conversation_id);
        return room ? ack({ events: this.changes(room, payload.after_rev), has_more: false, to_rev: room.rev }) : error('not_found', 'no such conversation');
      }
      case 'message_delivered':
      case 'message_read':
        ack();
        return this.receipt(payload.conversation_id, ME, type === 'message_read' ? 'read' : 'delivered', payload.seq);
      case 'watch_presence':
        return ack({ users: payload.user_ids.flatMap((/** @type {number} */ user) => {
          const known = this.users.get(user);
          return known ? [{ user_id: user, status: known.status, last_seen: known.last_seen }] : [];
        }) });
      default:
        return ack();
    }
  }

  /** @param {FakeSocket} socket @param {import('./wire').Hello} hello @param {(answer: any) => void} ack */
  #hello(socket, hello, ack) {
    const me = this.users.get(ME);
    ack({ session_id: 's1', user: { ...me, user_rev: this.#userRev }, epoch: EPOCH, limits: LIMITS, heartbeat_ms: 25_000, server_time: iso(Date.now()), user_rev: this.#userRev });
    const listed = new Set();
    for (const have of hello.have ?? []) {
      const room = this.rooms.get(have.conversation_id);
      listed.add(have.conversation_id);
      if (!room) {
        socket.push({ type: 'gone', payload: { conversation_id: have.conversation_id } });
        continue;
      }
      if (have.read_seq) this.receipt(room.id, ME, 'read', have.read_seq);
      for (const change of this.changes(room, have.rev)) socket.push(change);
      if ((have.cursor ?? 0) < room.cursor) {
        const members = [...room.members.values()].map((member) => ({ user_id: member.user.id, delivered_seq: member.delivered_seq, read_seq: member.read_seq }));
        socket.push({ type: 'cursors', payload: { conversation_id: room.id, cursor: room.cursor, members } });
      }
      if (have.rev < room.rev) socket.push({ type: 'live', payload: { conversation_id: room.id, from: have.rev, rev: room.rev } });
    }
    for (const room of this.rooms.values()) {
      if (listed.has(room.id)) continue;
      socket.push({ type: 'conversation_changed', payload: this.view(room) });
      socket.push({ type: 'live', payload: { conversation_id: room.id, from: room.rev, rev: room.rev } });
    }
    socket.push({ type: 'ready', payload: { user_rev: this.#userRev, more: false } });
  }

  /** @param {FakeSocket} socket @param {any} payload @param {(answer: any) => void} ack @param {(code: string, message: string, more?: object) => void} error */
  #send(socket, payload, ack, error) {
    const step = this.plan.shift();
    if (step === 'reject') return error('invalid', 'this text is not allowed here');
    if (step === 'rate-limit') return error('rate_limited', 'too many messages', { retry_after_ms: 300 });
    const room = this.rooms.get(payload.conversation_id);
    if (!room) return error('not_found', 'no such conversation');
    const old = room.messages.find((message) => message.client_id === payload.client_id);
    if (old) return ack({ message: old, duplicate: true });
    const reply = room.messages.find((message) => message.id === payload.reply_to);
    const attachments = (payload.attachments ?? []).map((/** @type {number} */ id) => this.media.get(id));
    const message = this.write(room, ME, payload.message, { clientId: payload.client_id, reply, attachments });
    this.tell('receive_message', message);
    if (step === 'lose-ack') return socket.cut(1006);
    ack({ message, duplicate: false });
    if (!this.receipts) return;
    for (const [user, member] of room.members) {
      if (member.user.id === ME) continue;
      setTimeout(() => this.receipt(room.id, user, 'delivered', message.seq), 500);
      setTimeout(() => this.receipt(room.id, user, 'read', message.seq), 1200);
    }
  }

  // --- HTTP ---------------------------------------------------------------------------------------------------

  /** @param {string} url @param {RequestInit} [init] */
  async #fetch(url, init = {}) {
    await new Promise((resolve) => setTimeout(resolve, this.latency));
    if (!this.up) throw new TypeError('network');
    const { pathname, searchParams } = new URL(url, 'http://fake');
    const path = pathname.replace(/^\/api/, '');
    const method = init.method ?? 'GET';
    this.requests.push(`${method} ${path}${searchParams.size ? `?${searchParams}` : ''}`);
    return this.#route(method, path, searchParams, init.body ? JSON.parse(String(init.body)) : {});
  }

  /** @param {string} method @param {string} path @param {URLSearchParams} query @param {any} body */
  #route(method, path, query, body) {
    const [, top, id, part, sub] = path.split('/');
    const me = /** @type {import('./wire').User} */ (this.users.get(ME));
    if (top === 'auth') return this.#auth(id, body);
    if (top === 'config') return json(200, { name: 'Messages', registration: 'open', directory: 'open', limits: LIMITS, typing_ms: 6000, messages_per_minute: 120 });
    if (top === 'users') {
      if (id === 'me') {
        if (method === 'PATCH') Object.assign(me, body.display_name ? { display_name: body.display_name } : {});
        return json(200, me);
      }
      const q = (query.get('q') ?? '').toLowerCase();
      return json(200, [...this.users.values()].filter((user) => user.id !== ME && `${user.display_name} ${user.username}`.toLowerCase().split(/\s/).some((word) => word.startsWith(q))));
    }
    if (top === 'sessions') {
      const seen = { created_at: iso(Date.now() - 864e5), last_used_at: iso(Date.now() - 36e5) };
      return method === 'DELETE' ? json(204) : json(200, { sessions: [{ id: 1, device_name: 'Chrome on Linux', current: true, ...seen }, { id: 2, device_name: 'Firefox on Android', current: false, ...seen }] });
    }
    if (top === 'media') return json(200, this.media.get(Number(id)));
    if (top === 'messages') return this.#message(method, Number(id), body);
    if (top === 'broadcasts') return this.#broadcast(body);
    if (top === 'conversations') return this.#conversation(method, Number(id), part, Number(sub), query, body);
    return refuse(404, 'not_found', 'no such page');
  }

  /** @param {string} verb @param {any} body */
  #auth(verb, body) {
    const { id, username, display_name, created_at, updated_at } = /** @type {import('./wire').User} */ (this.users.get(ME));
    const tokens = { token: `t${++this.#id}`, expires_at: iso(Date.now() + 900_000), user: { id, username, display_name, created_at, updated_at } };
    if (verb === 'refresh') return this.signedIn ? json(200, tokens) : refuse(401, 'unauthenticated', 'the session has ended');
    if (verb === 'logout') this.signedIn = false;
    if (verb === 'logout') return json(204);
    if (verb === 'password') return body.old_password === 'wrong' ? refuse(403, 'forbidden', 'the current password is not right') : json(204);
    if (body.password === 'wrong') return refuse(401, 'unauthenticated', 'invalid credentials');
    if (verb === 'register' && body.username === 'taken') return refuse(409, 'conflict', 'this username is taken');
    if (verb === 'register' && body.password.length < 8) return refuse(400, 'invalid', 'this password is too easy to guess', { reasons: ['Use at least 8 characters.', 'Add another word or two.'] });
    this.signedIn = true;
    return json(200, tokens);
  }

  /** @param {string} method @param {number} id @param {any} body */
  #message(method, id, body) {
    for (const room of this.rooms.values()) {
      const message = room.messages.find((one) => one.id === id);
      if (!message) continue;
      const now = iso(Date.now());
      return json(200, this.change(room.id, message.seq, method === 'DELETE'
        ? { deleted_at: now, content: '', attachments: [], media_url: undefined, reply_to: undefined } : { content: body.message, edited_at: now }));
    }
    return refuse(404, 'not_found', 'no such message');
  }

  /** @param {any} body */
  #broadcast(body) {
    const messages = body.receiver_ids.map((/** @type {number} */ user) => {
      const room = this.#direct(user);
      const message = this.write(room, ME, body.message, { clientId: `${body.client_id}-${user}` });
      this.tell('receive_message', message);
      return message;
    });
    return json(201, { broadcast_id: ++this.#id, messages });
  }

  /** @param {number} user */
  #direct(user) {
    let room = [...this.rooms.values()].find((one) => one.kind === 'direct' && one.members.has(user) && one.members.size === (user === ME ? 1 : 2));
    if (!room) {
      room = this.addRoom('direct', user === ME ? [ME] : [ME, user]);
      this.tell('conversation_changed', this.view(room));
    }
    return room;
  }

  /** @param {string} method @param {number} id @param {string | undefined} part @param {number} sub @param {URLSearchParams} query @param {any} body */
  #conversation(method, id, part, sub, query, body) {
    if (!id) {
      if (method === 'GET') return json(200, { conversations: [...this.rooms.values()].map((room) => this.view(room)) });
      if (body.kind === 'direct') return json(201, this.view(this.#direct(body.user_id)));
      const room = this.addRoom('group', [ME, ...body.member_ids], { title: body.title });
      this.tell('conversation_changed', this.view(room));
      return json(201, this.view(room));
    }
    const room = this.rooms.get(id);
    if (!room) return refuse(404, 'not_found', 'no such conversation');
    if (part === 'messages') return json(200, this.#page(room, query));
    if (part === 'members') return this.#members(method, room, sub, body);
    if (method === 'PATCH') {
      room.title = body.title;
      room.metaRev = ++room.rev;
      this.tell('conversation_changed', this.view(room, false));
    } else if (method === 'DELETE') {
      this.rooms.delete(id);
      this.tell('gone', { conversation_id: id });
      return json(204);
    }
    return json(200, this.view(room));
  }

  /** @param {string} method @param {Room} room @param {number} user @param {any} body */
  #members(method, room, user, body) {
    if (method === 'GET') return json(200, { members: [...room.members.values()] });
    const changed = () => {
      room.memberRev++;
      return ++room.rev;
    };
    if (method === 'POST') {
      for (const one of body.user_ids) {
        this.#join(room, one, 'member', changed());
        this.tell('member_changed', room.members.get(one));
      }
      return json(201, { members: body.user_ids.map((/** @type {number} */ one) => room.members.get(one)) });
    }
    const member = /** @type {import('./wire').Member} */ (room.members.get(user));
    if (method === 'DELETE') {
      room.members.delete(user);
      if (user === ME) this.rooms.delete(room.id);
      this.tell(user === ME ? 'gone' : 'member_changed', user === ME ? { conversation_id: room.id } : { ...member, rev: changed(), left_at: iso(Date.now()) });
      return json(204);
    }
    Object.assign(member, { role: body.role, rev: changed() });
    this.tell('member_changed', member);
    return json(200, member);
  }

  /** @param {Room} room @param {URLSearchParams} query */
  #page(room, query) {
    const limit = Number(query.get('limit') ?? 50);
    const all = room.messages;
    let from = Math.max(0, all.length - limit);
    let to = all.length;
    if (query.has('before_seq')) {
      to = Math.max(0, Number(query.get('before_seq')) - 1);
      from = Math.max(0, to - limit);
    } else if (query.has('after_seq')) {
      from = Number(query.get('after_seq'));
      to = Math.min(all.length, from + limit);
    } else if (query.has('around_seq')) {
      from = Math.max(0, Number(query.get('around_seq')) - 1 - Math.floor(limit / 2));
      to = Math.min(all.length, from + limit);
    }
    return { messages: all.slice(from, to), has_more_before: from > 0, has_more_after: to < all.length };
  }

  /** @param {Blob} file @param {{name: string, onProgress?: (part: number) => void}} options */
  async #store(file, { name, onProgress }) {
    for (let part = 0; part <= 1.001; part += 0.2) {
      await new Promise((resolve) => setTimeout(resolve, this.latency));
      if (!this.up) throw new TypeError('network');
      onProgress?.(Math.min(1, part));
    }
    const kind = /** @type {import('./wire').Attachment['kind']} */ (/^(image|video|audio)/.exec(file.type)?.[1] ?? 'document');
    const stored = { id: ++this.#id, kind, mime: file.type, name, size: file.size, url: URL.createObjectURL(file) };
    this.media.set(stored.id, stored);
    return { status: 201, text: JSON.stringify(stored), retryAfter: null };
  }
}

/** The server's end and the page's end of one connection. */
class FakeSocket {
  /** @type {(() => void) | null} */ onopen = null;
  /** @type {((event: {data: string}) => void) | null} */ onmessage = null;
  /** @type {((event: {code: number}) => void) | null} */ onclose = null;
  readyState = 0;

  /** @param {FakeServer} server */
  constructor(server) {
    this.server = server;
    setTimeout(() => {
      if (this.readyState !== 0) return;
      if (!server.up) return this.cut(1006);
      this.readyState = 1;
      server.sockets.add(this);
      this.onopen?.();
    }, server.latency);
  }

  /** @param {string} text */
  send(text) {
    const frame = JSON.parse(text);
    setTimeout(() => {
      if (this.readyState === 1 && this.server.up) this.server.receive(this, frame);
    }, this.server.latency);
  }

  /** @param {object} frame */
  push(frame) {
    const data = JSON.stringify(frame);
    // Delivered later, in order, like a network would.
    setTimeout(() => {
      if (this.readyState === 1) this.onmessage?.({ data });
    }, 0);
  }

  /** @param {number} code */
  cut(code) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.server.sockets.delete(this);
    setTimeout(() => this.onclose?.({ code }), 0);
  }

  close() {
    this.cut(1000);
  }
}

/** @type {import('./wire').Limits} */
const LIMITS = {
  message_chars: 16_384, message_bytes: 65_536, frame_bytes: 1_048_576, page: 200, group_members: 1000, receivers: 10_000,
  upload: { image: 10 << 20, video: 50 << 20, audio: 50 << 20, document: 20 << 20 },
};
