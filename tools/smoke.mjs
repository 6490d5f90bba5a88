// Starts what a user starts (the release binaries in the folder given as argument), talks to it, stops it in the middle, and looks
// whether everything is there again. Everything runs on free ports and in a temporary folder.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import assert from "node:assert/strict";

const binaries = resolve(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), "chat-smoke-"));
const running = new Set();

/** Starts a program and waits for the line that names its address. */
const start = async (name, args = [], env = {}) => {
  const child = spawn(join(binaries, name), args, { cwd: folder, env: { ...process.env, ...env } });
  running.add(child);
  let output = "";
  const address = await new Promise((found, failed) => {
    const read = (chunk) => {
      output += chunk;
      const hit = output.match(/127\.0\.0\.1:\d+/);
      if (hit) found(hit[0]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => failed(new Error(`${name} ended with ${code}:\n${output}`)));
  });
  const stop = async (signal) => {
    const ended = once(child, "exit");
    child.kill(signal);
    const [code] = await ended;
    running.delete(child);
    return code;
  };
  return { address, base: `http://${address}`, stop };
};

const call = async (base, method, path, body, headers = {}) => {
  const answer = await fetch(base + path, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text };
};

const server = async () => {
  const env = { CHAT_LISTEN: "127.0.0.1:0", CHAT_DATA_DIR: join(folder, "data") };
  let chat = await start("chat-server", [], env);
  assert.equal((await call(chat.base, "GET", "/health")).body.trim(), "OK");
  assert.equal((await call(chat.base, "GET", "/health/ready")).body.ready, true);
  const people = [];
  for (const username of ["maya", "jonas"]) {
    const answer = await call(chat.base, "POST", "/api/auth/register", { username, password: "correct horse battery 9" });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    people.push({ id: answer.body.user.id, headers: { authorization: `Bearer ${answer.body.token}` } });
  }
  const [maya, jonas] = people;
  const sent = await call(chat.base, "POST", "/api/messages", { receiver_id: jonas.id, content: "Still there?" }, maya.headers);
  assert.equal(sent.status, 200);

  // What was acknowledged survives the worst end.
  await chat.stop("SIGKILL");
  chat = await start("chat-server", [], env);
  const found = await call(chat.base, "GET", `/api/messages/conversation?user_id=${maya.id}`, undefined, jonas.headers);
  assert.deepEqual(found.body.messages.map((message) => message.content), ["Still there?"]);

  const metrics = await call(chat.base, "GET", "/metrics");
  assert.match(metrics.body, /chat_http_requests_total/);
  assert.match((await call(chat.base, "GET", "/")).body, /<chat-app/);
  assert.equal((await call(chat.base, "GET", "/swagger/doc.json")).body.openapi.startsWith("3.1"), true);
  assert.equal(await chat.stop("SIGTERM"), 0, "an orderly stop ends with 0");
};

const embedded = async () => {
  const app = await start("embed-axum", ["0"]);
  const login = await fetch(`${app.base}/login`, { method: "POST", body: new URLSearchParams({ name: "maya" }) });
  const cookie = login.headers.get("set-cookie").split(";")[0];
  const me = await call(app.base, "GET", "/chat/api/users/me", undefined, { cookie });
  assert.equal(me.body.display_name, "maya");
  assert.equal((await call(app.base, "GET", "/chat/api/users/me")).status, 401);
  const group = await call(
    app.base, "POST", "/chat/api/conversations", { kind: "group", title: "Ours", member_ids: [] }, { cookie, origin: app.base },
  );
  assert.equal(group.status, 201, JSON.stringify(group.body));
  await app.stop("SIGKILL");
};

const lines = async () => {
  const chat = await start("custom-transport", ["0"]);
  const [host, port] = chat.address.split(":");
  const socket = createConnection({ host, port: Number(port) });
  socket.write('maya\n{"type":"hello","id":1,"payload":{"protocol":2,"device_id":"smoke"}}\n');
  let text = "";
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes('"type":"ready"')) break;
  }
  assert.match(text, /"type":"ack","id":1/);
  await chat.stop("SIGKILL");
};

try {
  for (const part of [server, embedded, lines]) {
    await part();
    console.log(`${part.name}: ok`);
  }
} finally {
  running.forEach((child) => child.kill("SIGKILL"));
  rmSync(folder, { recursive: true, force: true });
}
