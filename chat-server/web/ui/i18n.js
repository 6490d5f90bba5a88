// Every word of the UI, and the formats of one locale. Plain functions keep plural rules next to the words.

/** @param {number} n @param {string} one @param {string} many */
const count = (n, one, many) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
const MB = 1024 * 1024;

export const en = {
  // Signing in
  signIn: 'Sign in',
  signUp: 'Create account',
  signInTitle: 'Welcome back',
  signUpTitle: 'Create your account',
  signInHint: (/** @type {string} */ name) => `Sign in to ${name} to pick up where you left off.`,
  signUpHint: 'Pick a username that others can find you by.',
  username: 'Username',
  password: 'Password',
  invite: 'Invitation code',
  showPassword: 'Show password',
  hidePassword: 'Hide password',
  passwordHint: 'At least 8 characters. A few unusual words make a good one.',
  noAccount: 'New here?',
  haveAccount: 'Already have an account?',
  wrongPassword: 'That username and password don’t match.',
  nameTaken: 'That username is taken. Try another.',
  sessionEnded: 'You were signed out on this device. Sign in to continue – your unsent messages are kept.',
  banned: 'This account can’t be used any more.',
  starting: 'Connecting…',

  // Frame
  messages: 'Messages',
  conversations: 'Conversations',
  search: 'Search people and chats',
  clearSearch: 'Clear search',
  newConversation: 'New conversation',
  broadcast: 'Message several people',
  settings: 'Settings',
  filter: 'Filter',
  all: 'All',
  unread: 'Unread',
  groups: 'Groups',
  people: 'People',
  caughtUp: 'You’re all caught up.',
  noGroups: 'No groups yet.',
  noPeople: 'Nobody else is here yet.',
  noChats: 'Say hello to someone.',
  nothingFound: (/** @type {string} */ q) => `Nothing found for “${q}”.`,
  pick: 'Pick a conversation',
  pickHint: 'Choose someone on the left, or start something new.',
  back: 'Back to conversations',
  close: 'Close',
  cancel: 'Cancel',
  save: 'Save',
  retry: 'Try again',
  remove: 'Remove',
  you: 'You',
  yourself: 'You (notes to self)',
  unknownPerson: 'Someone',

  // Link
  offline: 'You’re offline. Messages will be sent when you’re back.',
  backOnline: 'Back online',
  replaced: 'This conversation list is open somewhere else.',
  useHere: 'Use it here',
  newVersion: 'A new version is ready.',
  reload: 'Reload',
  flood: 'The server asked this page to slow down.',
  reconnect: 'Connect again',

  // Presence
  online: 'Online',
  away: 'Away',
  offlineNow: 'Offline',
  lastSeen: (/** @type {string} */ ago) => `Last seen ${ago}`,
  members: (/** @type {number} */ n, /** @type {number} */ on) => count(n, 'member', 'members') + (on ? `, ${on.toLocaleString('en')} online` : ''),
  membersOnly: (/** @type {number} */ n) => count(n, 'member', 'members'),
  typing: (/** @type {string[]} */ names) =>
    names.length === 1 ? `${names[0]} is typing…` : names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : 'Several people are typing…',
  typingShort: 'typing…',

  // Messages
  today: 'Today',
  yesterday: 'Yesterday',
  edited: 'edited',
  deleted: 'This message was deleted',
  deletedQuote: 'Original message deleted',
  draft: 'Draft:',
  photo: 'Photo',
  video: 'Video',
  audio: 'Voice or sound',
  newMessages: (/** @type {number} */ n) => count(n, 'new message', 'new messages'),
  unreadCount: (/** @type {number} */ n) => count(n, 'unread message', 'unread messages'),
  queued: 'Waiting for connection',
  sending: 'Sending',
  sent: 'Sent',
  delivered: 'Delivered',
  read: 'Read',
  failed: 'Not sent',
  held: 'Not sent',
  notSent: 'Not sent.',
  heldSince: (/** @type {string} */ when) => `Written ${when}. Send now?`,
  sendNow: 'Send now',
  discard: 'Delete',
  jump: 'Jump to latest',
  start: (/** @type {string} */ name) => `This is the start of your conversation with ${name}.`,
  startGroup: (/** @type {string} */ name) => `This is the start of ${name}.`,
  startSelf: 'A place for notes to yourself.',
  loadingOlder: 'Loading earlier messages',
  historyFailed: 'Couldn’t load earlier messages.',
  openFailed: 'Couldn’t load this conversation.',
  gone: 'You’re no longer in this group. You can still read what came before.',
  reply: 'Reply',
  edit: 'Edit',
  copy: 'Copy text',
  copied: 'Copied',
  del: 'Delete for everyone',
  delAsk: 'Delete this message for everyone?',
  actions: 'Message actions',
  download: 'Download',
  previous: 'Previous picture',
  next: 'Next picture',
  announce: (/** @type {string} */ who, /** @type {string} */ text) => `${who}: ${text}`,

  // Composer
  placeholder: (/** @type {string} */ name) => `Message ${name}`,
  attach: 'Attach files',
  emoji: 'Emoji',
  send: 'Send message',
  saveEdit: 'Save changes',
  replyingTo: (/** @type {string} */ name) => `Replying to ${name}`,
  editing: 'Editing message',
  drop: 'Drop to attach',
  removeFile: (/** @type {string} */ name) => `Remove ${name}`,
  tooLarge: (/** @type {number} */ bytes) => `That file is larger than ${Math.floor(bytes / MB)} MB. Choose a smaller one.`,
  emptyFile: 'That file is empty.',
  tooLong: (/** @type {number} */ n) => `${count(n, 'character', 'characters')} too long`,
  left: (/** @type {number} */ n) => `${n.toLocaleString('en')} left`,
  slowDown: 'You’re sending quickly. The rest will go out in a moment.',
  outboxFull: 'Too much is waiting to be sent. Wait until you’re back online.',

  // People and groups
  findPeople: 'Search by name or username',
  selected: (/** @type {number} */ n) => `${n.toLocaleString('en')} selected`,
  startChat: 'Start chat',
  next2: (/** @type {number} */ n) => `Next (${n.toLocaleString('en')})`,
  groupName: 'Group name',
  createGroup: 'Create group',
  addPeople: 'Add people',
  add: (/** @type {number} */ n) => `Add ${count(n, 'person', 'people')}`,
  details: 'Conversation details',
  rename: 'Rename',
  roles: { owner: 'Owner', admin: 'Admin', member: 'Member' },
  role: (/** @type {string} */ name) => `Role of ${name}`,
  removeMember: (/** @type {string} */ name) => `Remove ${name}`,
  leave: 'Leave group',
  leaveAsk: 'Leave this group? You won’t get its messages any more.',
  deleteGroup: 'Delete group',
  deleteGroupAsk: 'Delete this group and its messages for everyone?',

  // Broadcast
  broadcastTitle: 'Message several people',
  broadcastHint: 'Everyone gets it as a private message from you. Replies come back to you alone.',
  selectAll: 'Select all',
  selectNone: 'Select none',
  broadcastText: 'Your message',
  addPicture: 'Add a picture',
  sendTo: (/** @type {number} */ n) => `Send to ${count(n, 'person', 'people')}`,
  broadcastAsk: (/** @type {number} */ n) => `Really send this to ${n.toLocaleString('en')} people?`,
  broadcastDone: (/** @type {number} */ n) => `Sent to ${count(n, 'person', 'people')}.`,
  broadcastRunning: (/** @type {number} */ done, /** @type {number} */ total) => `Sending: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`,
  broadcastFailed: (/** @type {number} */ n) => `${count(n, 'person', 'people')} could not be reached.`,

  // Settings
  displayName: 'Name',
  changePicture: 'Change picture',
  appearance: 'Appearance',
  themes: { auto: 'System', light: 'Light', dark: 'Dark' },
  status: 'Show me as',
  changePassword: 'Change password',
  oldPassword: 'Current password',
  newPassword: 'New password',
  passwordChanged: 'Password changed. Other devices were signed out.',
  sessions: 'Where you’re signed in',
  thisDevice: 'This device',
  unnamedDevice: 'Unnamed device',
  lastActive: (/** @type {string} */ ago) => `Active ${ago}`,
  signOutDevice: 'Sign out',
  logOut: 'Log out',
  logOutAsk: (/** @type {number} */ n) => `${count(n, 'message is', 'messages are')} still waiting to be sent. Log out and delete ${n === 1 ? 'it' : 'them'}?`,
  shortcuts: 'Keyboard shortcuts',
  saved: 'Saved',
  keys: [
    ['Ctrl K', 'Find anyone'], ['Alt ↑ ↓', 'Previous or next conversation'], ['Enter', 'Send'], ['Shift Enter', 'New line'],
    ['↑ in an empty field', 'Edit your last message'], ['Esc', 'Close, cancel, jump to the end'], ['↑ ↓ in the messages', 'Move between messages'],
    ['R · E · C · Del', 'Reply, edit, copy, delete'],
  ],

  // What went wrong
  errors: /** @type {Record<string, string>} */ ({
    offline: 'The server can’t be reached. Check your connection and try again.',
    timeout: 'That took too long. Try again.',
    rate_limited: 'Too many tries. Wait a moment.',
    unavailable: 'The server is busy. Try again in a moment.',
    busy: 'The server is busy. Try again in a moment.',
    unauthenticated: 'Sign in again to continue.',
  }),
  somethingWrong: 'That didn’t work. Try again.',
};
/** @typedef {typeof en} Strings */

