import assert from 'node:assert/strict';
import { until, evaluate, fromEnd, screen, still, topRow } from './harness.mjs';

/** Loads the whole history of the big group. */
const everything = (page) => page.evaluate(async () => {
  const log = /** @type {any} */ (window).element.app.store.log(/** @type {any} */ (window).rooms.team);
  while (log.hasBefore) await log.loadBefore();
});

screen('ten_thousand_messages_keep_less_than_120_rows_in_the_page', 'room=team&n=10000&latency=0', async (page) => {
  await everything(page);
  for (const part of [0, 0.25, 0.5, 0.77, 1]) {
    await page.locator('.scroller').evaluate((element, part) => { element.scrollTop = element.scrollHeight * part; }, part);
    await still(page);
    const rows = await page.locator('.slot').count();
    assert.ok(rows > 5 && rows < 120, `${rows} rows at ${part}`);
  }
  const nodes = await page.evaluate(() => /** @type {any} */ (document.querySelector('chat-app')).shadowRoot.querySelectorAll('*').length);
  assert.ok(nodes < 2500, `${nodes} elements`);
});

screen('wheeling_through_the_history_shows_no_blank_frame', 'room=team&n=3000&latency=0', async (page) => {
  await everything(page);
  await evaluate(page, `window.blank = 0; window.watch = true;
    (function look() {
      const root = element.shadowRoot, box = root.querySelector('.scroller').getBoundingClientRect();
      for (const part of [0.15, 0.5, 0.85]) {
        let hit = root.elementFromPoint(box.left + box.width / 2, box.top + box.height * part);
        if (!hit?.closest('.slot, .head, .floating-day, .jump')) blank++;
      }
      if (watch) requestAnimationFrame(look);
    })()`);
  await page.mouse.move(800, 400);
  for (let i = 0; i < 60; i++) {
    await page.mouse.wheel(0, -720);
    await page.waitForTimeout(8);
  }
  await still(page);
  assert.equal(await evaluate(page, 'watch = false, blank'), 0);
});

screen('at_the_end_it_stays_at_the_end', 'room=team', async (page, { field }) => {
  await page.locator('.scroller').evaluate((element) => { element.scrollTop = element.scrollHeight; });
  await still(page);
  await evaluate(page, 'server.incoming(rooms.team, 4, "one\\ntwo\\nthree")');
  await page.locator('.bubble', { hasText: 'one' }).last().waitFor();
  await still(page);
  assert.ok((await fromEnd(page)) < 2);
  await field.fill('a\nb\nc\nd\ne');
  await still(page);
  assert.ok((await fromEnd(page)) < 2, 'also when the composer grows');
  await page.setViewportSize({ width: 900, height: 600 });
  await still(page);
  assert.ok((await fromEnd(page)) < 2, 'also when the window changes');
});

screen('new_messages_do_not_move_somebody_who_reads_above', 'room=team', async (page) => {
  await page.mouse.move(800, 400);
  await page.mouse.wheel(0, -1500);
  await still(page);
  const before = await topRow(page);
  await evaluate(page, 'server.incoming(rooms.team, 5, "two"), server.incoming(rooms.team, 5, "three")');
  await page.locator('.jump', { hasText: '2 new messages' }).waitFor();
  assert.deepEqual(await topRow(page), before);
  await page.locator('.jump').click();
  await page.locator('.jump').waitFor({ state: 'detached' });
});

screen('an_older_page_does_not_move_the_view', 'room=team&latency=500', async (page) => {
  const count = () => evaluate(page, 'element.app.store.log(rooms.team).items.length');
  await until(page, '!element.app.store.log(rooms.team).loading.value');
  const loaded = await count();
  await page.mouse.move(800, 400);
  await page.mouse.wheel(0, -2500);
  await page.waitForTimeout(120);
  const before = await topRow(page);
  assert.equal(await count(), loaded, 'the page is still on its way');
  await page.waitForFunction((loaded) => /** @type {any} */ (window).element.app.store.log(/** @type {any} */ (window).rooms.team).items.length > loaded, loaded);
  await still(page);
  const after = await topRow(page);
  assert.equal(after.key, before.key);
  assert.ok(Math.abs(after.top - before.top) <= 1, `moved by ${after.top - before.top}`);
});

