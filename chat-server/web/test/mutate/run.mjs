// A test must be able to fail: each mutation breaks one promise in a copy of the folder, and the named test must
// notice. Run by hand or at night: npm run test:mutate -- [part of a name]
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { root } from '../browser.mjs';

/** @type {[what: string, file: string, from: string, to: string, tests: string, name: string][]} */
const MUTATIONS = [
  ['repeats are applied', 'client/revs.js', 'if (rev <= this.known) return;\n    if (rev === this.known + 1) {', 'if (rev <= this.known + 1) {', 'unit/revs', 'repeats_are_ignored'],
  ['holes are believed', 'client/revs.js', 'if (!this.isLive) {', 'if (true) {', 'unit/revs', 'an_overtaken_change_waits'],
  ['live closes any hole', 'client/revs.js', 'if (this.known >= from) {', 'if (true) {', 'unit/revs', 'live_above_what_is_known'],
  ['older states win', 'client/timeline.js', 'if (next[at].rev <= state.rev) next[at] = state;', 'next[at] = state;', 'unit/timeline', 'never_replaced_by_older'],
  ['a page forgets what came meanwhile', 'client/log.js', 'if (late.length) this.items = merge(this.items, late);', '', 'unit/store', 'overtakes_its_page'],
  ['a conversation sends side by side', 'client/outbox.js', '!busy.has(id) && ', '', 'unit/outbox', 'one_after_the_other'],
  ['a repeat gets another key', 'client/store.js', 'client_id: entry.key,', 'client_id: platform.uniqueId(),', 'unit/store', 'a_lost_ack'],
  ['what is unproven counts as read', 'client/conversations.js', '!shown.unproven && ', '', 'unit/store', 'nothing_counts_as_read'],
  ['final close codes are tried again', 'client/socket.js', 'if (FINAL[code]) return halt(FINAL[code]);', '', 'unit/store', 'final_close_codes'],
  ['the end does not hold', 'ui/list.js', 'scroller.scrollTop = scroller.scrollHeight;', '', 'ui/list', 'at_the_end_it_stays'],
  ['all rows are drawn', 'ui/list.js', 'this.from = from;\n      this.to = to;\n    }\n  }', 'this.from = 0;\n      this.to = count;\n    }\n  }', 'ui/list', 'ten_thousand'],
  ['a hidden page reads', 'ui/chat-app.js', '!document.hidden && document.hasFocus()', 'true', 'ui/messages', 'nobody_looks_at'],
];

const only = process.argv[2] ?? '';
let survived = 0;
for (const [what, file, from, to, tests, name] of MUTATIONS) {
  if (!what.includes(only)) continue;
  const copy = await mkdtemp(join(tmpdir(), 'chat-mutant-'));
  try {
    await cp(root, copy, { recursive: true, filter: (path) => basename(path) !== 'node_modules' });
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
    const code = await readFile(join(copy, file), 'utf8');
    if (!code.includes(from)) throw new Error(`${file} has changed: "${from}" is not there`);
    await writeFile(join(copy, file), code.replace(from, to));
    const path = tests.startsWith('unit/') ? `test/${tests}.test.mjs` : `test/${tests}.mjs`;
    const result = spawnSync(process.execPath, ['--test', `--test-name-pattern=${name}`, path], { cwd: copy, encoding: 'utf8', timeout: 120_000 });
    const ran = !/^# tests 0$/m.test(result.stdout) && new RegExp(`- .*${name}(?!.*# SKIP)`, 'm').test(result.stdout);
    const noticed = ran && result.status !== 0;
    if (!noticed) survived++;
    console.log(`${noticed ? 'noticed ' : 'SURVIVED'} ${what}`);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
process.exit(survived ? 1 : 0);
