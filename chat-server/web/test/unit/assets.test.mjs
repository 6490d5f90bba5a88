// Budgets and house rules of the files that are served.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { importsOf, startModules } from '../../scripts/modules.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path) => readFile(`${root}${path}`, 'utf8');
const list = async (folder) => (await readdir(`${root}${folder}`, { recursive: true })).filter((name) => name.endsWith('.js')).map((name) => `${folder}/${name}`);
const start = await startModules(root);

test('the_page_preloads_each_module_of_its_start', async () => {
  const page = await read('index.html');
  assert.deepEqual([...page.matchAll(/modulepreload" href="([^"]+)"/g)].map(([, file]) => file).sort(), start);
});

const packed = async (path) => gzipSync(await read(path), { level: 9 }).length;
const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

test('the_start_is_at_most_60_kilobytes_and_all_of_it_at_most_96', async () => {
  const first = sum(await Promise.all(start.map(packed)));
  assert.ok(first <= 61_440, `${first} bytes`);
  const everything = sum(await Promise.all([...(await list('client')), ...(await list('ui')), ...(await list('vendor'))].filter((file) => file !== 'client/fake.js').map(packed)));
  assert.ok(everything <= 98_304, `${everything} bytes`);
});

test('a_conversation_on_screen_has_asked_for_at_most_25_modules', async () => {
  const modules = new Set([...start, ...(await startModules(root, 'ui/conversation.js'))]);
  assert.ok(modules.size <= 25, `${modules.size} modules`);
});

test('the_style_sheet_stays_below_10_kilobytes', async () => {
  const bytes = await packed('ui/styles.css');
  assert.ok(bytes <= 10_240, `${bytes} bytes`);
});

test('vendored_files_are_what_the_manifest_says', async () => {
  const { files, libraries } = JSON.parse(await read('vendor/MANIFEST.json'));
  for (const [name, hash] of Object.entries(files)) {
    assert.equal(createHash('sha256').update(await read(`vendor/${name}`)).digest('hex'), hash, name);
  }
  const { devDependencies } = JSON.parse(await read('package.json'));
  for (const library of libraries) {
    assert.equal(library.version, devDependencies[library.package], library.package);
    assert.match(library.licence, /^(MIT|Apache-2\.0)$/);
  }
});

test('the_lock_file_names_no_address', async () => {
  assert.doesNotMatch(await read('package-lock.json'), /"resolved"/);
});

test('imports_go_one_way_from_views_to_client', async () => {
  for (const file of await list('client')) {
    for (const target of await importsOf(root, file)) assert.match(target, /^(client\/|vendor\/signals-core)/, `${file} imports ${target}`);
    assert.doesNotMatch(await read(file), /\bdocument\.|\bwindow\./, `${file} touches the page`);
  }
  for (const file of await list('ui')) {
    for (const target of await importsOf(root, file)) assert.match(target, /^(client|vendor|ui)\//, `${file} imports ${target}`);
  }
});

test('no_text_can_become_markup_or_code', async () => {
  for (const file of [...(await list('ui')), ...(await list('client'))]) {
    assert.doesNotMatch(await read(file), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|dangerouslySetInnerHTML/, file);
  }
  const html = await read('index.html');
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/);
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/);
});