screen('a_row_that_grows_above_does_not_move_the_view', 'room=team&latency=0', async (page) => {
  await everything(page);
  await page.mouse.move(800, 400);
  await page.mouse.wheel(0, -3000);
  await still(page);
  const before = await topRow(page);
  await page.evaluate((key) => {
    const root = /** @type {any} */ (document.querySelector('chat-app')).shadowRoot;
    const slots = [...root.querySelectorAll('.slot')];
    slots[slots.findIndex((slot) => slot.dataset.key === key) - 3].querySelector('.bubble').style.paddingBottom = '180px';
  }, before.key);
  await still(page);
  const after = await topRow(page);
  assert.equal(after.key, before.key);
  assert.ok(Math.abs(after.top - before.top) <= 1, `moved by ${after.top - before.top}`);
});

screen('a_visit_lands_on_the_first_unread_message_with_context_above', 'n=300', async (page) => {
  await evaluate(page, 'for (let i = 0; i < 90; i++) server.incoming(rooms.team, 2, `news ${i}`)');
  await page.locator('.item', { hasText: 'Product team' }).locator('.badge', { hasText: '94' }).waitFor();
  await page.locator('.item', { hasText: 'Product team' }).click();
  await page.locator('.divider').waitFor();
  await still(page);
  assert.equal(await page.locator('.divider').innerText(), '94 new messages');
  const part = await page.evaluate(() => {
    const root = /** @type {any} */ (document.querySelector('chat-app')).shadowRoot;
    const box = root.querySelector('.scroller').getBoundingClientRect();
    return (root.querySelector('.divider').getBoundingClientRect().top - box.top) / box.height;
  });
  assert.ok(Math.abs(part - 0.25) < 0.03, `at ${part} of the height`);
  await page.waitForFunction(() => document.title.startsWith('(96)'), undefined, { timeout: 2000 });
  await page.locator('.jump').click();
  await page.waitForFunction(() => document.title.startsWith('(2)'));
});

screen('a_far_quote_loads_its_page_and_one_can_scroll_on_both_ways', 'room=team', async (page) => {
  await evaluate(page, 'server.tell("receive_message", server.write(server.rooms.get(rooms.team), 2, "see there", { reply: server.rooms.get(rooms.team).messages[40] }))');
  await page.locator('.row', { hasText: 'see there' }).locator('.quote').click();
  await page.locator('.row.flash').waitFor();
  const seqs = () => evaluate(page, 'element.app.store.log(rooms.team).items.map((item) => item.seq)');
  assert.ok((await seqs()).includes(41) && !(await seqs()).includes(300));
  await page.mouse.move(800, 400);
  for (let i = 0; i < 60; i++) {
    await page.mouse.wheel(0, 900);
    await page.waitForTimeout(25);
  }
  await page.locator('.row', { hasText: 'see there' }).waitFor();
  const all = await seqs();
  assert.deepEqual(all, all.map((_, i) => all[0] + i), 'no hole');
});

screen('days_are_separated_and_groups_have_one_name_and_one_face', 'room=team', async (page) => {
  const wrong = await page.evaluate(() => {
    const root = /** @type {any} */ (document.querySelector('chat-app')).shadowRoot;
    return [...root.querySelectorAll('.row.theirs')].filter((row) =>
      (row.querySelector('.name') !== null) !== row.classList.contains('head') || (row.querySelector('.face-column .avatar') !== null) !== row.classList.contains('tail')).length;
  });
  assert.equal(wrong, 0);
  await page.locator('.item', { hasText: 'Maya Chen' }).click();
  await page.locator('.bubble', { hasText: 'Thank you!' }).waitFor();
  assert.deepEqual((await page.locator('.day').allInnerTexts()).at(-1), 'Today');
});
