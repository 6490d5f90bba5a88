// One browser and one file server for a file of tests; every test gets a page of its own and fails on any page error.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, newPage, serveFiles } from '../browser.mjs';

/** @type {import('playwright-core').Browser} */ let browser;
/** @type {Awaited<ReturnType<typeof serveFiles>>} */ let files;
before(async () => {
  [browser, files] = await Promise.all([launch(), serveFiles()]);
});
after(async () => {
  await browser?.close();
  files?.close();
});
export const site = () => files;

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/**
 * @param {string} name @param {string} query parameters of the test page
 * @param {(page: import('playwright-core').Page, tools: any) => Promise<unknown>} run
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export function screen(name, query, run, options = {}) {
  test(name, async () => {
    const { context, page, errors } = await newPage(browser, options);
    const go = async (/** @type {string} */ parameters = query) => {
      await page.goto(`${files.url}/test/page.html?${parameters}`);
      await page.locator(parameters.includes('out') ? '.card' : parameters.includes('room=') ? '.bubble' : '.side .item').first().waitFor();
    };
    try {
      await go();
      await run(page, { go, context, errors, field: page.locator('.field textarea'), rows: page.locator('.row'), mine: page.locator('.row.mine') });
      assert.deepEqual(errors, [], 'the page reported errors');
    } finally {
      await context.close();
    }
  });
}

/** Runs in the page. @param {import('playwright-core').Page} page @param {string} code */
export const evaluate = (page, code) => page.evaluate(code);

/** Waits until an expression is true; asked from outside, because the page's policy forbids evaluating text. */
export async function until(/** @type {import('playwright-core').Page} */ page, /** @type {string} */ code) {
  for (let i = 0; i < 400; i++) {
    if (await page.evaluate(code)) return;
    await page.waitForTimeout(25);
  }
  throw new Error(`never: ${code}`);
}

/** Key and top of the first row that is fully below the upper edge. @param {import('playwright-core').Page} page */
export const topRow = (page) =>
  page.evaluate(() => {
    const root = /** @type {any} */ (document.querySelector('chat-app')).shadowRoot;
    const edge = root.querySelector('.scroller').getBoundingClientRect().top;
    const row = [...root.querySelectorAll('.slot')].find((element) => element.getBoundingClientRect().top > edge + 30);
    return { key: row.dataset.key, top: row.getBoundingClientRect().top };
  });
/** Distance of the view from the end of the list. @param {import('playwright-core').Page} page */
export const fromEnd = (page) => page.locator('.scroller').evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
/** Waits until two frames brought no change of the list. @param {import('playwright-core').Page} page */
export async function still(page) {
  let before = '';
  for (let i = 0; i < 40; i++) {
    const now = await page.locator('.scroller').evaluate((element) => new Promise((resolve) => {
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(`${element.scrollTop}/${element.scrollHeight}/${element.children.length}`)));
    }));
    if (now === before) return;
    before = now;
    await page.waitForTimeout(30);
  }
}

/** Clicks where something is, like a hand does: `click()` may scroll first, and what hovering had opened is gone. @param {import('playwright-core').Locator} locator */
export async function press(locator) {
  await locator.waitFor();
  await locator.evaluate((element) => Promise.all(element.closest('.toolbar')?.getAnimations().map((animation) => animation.finished) ?? []));
  const box = /** @type {{x: number, y: number, width: number, height: number}} */ (await locator.boundingBox());
  await locator.page().mouse.click(box.x + box.width / 2, box.y + box.height / 2);
}
