// Pictures of every screen, wide and narrow, light and dark, for somebody to look at: node scripts/shots.mjs <folder>
import { mkdir } from 'node:fs/promises';
import { launch, newPage, serveFiles } from '../test/browser.mjs';

const folder = process.argv[2] ?? 'shots';
const only = process.argv[3];
await mkdir(folder, { recursive: true });
const files = await serveFiles();
const browser = await launch();
const wide = { width: 1280, height: 800 };
const narrow = { width: 390, height: 844 };

/** @type {[name: string, query: string, act?: (page: import('playwright-core').Page) => Promise<unknown>][]} */
const SCREENS = [
  ['list', ''],
  ['direct', 'room=maya'],
  ['group', 'room=team'],
  ['states', 'room=maya', async (page) => {
    const field = page.locator('.field textarea');
    await page.evaluate('server.receipts = false; server.plan.push("reject")');
    await field.fill('This one is refused');
    await page.locator('.send').click();
    await page.locator('.trouble').waitFor();
    await page.evaluate('server.setOnline(false)');
    await field.fill('This one waits, **in bold**');
    await page.locator('.send').click();
    await page.locator('.banner').waitFor();
    await page.locator('[aria-label="Emoji"]').click();
  }],
  ['typing', 'room=maya', (page) => page.evaluate('server.typing(rooms.maya, 2, true), server.typing(rooms.aisha, 4, true)')],
  ['hover', 'room=maya', (page) => page.locator('.row.mine .bubble').last().hover()],
  ['compose', '', (page) => page.locator('[aria-label="New conversation"]').first().click()],
  ['broadcast', '', async (page) => {
    await page.locator('[aria-label="Message several people"]').click();
    await page.locator('.choice').nth(1).click();
    await page.locator('.choice').nth(2).click();
  }],
  ['settings', '', (page) => page.locator('[aria-label="Settings"]').click()],
  ['details', 'room=team', (page) => page.locator('[aria-label="Conversation details"]').click()],
  ['lightbox', 'room=maya', async (page) => {
    await page.locator('.scroller').evaluate((element) => { element.scrollTop = 0; });
    await page.locator('.picture').first().click();
  }],
  ['people', '', (page) => page.getByRole('button', { name: 'People', exact: true }).click()],
  ['entrance', 'out'],
];
for (const [size, viewport] of /** @type {const} */ ([['wide', wide], ['narrow', narrow]])) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    for (const [name, query, act] of SCREENS) {
      if (only && !only.split(',').includes(name)) continue;
      const touch = size === 'narrow' ? { hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : {};
      const { context, page, errors } = await newPage(browser, { viewport, colorScheme, ...touch });
      try {
        if (size === 'narrow' && name === 'hover') continue;
        await page.goto(`${files.url}/test/page.html?${query}`);
        await page.locator(query === 'out' ? '.card' : query ? '.bubble' : '.item').first().waitFor();
        await act?.(page);
        await page.waitForTimeout(400);
        await page.screenshot({ path: `${folder}/${name}-${size}-${colorScheme}.png` });
      } catch (error) {
        console.error(`${name} ${size} ${colorScheme}: ${error}`);
      }
      for (const error of errors) console.error(`${name} ${size} ${colorScheme}: ${error}`);
      await context.close();
    }
  }
}
await browser.close();
files.close();
