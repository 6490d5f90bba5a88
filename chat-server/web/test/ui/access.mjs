import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { root } from '../browser.mjs';
import { evaluate, screen, site } from './harness.mjs';
import { test } from 'node:test';

const axe = await readFile(`${root}node_modules/axe-core/axe.min.js`, 'utf8');
/** @param {import('playwright-core').Page} page */
async function violations(page) {
  await page.evaluate(axe); // by the debugger: the page's own policy would refuse it
  const found = await page.evaluate(() => /** @type {any} */ (window).axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return found.violations.map((/** @type {any} */ one) => `${one.id}: ${one.nodes.map((/** @type {any} */ node) => node.html.slice(0, 160)).join(' | ')}`);
}
const SCREENS = /** @type {const} */ ([
  ['list', '', async () => {}],
  ['direct', 'room=maya', async () => {}],
  ['group', 'room=team', async () => {}],
  ['sign_in', 'out', async () => {}],
  ['compose', '', (page) => page.getByRole('button', { name: 'New conversation' }).first().click()],
  ['broadcast', '', (page) => page.getByRole('button', { name: 'Message several people' }).click()],
  ['settings', '', (page) => page.getByRole('button', { name: 'Settings' }).click()],
  ['details', 'room=team', (page) => page.getByRole('button', { name: 'Conversation details' }).click()],
]);
for (const [name, query, act] of SCREENS) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    screen(`axe_finds_nothing_on_${name}_${colorScheme}`, query, async (page, { errors }) => {
      await act(page);
      await page.waitForTimeout(350);
      assert.deepEqual(errors, []);
      assert.deepEqual(await violations(page), []);
      errors.length = 0; // axe measures with inline styles, which the policy reports
    }, { colorScheme });
  }
}

screen('the_list_and_the_log_are_one_tab_stop_each', 'room=team', async (page) => {
  assert.equal(await page.locator('.side .item[tabindex="0"]').count(), 1);
  assert.equal(await page.locator('.slot[tabindex="0"]').count(), 0);
  assert.equal(await page.locator('[role=log]').getAttribute('tabindex'), '0');
});

screen('everything_can_be_done_with_the_keyboard', '', async (page, { mine }) => {
  await page.locator('.item').first().focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.locator('.bubble').first().waitFor();
  await page.waitForFunction(() => /** @type {any} */ (document.querySelector('chat-app')).shadowRoot.activeElement?.tagName === 'TEXTAREA');
  await page.keyboard.type('typed by keys');
  await page.keyboard.press('Enter');
  await mine.filter({ hasText: 'typed by keys' }).locator('.tick.read').waitFor();
  await page.locator('.scroller').focus();
  await page.keyboard.press('ArrowUp');
  const focused = () => page.evaluate(() => /** @type {any} */ (document.querySelector('chat-app')).shadowRoot.activeElement?.className);
  assert.equal(await focused(), 'slot');
  const outline = await page.locator('.slot:focus .bubble').evaluate((element) => Number.parseFloat(getComputedStyle(element).outlineWidth));
  assert.ok(outline >= 2, 'the focus can be seen');
  await page.keyboard.press('e');
  await page.locator('.context', { hasText: 'Editing message' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.scroller').focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('r');
  await page.locator('.context', { hasText: 'Replying to' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Alt+ArrowDown');
  await page.locator('.heading', { hasText: 'Product team' }).waitFor();
});

screen('forty_steps_up_the_focus_is_still_on_a_visible_message', 'room=team', async (page) => {
  await page.locator('.scroller').focus();
  for (let i = 0; i < 40; i++) await page.keyboard.press('ArrowUp');
  await page.waitForTimeout(100);
  assert.ok(await page.evaluate(() => {
    const root = /** @type {any} */ (document.querySelector('chat-app')).shadowRoot;
    const row = root.activeElement;
    const box = root.querySelector('.scroller').getBoundingClientRect();
    const at = row?.getBoundingClientRect();
    return row?.classList.contains('slot') && at.bottom > box.top && at.top < box.bottom;
  }));
});

screen('news_are_announced_once_and_many_as_a_number', 'room=maya', async (page) => {
  assert.equal(await page.locator('[role=log]').getAttribute('aria-live'), 'off');
  await evaluate(page, 'server.incoming(rooms.maya, 2, "ping")');
  await page.locator('[aria-live=polite]', { hasText: 'Maya Chen: ping' }).waitFor({ state: 'attached' });
  await evaluate(page, 'for (let i = 0; i < 5; i++) server.incoming(rooms.maya, 2, `more ${i}`)');
  await page.locator('[aria-live=polite]', { hasText: '5 new messages' }).waitFor({ state: 'attached' });
});

test('the_page_asks_for_the_modules_of_its_start_and_of_a_conversation', async () => {
  const { startModules } = await import('../../scripts/modules.mjs');
  const { launch, newPage } = await import('../browser.mjs');
  const browser = await launch();
  const { page, errors } = await newPage(browser);
  site().requests.length = 0;
  await page.goto(`${site().url}/`, { waitUntil: 'networkidle' });
  await page.locator('.card').waitFor();
  const modules = new Set(site().requests.filter((path) => path.endsWith('.js')).map((path) => path.slice(1)));
  const wanted = new Set(['ui/sign-in.js', ...(await startModules(root)), ...(await startModules(root, 'ui/conversation.js'))]);
  assert.deepEqual([...modules].sort(), [...wanted].sort());
  assert.ok(!errors.some((error) => error.includes('Policy')), errors.join());
  await browser.close();
});
