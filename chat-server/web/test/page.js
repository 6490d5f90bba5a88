// The chat over the server in memory. Parameters: `n` messages of the big group, `room` to open, `latency`, `out`.
import '../ui/chat-app.js';
import { seededServer } from './seed.js';

const parameters = new URLSearchParams(location.search);
const { server, rooms } = seededServer(Number(parameters.get('n') ?? 300));
server.latency = Number(parameters.get('latency') ?? 20);
server.signedIn = !parameters.has('out');
if (server.signedIn) localStorage.setItem('chat.signed-in', '1');
else localStorage.removeItem('chat.signed-in');

const element = /** @type {import('../ui/chat-app.js').ChatApp} */ (document.createElement('chat-app'));
element.platform = server.platform();
element.setAttribute('page', '');
element.setAttribute('locale', parameters.get('locale') ?? 'en-GB');
const room = parameters.get('room');
if (room) history.replaceState(null, '', `${location.pathname}${location.search}#c=${rooms[/** @type {keyof typeof rooms} */ (room)]}`);
Object.assign(window, { server, rooms, element });
document.body.append(element);
