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

test('the_page_starts_with_at_most_25_modules_and_preloads_each', async () => {
  assert.ok(start.length <= 25, `${start.length} modules`);
  const page = await read('index.html');
  assert.deepEqual([...page.matchAll(/modulepreload" href="([^"]+)"/g)].map(([, file]) => file).sort(), start);
});

test('the_style_sheet_stays_below_10_kilobytes', async () => {
  const bytes = gzipSync(await read('ui/styles.css'), { level: 9 }).length;
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
  for (const page of ['index.html', 'chat.html']) {
    const html = await read(page);
    assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/, page);
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/, page);
  }
});
