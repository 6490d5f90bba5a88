/** JSON shapes of the chat protocol. Times are RFC 3339 UTC; ids are numbers below 2^53; optional fields are absent. */

export type Id = number;
export type Time = string;

export interface User {
  id: Id;
  username: string;
  display_name: string;
  avatar_url?: string;
  status: Presence;
  last_seen?: Time;
  created_at: Time;
  updated_at: Time;
  user_rev?: number;
  is_admin?: boolean;
}

export type Presence = 'online' | 'away' | 'offline' | 'unknown';
export type Role = 'owner' | 'admin' | 'member';

export interface PublicUser {
  id: Id;
  username: string;
  display_name: string;
  avatar_url?: string;
}

export interface Attachment {
  id: Id;
  kind: 'image' | 'video' | 'audio' | 'document' | 'text';
  mime: string;
  name: string;
  size: number;
  width?: number;
  height?: number;
  url: string;
}

export interface Quote {
  id: Id;
  seq: number;
  sender_id?: Id;
  content: string;
  unavailable?: boolean;
}

export interface Message {
  id: Id;
  conversation_id: Id;
  seq: number;
  rev: number;
  created_rev: number;
  sender_id: Id;
  receiver_id?: Id;
  content: string;
  media_url?: string;
  attachments: Attachment[];
  reply_to?: Quote;
  status: 'sent' | 'delivered' | 'read';
  created_at: Time;
  updated_at: Time;
  edited_at?: Time;
  deleted_at?: Time;
  client_id?: string;
}

export interface Member {
  conversation_id: Id;
  user: PublicUser;
  role: Role;
  rev: number;
  joined_at: Time;
  left_at?: Time;
  delivered_seq: number;
  read_seq: number;
}

export interface OwnMembership {
  role: Role;
  rev: number;
  since_rev: number;
  user_rev?: number;
  visible_from_seq: number;
  delivered_seq: number;
  read_seq: number;
  left_at?: Time;
}

export interface Conversation {
  id: Id;
  kind: 'direct' | 'group';
  title?: string;
  rev: number;
  last_seq: number;
  last_rev: number;
  last_cursor: number;
  first_seq: number;
  member_rev: number;
  member_count: number;
  created_at: Time;
  updated_at: Time;
  members?: Member[];
  me?: OwnMembership;
  unread?: number;
  last_message?: Message;
}

export interface UploadLimits {
  image: number;
  video: number;
  audio: number;
  document: number;
}

export interface Limits {
  message_chars: number;
  message_bytes: number;
  frame_bytes: number;
  page: number;
  group_members: number;
  receivers: number;
  attachments?: number;
  upload: UploadLimits;
}

export interface Config {
  name: string;
  registration: 'open' | 'invite' | 'closed';
  directory: 'open' | 'contacts' | 'closed';
  limits: Limits;
  typing_ms: number;
  messages_per_minute: number;
  epoch?: string;
}

export interface AccountSession {
  id: Id | string;
  device_name?: string;
  created_at: Time;
  last_used_at: Time;
  current: boolean;
}

export interface Tokens {
  token: string;
  expires_at: Time;
  refresh_token?: string;
  user: { id: Id; username: string; display_name: string; created_at: Time; updated_at: Time };
}

export interface Have {
  conversation_id: Id;
  rev: number;
  cursor?: number;
  read_seq?: number;
  delivered_seq?: number;
}

export interface Hello {
  protocol: 2;
  device_id: string;
  epoch?: string;
  user_rev?: number;
  have?: Have[];
}

export interface HelloAck {
  session_id: string;
  user: User;
  epoch: string;
  limits: Limits;
  heartbeat_ms: number;
  server_time: Time;
  user_rev: number;
}

export interface Broadcast {
  id: Id;
  state: 'running' | 'done' | 'cancelled';
  total: number;
  done: number;
  failed: number;
  created_at?: Time;
}

export interface PresenceItem {
  user_id: Id;
  status: Presence;
  last_seen?: Time;
}

export interface CursorItem {
  user_id: Id;
  delivered_seq: number;
  read_seq: number;
}

/** Payloads of the frames that the server sends, by `type`. */
export interface ServerPayloads {
  receive_message: Message;
  message_updated: Message;
  conversation_changed: Conversation;
  member_changed: Member;
  user_changed: User;
  status_change: { message_id: Id; status: 'delivered' | 'read'; user_id: Id; conversation_id: Id; seq: number; cursor: number };
  cursors: { conversation_id: Id; cursor: number; members: CursorItem[] };
  typing: { user_id: Id; conversation_id: Id; is_typing: boolean };
  user_status: PresenceItem;
  live: { conversation_id: Id; from: number; rev: number };
  reset: { conversation_id?: Id; rev?: number; cursor?: number; first_seq?: number; last_seq?: number; user_rev?: number };
  gone: { conversation_id: Id; user_rev?: number };
  dirty: { conversation_id: Id; rev: number };
  ready: { user_rev: number; more: boolean };
  broadcast_progress: Omit<Broadcast, 'id' | 'created_at'> & { broadcast_id: Id };
  goodbye: { reason: string; reconnect: boolean; after_ms: number };
  error: { code: string; message: string; retry_after_ms?: number };
}

export type ServerFrame = { [T in keyof ServerPayloads]: { type: T; id?: string; payload: ServerPayloads[T] } }[keyof ServerPayloads];

/** Durable change of a conversation: it takes a `rev`, and `fetch` lists it. */
export type Change = Extract<ServerFrame, { type: 'receive_message' | 'message_updated' | 'member_changed' | 'conversation_changed' }>;

export type FetchAck =
  | { events: Change[]; has_more: boolean; to_rev: number; reset?: undefined }
  | { reset: true; rev: number; cursor: number; first_seq: number; last_seq: number };
