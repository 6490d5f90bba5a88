// Everybody this page has heard of: names, presence, who is typing.
import { signal } from '../vendor/signals-core.js';
/** @typedef {import('./types').Person} Person */

/** A typing notice ends by itself after this long. */
const TYPING_MS = 6000;
/** How many people one connection may watch. */
const MAX_WATCHED = 500;

/**
 * @param {import('./types').Platform} platform
 * @param {string} server address, for pictures
 * @param {(ids: number[]) => Promise<import('./wire').PresenceItem[]>} watch tells the server whose presence matters
 */
export function createPeople(platform, server, watch) {
  const people = signal(/** @type {ReadonlyMap<number, Person>} */ (new Map()));
  /** Who is typing, by conversation. */
  const typing = signal(/** @type {Readonly<Record<number, readonly number[]>>} */ ({}));
  /** @type {Map<string, any>} */ const typingTimers = new Map();
  /** @type {Map<string, readonly number[]>} */ const wanted = new Map();
  let watched = '';
  /** @type {any} */ let watchTimer = null;

  const address = (/** @type {string} */ url) => (url.startsWith('/') ? server + url : url);

  /** @param {readonly Partial<import('./wire').User>[]} users */
  function learn(users) {
    /** @type {Map<number, Person> | null} */ let next = null;
    for (const user of users) {
      if (!user.id) continue;
      const old = (next ?? people.value).get(user.id);
      const name = user.display_name || user.username || old?.name || '';
      const person = /** @type {Person} */ ({
        id: user.id,
        name,
        username: user.username ?? old?.username ?? name,
        avatar: user.avatar_url ? address(user.avatar_url) : 'created_at' in user ? undefined : old?.avatar,
        status: user.status ?? old?.status ?? 'unknown',
        lastSeen: user.last_seen ? Date.parse(user.last_seen) : old?.lastSeen,
      });
      if (old && Object.keys(person).every((key) => old[/** @type {keyof Person} */ (key)] === person[/** @type {keyof Person} */ (key)])) continue;
      next ??= new Map(people.value);
      next.set(person.id, person);
    }
    if (next) people.value = next;
  }

  /** @param {readonly import('./wire').PresenceItem[]} items */
  function presence(items) {
    learn(items.filter(({ user_id }) => people.value.has(user_id)).map(({ user_id, status, last_seen }) => ({ id: user_id, status, last_seen })));
  }

  /** @param {number} conversation @param {number} user */
  function stopTyping(conversation, user) {
    const key = `${conversation}/${user}`;
    platform.clearTimeout(typingTimers.get(key));
    typingTimers.delete(key);
    const now = typing.value[conversation];
    if (now?.includes(user)) typing.value = { ...typing.value, [conversation]: now.filter((id) => id !== user) };
  }

  /** @param {{conversation_id: number, user_id: number, is_typing: boolean}} notice */
  function setTyping({ conversation_id, user_id, is_typing }) {
    if (!is_typing) return stopTyping(conversation_id, user_id);
    const key = `${conversation_id}/${user_id}`;
    platform.clearTimeout(typingTimers.get(key));
    typingTimers.set(key, platform.setTimeout(() => stopTyping(conversation_id, user_id), TYPING_MS));
    const now = typing.value[conversation_id] ?? [];
    if (!now.includes(user_id)) typing.value = { ...typing.value, [conversation_id]: [...now, user_id] };
  }

  async function sendWatched() {
    const ids = [...new Set([...wanted.values()].flat())].slice(0, MAX_WATCHED);
    const key = ids.join();
    if (key === watched) return;
    watched = key;
    try {
      presence(await watch(ids));
    } catch {
      watched = ''; // the next connection asks again
    }
  }

  return {
    people,
    typing,
    learn,
    presence,
    setTyping,
    stopTyping,
    get: (/** @type {number} */ id) => people.value.get(id),
    /** Keeps the presence of `ids` up to date for as long as `reason` stands. @param {string} reason @param {readonly number[]} ids */
    watch(reason, ids) {
      wanted.set(reason, ids);
      watchTimer ??= platform.setTimeout(() => {
        watchTimer = null;
        void sendWatched();
      }, 100);
    },
    /** A fresh connection watches nobody. */
    rewatch() {
      watched = '';
      void sendWatched();
    },
    dispose() {
      platform.clearTimeout(watchTimer);
      for (const timer of typingTimers.values()) platform.clearTimeout(timer);
    },
  };
}
/** @typedef {ReturnType<typeof createPeople>} People */
