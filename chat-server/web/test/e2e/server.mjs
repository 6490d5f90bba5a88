// The server under test: the one at CHAT_URL, or one started from CHAT_SERVER_BIN on a free port and an empty folder.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STARTS_WITHIN_MS = 20_000;

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
      probe.close(() => resolve(port));
    });
  });

async function healthy(/** @type {string} */ url, /** @type {() => string} */ log) {
  const until = Date.now() + STARTS_WITHIN_MS;
  while (Date.now() < until) {
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the server did not start: ${log()}`);
}

/**
 * `kill` and `start` end and begin the process; they are absent for a server that is not ours.
 * @returns {Promise<{url: string, kill?: () => Promise<void>, start?: () => Promise<void>, close: () => Promise<void>}>}
 */
export async function startServer() {
  if (process.env.CHAT_URL) return { url: process.env.CHAT_URL.replace(/\/$/, ''), close: async () => {} };
  const binary = process.env.CHAT_SERVER_BIN;
  if (!binary) throw new Error('set CHAT_URL to a running server, or CHAT_SERVER_BIN to a binary');
  const folder = await mkdtemp(join(tmpdir(), 'chat-e2e-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  /** @type {import('node:child_process').ChildProcess | null} */ let child = null;
  let log = '';
  const start = async () => {
    child = spawn(binary, [], {
      cwd: folder,
      env: { PATH: process.env.PATH, CHAT_LISTEN: `127.0.0.1:${port}`, CHAT_DATA_DIR: folder, CHAT_LIMITS__ENABLED: 'false', ...(process.env.CHAT_WEB_DIR ? { CHAT_WEB_DIR: process.env.CHAT_WEB_DIR } : {}) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => { log = (log + text).slice(-4000); });
    await healthy(url, () => log);
  };
  const kill = async () => {
    const dying = child;
    if (!dying || dying.exitCode !== null) return;
    child = null;
    const gone = new Promise((resolve) => dying.once('exit', resolve));
    dying.kill('SIGKILL');
    await gone;
  };
  await start();
  return { url, start, kill, close: async () => { await kill(); await rm(folder, { recursive: true, force: true }); } };
}
