/** What the client keeps and takes, beyond the shapes on the wire (`wire.d.ts`). */
import type { Member, Message, OwnMembership, Presence, Quote } from './wire';
import type { sendFile } from './http.js';

/** Messages between the tabs of one origin. */
export interface Channel {
  /** Reaches the other tabs, not this one. */
  post(message: any): void;
  listen(listener: (message: any) => void): () => void;
  close(): void;
}

/** Everything the client takes from its surroundings. */
export interface Platform {
  /** Milliseconds since 1970, of this machine. */
  now(): number;
  /** 0 ≤ x < 1. */
  random(): number;
  /** 24 characters that never meet another. */
  uniqueId(): string;
  setTimeout(run: () => void, ms: number): any;
  clearTimeout(timer: any): void;
  fetch: typeof fetch;
  sendFile?: typeof sendFile;
  WebSocket: new (url: string, protocols: string[]) => WebSocket;
  /** Null: what must outlive the page does not. */
  indexedDB: IDBFactory | null;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  channel(name: string): Channel;
  /** Runs while no other tab holds `name`. */
  lock(name: string, signal: AbortSignal, run: () => Promise<any>): Promise<any>;
}

/** What a view needs of a conversation. Replaced as a whole by every change, never written to. */
export interface Conv {
  id: number;
  kind: 'direct' | 'group';
  /** Of a group; of a direct conversation the views make one from `peer`. */
  title: string;
  /** The other person of a direct conversation (oneself in notes to oneself), else 0. */
  peer: number;
  metaRev: number;
  memberCount: number;
  /** Those that are known. */
  members: ReadonlyMap<number, Member>;
  /** Whether `members` are all. */
  complete: boolean;
  me: OwnMembership | undefined;
  lastSeq: number;
  /** Receipts are known up to this number. */
  cursor: number;
  unread: number;
  last?: Message;
  /** When something last happened. */
  at: number;
  /** One is no longer a member. */
  gone: boolean;
}

/** `held`: too old to be sent unasked. */
export type EntryState = 'queued' | 'sending' | 'failed' | 'held';

export interface OutboxFile {
  blob: Blob;
  name: string;
  type: string;
  size: number;
  width?: number;
  height?: number;
  /** Set when the upload is done, so that a retry sends only the message. */
  media_id?: number;
}

/** A message that the server has not confirmed. */
export interface Entry {
  /** The message's `client_id`. */
  key: string;
  account: string;
  conversation_id: number;
  content: string;
  reply_to?: Quote;
  files: OutboxFile[];
  created_at: number;
  state: EntryState;
  /** What the server said, for people. */
  problem?: string;
  /** Of the upload, 0 to 1; absent when nothing is uploading. */
  progress?: number;
}

/** Rows of unsent messages on disk. */
export interface Table {
  /** Rows of one account, oldest first. */
  all(account: string): Promise<any[]>;
  /** Resolves when the row is on disk. */
  put(row: Record<string, any> & { key: string; account: string; created_at: number }): Promise<void>;
  remove(key: string): Promise<void>;
  close(): void;
}

export interface Person {
  id: number;
  name: string;
  username: string;
  avatar?: string;
  status: Presence;
  lastSeen?: number;
}
