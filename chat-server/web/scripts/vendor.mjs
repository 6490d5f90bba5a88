// Copies the run-time libraries out of node_modules into vendor/, or checks (--check) that vendor/ is what the
// pinned packages give. Preact, its hooks, htm and the signals binding become one file: browsers on HTTP/1.1 pay
// for every request. Each keeps a function scope of its own, so the published code stays as it is.
import { createHash } from 'node:crypto';
import { readFile, writeFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = `${root}vendor/`;

const CORE = { package: '@preact/signals-core', file: 'dist/signals-core.mjs' };
const MERGED = [
  { name: 'preact', package: 'preact', file: 'dist/preact.mjs' },
  { name: 'hooks', package: 'preact', file: 'hooks/dist/hooks.mjs', specifier: 'preact/hooks' },
  { name: 'signals', package: '@preact/signals', file: 'dist/signals.mjs' },
  { name: 'htm', package: 'htm', file: 'dist/htm.mjs' },
];
const EXPORTS = {
  preact: ['Component', 'Fragment', 'h', 'options', 'render'],
  hooks: ['useCallback', 'useEffect', 'useLayoutEffect', 'useMemo', 'useRef', 'useState'],
  signals: ['useComputed', 'useSignal', 'useSignalEffect'],
  htm: [],
};

const sha256 = (/** @type {string | Buffer} */ data) => createHash('sha256').update(data).digest('hex');
const read = (/** @type {string} */ path) => readFile(`${root}node_modules/${path}`, 'utf8');
const withoutSourceMap = (/** @type {string} */ code) => code.replace(/\n?\/\/# sourceMappingURL=\S+\s*$/, '').trim();

/** `a as b,c` → [['a', 'b'], ['c', 'c']] */
const names = (/** @type {string} */ list) =>
  list.split(',').map((part) => {
    const [from, to = from] = part.trim().split(/\s+as\s+/);
    return [from, to];
  });

/** Turns a module into an expression that yields its exports as an object. */
function scope(/** @type {string} */ code, /** @type {Map<string, string>} */ modules) {
  /** @type {string[]} */ const exported = [];
  const variable = (/** @type {string} */ specifier) => {
    const found = modules.get(specifier);
    if (!found) throw new Error(`${specifier} is imported before it is there`);
    return found;
  };
  const body = withoutSourceMap(code)
    .replace(/import\{([^}]*)\}from"([^"]+)";/g, (_, list, specifier) => {
      const pairs = names(list).map(([from, to]) => (from === to ? from : `${from}:${to}`));
      return `const{${pairs.join()}}=${variable(specifier)};`;
    })
    .replace(/export\{([^}]*)\}from"([^"]+)";?/g, (_, list, specifier) => {
      exported.push(...names(list).map(([from, to]) => `${to}:${variable(specifier)}.${from}`));
      return '';
    })
    .replace(/export\{([^}]*)\};?/g, (_, list) => {
      exported.push(...names(list).map(([from, to]) => `${to}:${from}`));
      return '';
    })
    .replace(/export default /, () => {
      exported.push('default:__default');
      return 'const __default=';
    });
  if (/\b(import|export)\b\s*[{*"]/.test(body)) throw new Error('an import or export was left over');
  return `(() => {\n${body}\nreturn {${exported.join()}};\n})()`;
}

async function build() {
  /** @type {Record<string, string>} */ const files = {};
  /** @type {object[]} */ const libraries = [];
  const modules = new Map([['@preact/signals-core', 'core']]);
  const describe = async (/** @type {{package: string, file: string}} */ part, /** @type {string} */ into) => {
    const manifest = JSON.parse(await read(`${part.package}/package.json`));
    const source = await readFile(`${root}node_modules/${part.package}/${part.file}`);
    libraries.push({ package: part.package, version: manifest.version, licence: manifest.license, file: part.file, sha256: sha256(source), into });
    const licence = `licences/${part.package.replace('@', '').replace('/', '-')}.txt`;
    files[licence] = await read(`${part.package}/LICENSE`);
    return source.toString('utf8');
  };

  const core = withoutSourceMap(await describe(CORE, 'signals-core.js'));
  files['signals-core.js'] = `// @preact/signals-core. Licence: licences/preact-signals-core.txt. Made by scripts/vendor.mjs.\n${core}\n`;

  let merged = '// preact, preact/hooks, @preact/signals, htm. Licences: licences/. Made by scripts/vendor.mjs.\n';
  merged += "import * as core from './signals-core.js';\n";
  for (const part of MERGED) {
    const code = await describe(part, 'preact.js');
    merged += `// ${part.package}/${part.file}\nconst ${part.name} = ${scope(code, modules)};\n`;
    modules.set(part.specifier ?? part.package, part.name);
  }
  for (const [name, list] of Object.entries(EXPORTS)) if (list.length) merged += `export const { ${list.join(', ')} } = ${name};\n`;
  merged += 'export const html = htm.default.bind(preact.h);\n';
  files['preact.js'] = merged;

  const hashes = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, sha256(text)]));
  files['MANIFEST.json'] = `${JSON.stringify({ libraries, files: hashes }, null, 2)}\n`;
  return files;
}

const files = await build();
if (process.argv.includes('--check')) {
  const stale = [];
  for (const [name, text] of Object.entries(files)) {
    if ((await readFile(out + name, 'utf8').catch(() => '')) !== text) stale.push(name);
  }
  if (stale.length) {
    console.error(`vendor/ differs from the pinned packages: ${stale.join(', ')}`);
    process.exit(1);
  }
  console.log('vendor/ is what the pinned packages give');
} else {
  await mkdir(`${out}licences`, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(out + name, text);
  console.log(`wrote ${Object.keys(files).length} files`);
}
