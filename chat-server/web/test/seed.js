// The people and conversations of the UI tests and pictures.
import { FakeServer } from '../client/fake.js';

const MINUTE = 60_000;
const LINES = [
  'Good morning! Has anyone tried the new start page yet?', 'I put the change on the staging machine, please have a look when you can.', 'Nice work 👍',
  'The upload bar jumps a little on my phone, but it is far better than last week.', 'Agreed.', 'Let us keep the first version small and watch what people really use.',
  'Could we move the review to half past two?', 'Fine with me', 'I am busy until three. Start without me, I will read the notes afterwards.',
  'One question: who sees the read ticks in a group?', 'Everybody in it, once all of them have read.', 'Great', 'That makes sense',
  'The write-up is here: https://example.org/notes/windowed-lists', 'In short: **we ship on Thursday**, watch the error rate and roll back above 1 %.',
  'Please check `CHAT_LISTEN`, it still has the old value.', 'Done!', 'Thank you 🙏', 'Two things:\n1. The empty list needs words\n2. Faces differ in size between list and header',
  'Remember: the office is closed on Friday.', 'It feels so quick now.', 'Here too, it found a message from March at once.', 'Lunch?', 'Ten more minutes',
  'We should write down why we chose this way, or we will have the same discussion again in half a year and nobody will remember what we found out.',
  '😂', 'That colour looks weak in the dark theme.', 'It is at 5.1 to 1 now, that is enough.', 'Perfect', 'On it.', 'Who takes the notes today?', 'I do!',
];

/** A landscape, drawn. @param {number} hue @param {number} width @param {number} height */
function landscape(hue, width, height) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 320" width="${width}" height="${height}" preserveAspectRatio="xMidYMid slice">
<linearGradient id="sky" x2="0" y2="1"><stop stop-color="hsl(${hue} 65% 40%)"/><stop offset="1" stop-color="hsl(${hue + 50} 85% 82%)"/></linearGradient>
<path fill="url(#sky)" d="M0 0h480v320H0z"/><circle cx="330" cy="120" r="34" fill="#fff" opacity=".9"/>
<path fill="hsl(${hue + 10} 40% 36%)" d="M0 220 110 130l90 75 85-55 195 95v75H0z"/><path fill="hsl(${hue} 45% 24%)" d="m0 260 150-55 120 60 110-50 100 35v70H0z"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Numbers that look random and are the same every time. @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

