/** What every view is handed: the store, the words, and what a view may ask of the shell. */
import type { Signal } from '@preact/signals-core';
import type { Store } from '../client/store.js';
import type { Item } from '../client/timeline.js';
import type { Quote } from '../client/wire';
import type { Format, Strings } from './i18n.js';
import type { MessageList } from './list.js';

export interface App {
  store: Store;
  t: Strings;
  fmt: Format;
  /** Address of the server; empty for the page's own. */
  server: string;
  /** Whether this element owns the page's title and address. */
  page: boolean;
  mac: boolean;
  dialog: Signal<{ name: string; props: object; key: number } | null>;
  question: Signal<{ text: string; action: string; onAnswer: (yes: boolean) => void } | null>;
  notice: Signal<string>;
  /** The list on screen, for tests. */
  list?: MessageList;
  /** What Esc does in the conversation; false: nothing was open. */
  escape(): boolean;
  focusSearch(): void;
  toast(text: string): void;
  show(name: string, props?: object): void;
  confirm(text: string, action: string): Promise<boolean>;
  open(id: number): Promise<void>;
  reopen(id: number): Promise<unknown>;
  openWith(user: number): Promise<void>;
  back(): void;
  setTheme(theme: string): void;
  theme(): string;
  /** Starts anew: nothing of the person before stays. */
  restart(): void;
}

/** What the rows and the composer of one conversation may call. The same object for one visit. */
export interface Context {
  app: App;
  store: Store;
  t: Strings;
  fmt: Format;
  id: number;
  server: string;
  /** Key of the row that a jump led to. */
  flash: Signal<string>;
  /** Key of the row whose actions are pinned open. */
  active: Signal<string>;
  replying: Signal<Item | null>;
  editing: Signal<Item | null>;
  list: MessageList | null;
  addFiles(files: Iterable<File>): Promise<void>;
  focusComposer(): void;
  readOnly(): boolean;
  nameOf(user: number | undefined): string;
  problem(item: Item): string;
  showPicture(item: Item, index: number): void;
  activate(item: Item): void;
  reply(item: Item): void;
  edit(item: Item): void;
  copy(item: Item): Promise<void>;
  remove(item: Item): Promise<void>;
  jump(seq: Quote['seq']): Promise<void>;
  toEnd(): Promise<void>;
  fresh(event: Event, file: { id?: number }): Promise<void>;
}
