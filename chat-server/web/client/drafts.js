// Half-written texts, one per conversation, kept over switches and reloads and shared by the tabs of one person.
import { signal } from '../vendor/signals-core.js';

const SAVE_MS = 300;

/** @typedef {{text: string, reply?: import('./timeline.js').Item}} Draft */

/** @param {import('./types').Platform} platform */
export function createDrafts(platform) {
  const all = signal(/** @type {Readonly<Record<number, Draft>>} */ ({}));
  const tabs = platform.channel('chat-drafts');
  let account = '';
  /** @type {any} */ let timer = null;
  const place = () => `chat.drafts:${account}`;

  function save() {
    platform.clearTimeout(timer);
    timer = null;
    try {
      if (Object.keys(all.value).length) platform.storage.setItem(place(), JSON.stringify(all.value));
      else platform.storage.removeItem(place());
    } catch {
      // Full or forbidden storage: the draft lives as long as the page.
    }
  }

  /** @param {number} id @param {Draft | undefined} draft */
  function change(id, draft) {
    const next = { ...all.value };
    if (draft && (draft.text.trim() || draft.reply)) next[id] = draft;
    else delete next[id];
    all.value = next;
  }

  const unlisten = tabs.listen((message) => {
    if (message.account === account) change(message.id, message.draft);
  });

  return {
    all,
    /** @param {string} name whose drafts these are */
    use(name) {
      if (account === name) return;
      account = name;
      try {
        all.value = JSON.parse(platform.storage.getItem(place()) ?? '{}');
      } catch {
        all.value = {};
      }
    },
    get: (/** @type {number} */ id) => all.value[id],
    /** @param {number} id @param {Draft | undefined} draft */
    set(id, draft) {
      change(id, draft);
      tabs.post({ account, id, draft: all.value[id] });
      timer ??= platform.setTimeout(save, SAVE_MS);
    },
    clear() {
      all.value = {};
      save();
    },
    dispose() {
      if (timer) save();
      unlisten();
      tabs.close();
    },
  };
}