/** @param {number} size messages of the big group */
export function seededServer(size) {
  const server = new FakeServer();
  const now = Date.now();
  const ago = (/** @type {number} */ minutes) => now - minutes * MINUTE;
  const seen = (/** @type {number} */ minutes) => ({ last_seen: new Date(ago(minutes)).toISOString() });
  server.addUser(1, 'Alex Kim', 'alex', { status: 'online' });
  server.addUser(2, 'Maya Chen', 'maya', { status: 'online' });
  server.addUser(3, 'Jonas Weber', 'jonas', seen(12));
  server.addUser(4, 'Aisha Rahman', 'aisha', { status: 'away' });
  server.addUser(5, 'Tom Okafor', 'tom', seen(190));
  server.addUser(6, 'Sofia Rossi', 'sofia', { status: 'online' });
  server.addUser(7, 'Liam Novák', 'liam', seen(1500));
  server.addUser(8, 'Priya Nair', 'priya', { status: 'online' });
  server.addUser(9, 'ليلى حداد', 'layla', seen(45));
  server.addUser(10, 'Diego Álvarez', 'diego', { status: 'online' });

  const picture = (/** @type {number} */ hue, /** @type {string} */ name, width = 640, height = 420) => {
    const file = /** @type {const} */ ({ id: 500 + hue, kind: 'image', mime: 'image/svg+xml', name, size: 210_000, width, height, url: landscape(hue, width, height) });
    server.media.set(file.id, file);
    return file;
  };
  const read = (/** @type {import('../client/fake.js').Room} */ room, unread = 0) => {
    for (const member of room.members.values()) {
      member.delivered_seq = room.messages.length;
      member.read_seq = room.messages.length - (member.user.id === 1 ? unread : 0);
    }
  };

  const maya = server.addRoom('direct', [1, 2], { at: ago(4000) });
  server.write(maya, 2, 'Look what the sky did last night', { at: ago(1640), attachments: [picture(205, 'evening.jpg')] });
  server.write(maya, 1, 'Wow. Where is that?', { at: ago(1632) });
  server.write(maya, 2, 'Up at the reservoir, half an hour by train. Take the one at 7:40, it is direct.', { at: ago(1630) });
  server.write(maya, 2, 'Did you get a chance to look at the list?', { at: ago(62) });
  const question = server.write(maya, 1, 'Yes, just now. Landing exactly on the first unread message feels *really* good.', { at: ago(58) });
  server.write(maya, 1, 'What happens when it is older than what is loaded?', { at: ago(58) });
  server.write(maya, 2, 'It loads a page around it, and then you can scroll both ways. Notes: https://example.org/notes/landing', { at: ago(41), reply: question });
  server.write(maya, 1, 'Clever. I will review the rest today and leave comments.', { at: ago(33) });
  server.write(maya, 2, 'Thank you! No rush, tomorrow is fine too', { at: ago(6) });
  server.write(maya, 2, 'Also: should we book the room for Thursday?', { at: ago(5) });
  read(maya, 2);

  const team = server.addRoom('group', [1, 2, 3, 4, 5, 6], { title: 'Product team', at: ago(90_000) });
  const next = random(7);
  let at = ago(14) - size * 9 * MINUTE;
  for (let i = 0; i < size; i++) {
    const text = LINES[Math.floor(next() * LINES.length)];
    const sender = i >= size - 4 ? [3, 3, 3, 2][i - size + 4] : [2, 3, 4, 5, 6, 1][Math.floor(next() * 6)];
    const shows = next() < 0.012;
    server.write(team, sender, shows ? '' : text, { at, attachments: shows ? [picture(Math.floor(next() * 360), `photo-${i}.jpg`, 480, 300)] : [] });
    at += (ago(14) - at) / Math.max(1, size - i) * (0.4 + 1.2 * next());
  }
  read(team, Math.min(4, size));

  const aisha = server.addRoom('direct', [1, 4], { at: ago(9000) });
  server.write(aisha, 4, 'The tests are green again 🎉', { at: ago(130) });
  server.write(aisha, 1, 'Brilliant, thank you!', { at: ago(126) });
  read(aisha);
  const release = server.addRoom('group', [5, 6, 8, 1], { title: 'Release 2.0', at: ago(8000) });
  server.write(release, 5, 'The release notes are ready for review', { at: ago(205) });
  server.write(release, 6, 'Reading now', { at: ago(200) });
  read(release);
  const jonas = server.addRoom('direct', [1, 3], { at: ago(9000) });
  server.write(jonas, 1, 'Can you send me the invoice from August?', { at: ago(330) });
  const invoice = /** @type {const} */ ({ id: 499, kind: 'document', mime: 'application/pdf', name: 'invoice-2026-08.pdf', size: 184_320, url: '#' });
  server.write(jonas, 3, 'Sure, here it is.', { at: ago(320), attachments: [invoice] });
  read(jonas);
  server.write(jonas, 1, 'Got it', { at: ago(300) });
  /** @type {any} */ (jonas.members.get(3)).delivered_seq = 3;
  const layla = server.addRoom('direct', [1, 9], { at: ago(9000) });
  server.write(layla, 9, 'شكرًا على المساعدة اليوم!', { at: ago(1490) });
  read(layla);
  const sofia = server.addRoom('direct', [1, 6], { at: ago(9000) });
  server.write(sofia, 6, 'See you on Monday!', { at: ago(4400) });
  read(sofia);
  const liam = server.addRoom('direct', [1, 7], { at: ago(9900) });
  server.write(liam, 1, 'Welcome aboard 👋', { at: ago(8900) });
  read(liam);
  const priya = server.addRoom('direct', [1, 8], { at: ago(20_000) });
  server.write(priya, 8, 'I will share the figures after the call.', { at: ago(12_000) });
  read(priya);
  return { server, rooms: { maya: maya.id, team: team.id, aisha: aisha.id, release: release.id, jonas: jonas.id, layla: layla.id, sofia: sofia.id } };
}