/** Capital first letter and a full stop, so that a server's sentence fits in. @param {string} text */
const sentence = (text) => (text ? text[0].toLocaleUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? '' : '.') : '');

/** What to tell a person about an error. @param {Strings} t @param {{code: string, detail: string}} error */
export const explain = (t, error) => t.errors[error.code] ?? (sentence(error.detail) || t.somethingWrong);

/** @param {string} locale @param {Strings} t */
export function makeFormat(locale, t) {
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  const full = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' });
  const dayThisYear = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
  const dayOtherYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric' });
  const short = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
  const shortYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: '2-digit' });
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const midnight = (/** @type {number} */ at) => new Date(at).setHours(0, 0, 0, 0);
  const daysAgo = (/** @type {number} */ at) => Math.round((midnight(Date.now()) - midnight(at)) / 86_400_000);
  const thisYear = (/** @type {number} */ at) => new Date(at).getFullYear() === new Date().getFullYear();
  return {
    time: (/** @type {number} */ at) => time.format(at),
    full: (/** @type {number} */ at) => full.format(at),
    day(/** @type {number} */ at) {
      const days = daysAgo(at);
      if (days === 0) return t.today;
      if (days === 1) return t.yesterday;
      return (thisYear(at) ? dayThisYear : dayOtherYear).format(at);
    },
    /** Short form of the list: time, weekday, date. @param {number} at */
    brief(at) {
      const days = daysAgo(at);
      if (days <= 0) return time.format(at);
      if (days === 1) return t.yesterday;
      if (days < 7) return weekday.format(at);
      return (thisYear(at) ? short : shortYear).format(at);
    },
    ago(/** @type {number} */ at) {
      const minutes = Math.min(0, Math.round((at - Date.now()) / 60_000));
      if (minutes > -60) return relative.format(minutes, 'minute');
      if (minutes > -1440) return relative.format(Math.round(minutes / 60), 'hour');
      if (minutes > -43_200) return relative.format(Math.round(minutes / 1440), 'day');
      return full.format(at);
    },
    size(/** @type {number} */ bytes) {
      if (bytes < 1000) return `${bytes} B`;
      if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} KB`;
      return `${(bytes / 1_000_000).toFixed(1)} MB`;
    },
  };
}
/** @typedef {ReturnType<typeof makeFormat>} Format */
