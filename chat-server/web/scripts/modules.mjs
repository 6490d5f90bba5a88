// The module graph, read from the import statements.
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** Static imports of a module, as paths below `root`. @param {string} root @param {string} file */
export async function importsOf(root, file) {
  const code = await readFile(join(root, file), 'utf8');
  return [...code.matchAll(/^(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"](\.[^'"]+)['"]/gm)].map(([, target]) =>
    relative(root, join(root, dirname(file), target)));
}

/** Every module that is loaded before the page draws. @param {string} root @param {string} [entry] */
export async function startModules(root, entry = 'ui/chat-app.js') {
  const seen = new Set();
  const visit = async (/** @type {string} */ file) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const next of await importsOf(root, file)) await visit(next);
  };
  await visit(entry);
  return [...seen].sort();
}
