// Writes index.html: the modulepreload links are the module graph that chat-app.js needs at start.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startModules } from './modules.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const preload = (await startModules(root)).map((file) => `<link rel="modulepreload" href="${file}">`).join('\n');
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<title>Messages</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="page.css">
<link rel="preload" href="ui/styles.css" as="style">
${preload}
<script type="module" src="ui/chat-app.js"></script>
</head>
<body>
<chat-app page></chat-app>
<noscript>This chat needs JavaScript.</noscript>
</body>
</html>
`;
if (process.argv.includes('--check')) {
  if ((await readFile(`${root}index.html`, 'utf8')) !== page) {
    console.error('index.html does not list the modules of the start: npm run page');
    process.exit(1);
  }
} else {
  await writeFile(`${root}index.html`, page);
}
