import assert from 'node:assert/strict';
import { evaluate, press, screen } from './harness.mjs';

screen('a_sent_message_is_there_at_once_and_its_state_only_moves_forward', 'room=maya', async (page, { field }) => {
  await field.fill('hello there');
  const { first, states, same } = await page.evaluate(() => new Promise((resolve) => {
    const root = /** @type {any} */ (document.querySelector('chat-app')).shadowRoot;
    const states = [];
    const started = performance.now();
    let first = 0;
    let slot = null;
    const look = () => {
      const row = [...root.querySelectorAll('.row.mine')].at(-1);
      if (row?.textContent.includes('hello there')) {
        first ||= performance.now() - started;
        slot ??= row.closest('.slot');
        const state = row.querySelector('.tick').classList[1];
        if (states.at(-1) !== state) states.push(state);
        if (state === 'read') return resolve({ first, states, same: slot.isConnected && slot === row.closest('.slot') });
      }
      setTimeout(look, 4);
    };
    root.querySelector('.field textarea').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
    look();
  }));
  assert.ok(first < 50, `${first} ms`);
  assert.deepEqual(states.filter((state) => state !== 'queued'), ['sending', 'sent', 'delivered', 'read']);
  assert.ok(same, 'the row is the same element from echo to receipt');
  assert.equal(await field.inputValue(), '');
});

screen('a_refused_message_says_so_and_can_be_tried_again_or_deleted', 'room=maya', async (page, { field, mine }) => {
  await evaluate(page, 'server.plan.push("reject", "reject")');
  await field.fill('no');
  await field.press('Enter');
  await page.locator('.trouble').waitFor();
  assert.match(await page.locator('.trouble').innerText(), /Not sent\. This text is not allowed here\./);
  await page.getByRole('button', { name: 'Try again' }).click();
  await mine.locator('.tick.failed').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.trouble').waitFor({ state: 'detached' });
  await page.locator('.row.mine', { hasText: /^no/ }).locator('.tick.sent, .tick.delivered, .tick.read').waitFor();
  assert.equal(await mine.filter({ hasText: /^no/ }).count(), 1);
  await evaluate(page, 'server.plan.push("reject")');
  await field.fill('away with it');
  await field.press('Enter');
  await page.locator('.trouble').getByRole('button', { name: 'Delete' }).click();
  await page.locator('.row', { hasText: 'away with it' }).waitFor({ state: 'detached' });
});

screen('a_pause_that_the_server_asks_for_is_told_and_kept', 'room=maya', async (page, { field }) => {
  await evaluate(page, 'server.plan.push("rate-limit")');
  await field.fill('too quick');
  await field.press('Enter');
  await page.locator('.toast', { hasText: 'sending quickly' }).waitFor();
  await page.locator('.row.mine', { hasText: 'too quick' }).locator('.tick.read').waitFor();
});

screen('what_is_written_offline_survives_a_reload_and_is_sent_once', 'room=maya', async (page, { field, go }) => {
  await evaluate(page, 'server.setOnline(false)');
  await field.fill('written offline');
  await field.press('Enter');
  await page.locator('.row.mine .tick.queued').waitFor();
  assert.equal(await page.locator('.banner').count(), 0, 'a short loss is not worth a word');
  await page.locator('.banner', { hasText: 'You’re offline' }).waitFor();
  await go();
  await page.locator('.row.mine', { hasText: 'written offline' }).locator('.tick.read').waitFor();
  assert.equal(await page.evaluate('server.rooms.get(rooms.maya).messages.filter((one) => one.content === "written offline").length'), 1);
});

screen('being_back_is_told_for_a_moment', 'room=maya', async (page) => {
  await evaluate(page, 'server.setOnline(false)');
  await page.locator('.banner').waitFor();
  await evaluate(page, 'server.setOnline(true)');
  await page.getByRole('button', { name: 'Connect again' }).click();
  await page.locator('.banner.good', { hasText: 'Back online' }).waitFor();
  await page.locator('.banner').waitFor({ state: 'detached' });
});

screen('the_divider_stands_before_the_first_unread_message_and_the_badge_clears', '', async (page) => {
  await page.waitForFunction(() => document.title.startsWith('(6)'));
  await page.locator('.item', { hasText: 'Maya Chen' }).click();
  await page.locator('.divider').waitFor();
  assert.equal(await page.locator('.divider').innerText(), '2 new messages');
  const after = await page.locator('.slot:has(.divider) ~ .slot').count();
  assert.equal(after + 1, 2);
  await page.waitForFunction(() => document.title.startsWith('(4)'));
  assert.equal(await page.locator('.item', { hasText: 'Maya Chen' }).locator('.badge').count(), 0);
  await page.locator('.item', { hasText: 'Aisha' }).click();
  await page.locator('h1', { hasText: 'Aisha' }).waitFor();
  await page.locator('.item', { hasText: 'Maya Chen' }).click();
  await page.locator('.bubble', { hasText: 'Thank you!' }).waitFor();
  assert.equal(await page.locator('.divider').count(), 0, 'nothing is new the second time');
});

screen('a_page_that_nobody_looks_at_reads_nothing', 'room=aisha', async (page) => {
  await evaluate(page, 'Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true }); window.away = true; document.dispatchEvent(new Event("visibilitychange"))');
  await evaluate(page, 'server.incoming(rooms.aisha, 4, "psst")');
  await page.waitForFunction(() => document.title.startsWith('(7)'));
  await page.locator('.divider').waitFor();
  await evaluate(page, 'window.away = false; document.dispatchEvent(new Event("visibilitychange"))');
  await page.waitForFunction(() => document.title.startsWith('(6)'));
});

screen('somebody_who_scrolled_up_has_not_read_what_arrives', 'room=team', async (page) => {
  await page.waitForFunction(() => document.title.startsWith('(2)'));
  await page.locator('.scroller').evaluate((element) => { element.scrollTop -= 2 * element.clientHeight; });
  await page.locator('.jump').waitFor();
  await evaluate(page, 'server.incoming(rooms.team, 2, "far below")');
  await page.locator('.jump', { hasText: '1 new message' }).waitFor();
  await page.waitForFunction(() => document.title.startsWith('(3)'));
  await page.locator('.jump').click();
  await page.waitForFunction(() => document.title.startsWith('(2)'));
});

screen('typing_is_shown_expires_and_ends_with_a_message', 'room=maya', async (page) => {
  const line = page.locator('.typing-line', { hasText: 'Maya is typing…' });
  await evaluate(page, 'server.typing(rooms.maya, 2, true)');
  await line.waitFor();
  assert.equal(await page.locator('.item', { hasText: 'Maya Chen' }).locator('.typing-now').innerText(), 'typing…');
  await evaluate(page, 'server.incoming(rooms.maya, 2, "done")');
  await line.waitFor({ state: 'detached' });
  await evaluate(page, 'server.typing(rooms.maya, 2, true)');
  await line.waitFor();
  const shown = Date.now();
  await line.waitFor({ state: 'detached' });
  assert.ok(Math.abs(Date.now() - shown - 6000) < 700);
});

screen('the_own_typing_is_sent_at_most_every_three_seconds', 'room=maya', async (page, { field }) => {
  await field.pressSequentially('some words, one after the other', { delay: 15 });
  await field.press('Enter');
  await page.locator('.row.mine', { hasText: 'some words' }).waitFor();
  await page.waitForFunction(() => /** @type {any} */ (window).server.frames.filter((frame) => frame.type === 'typing').length === 2);
});

screen('text_is_formatted_and_never_markup', 'room=maya', async (page, { field, mine }) => {
  await field.fill('<img src=x onerror=alert(1)> **b** *i* ~~s~~ `c` see (https://e.org/a_(b)). javascript:alert(1)');
  await field.press('Enter');
  const text = mine.last().locator('.text');
  await text.locator('strong').waitFor();
  assert.equal(await text.locator('img').count(), 0);
  assert.equal(await text.locator('a').count(), 1);
  assert.equal(await text.locator('a').getAttribute('href'), 'https://e.org/a_(b)');
  assert.equal(await text.locator('a').getAttribute('rel'), 'noopener noreferrer nofollow');
});

screen('names_with_markup_stay_text', '', async (page) => {
  await evaluate(page, 'server.addUser(66, "<img src=x onerror=alert(1)>", "evil", { status: "online" }); window.r = server.addRoom("direct", [1, 66]); server.tell("conversation_changed", server.view(r)); server.incoming(r.id, 66, "<b>hi</b>")');
  const item = page.locator('.item', { hasText: '<img src=x' });
  await item.waitFor();
  assert.match(await item.innerText(), /<b>hi<\/b>/);
  await item.click();
  await page.locator('.heading', { hasText: '<img src=x' }).waitFor();
});

screen('arrow_up_edits_the_last_message_escape_leaves_and_the_label_follows', 'room=aisha', async (page, { field, mine }) => {
  await field.press('ArrowUp');
  await page.locator('.context').waitFor();
  assert.equal(await field.inputValue(), 'Brilliant, thank you!');
  await field.press('Escape');
  await page.locator('.context').waitFor({ state: 'detached' });
  assert.equal(await field.inputValue(), '');
  await field.press('ArrowUp');
  await page.locator('.context').waitFor();
  await field.fill('Brilliant!');
  await field.press('Enter');
  await mine.filter({ hasText: 'edited' }).waitFor();
  await page.locator('.context').waitFor({ state: 'detached' });
  assert.equal(await field.inputValue(), '');
});

screen('a_reply_carries_its_quote_and_the_quote_leads_back', 'room=maya', async (page, { field, mine }) => {
  await page.locator('.row.theirs .bubble', { hasText: 'half an hour by train' }).hover();
  await press(page.locator('.toolbar [aria-label="Reply"]'));
  await page.locator('.context', { hasText: 'Replying to Maya Chen' }).waitFor();
  await field.fill('I will');
  await field.press('Enter');
  await mine.last().locator('.quote', { hasText: 'half an hour by train' }).click();
  await page.locator('.row.flash', { hasText: 'half an hour by train' }).waitFor();
});

screen('deleting_asks_and_leaves_a_tombstone', 'room=aisha', async (page, { mine }) => {
  await mine.last().locator('.bubble').hover();
  await press(page.locator('.toolbar [aria-label="Delete for everyone"]'));
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await mine.last().getByText('This message was deleted').waitFor();
  assert.match(await page.locator('.item', { hasText: 'Aisha' }).innerText(), /This message was deleted/);
});

screen('an_edit_and_a_deletion_by_the_other_side_appear', 'room=maya', async (page) => {
  await evaluate(page, 'server.change(rooms.maya, 10, { content: "Never mind the room", edited_at: new Date().toISOString() })');
  await page.locator('.row.theirs', { hasText: 'Never mind the room' }).locator('.meta', { hasText: 'edited' }).waitFor();
  await evaluate(page, 'server.change(rooms.maya, 9, { content: "", deleted_at: new Date().toISOString() })');
  await page.locator('.row.theirs .gone').waitFor();
});

screen('a_pasted_picture_gets_a_chip_a_progress_bar_and_its_final_size_at_once', 'room=maya&latency=60', async (page, { field, mine }) => {
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(400, 200);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.fillStyle = 'teal';
    context.fillRect(0, 0, 400, 200);
    const data = new DataTransfer();
    data.items.add(new File([await canvas.convertToBlob()], 'pasted.png', { type: 'image/png' }));
    const area = /** @type {any} */ (document.querySelector('chat-app')).shadowRoot.querySelector('.field textarea');
    area.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.locator('.chip img').waitFor();
  await field.press('Enter');
  const row = mine.last();
  await row.locator('.progress').waitFor();
  const before = await row.boundingBox();
  await row.locator('.progress').waitFor({ state: 'detached' });
  await row.locator('.tick.read').waitFor();
  const after = await row.boundingBox();
  assert.equal(after?.height, before?.height, 'the row kept its height');
  assert.equal(await row.locator('.picture').evaluate((element) => Math.round(element.offsetWidth / element.offsetHeight)), 2);
});

screen('a_file_over_the_limit_is_refused_before_it_is_sent', 'room=maya', async (page) => {
  await page.setInputFiles('.composer input[type=file]', { name: 'big.png', mimeType: 'image/png', buffer: Buffer.alloc(11 * 1024 * 1024) });
  await page.locator('.toast', { hasText: 'larger than 10 MB' }).waitFor();
  assert.equal(await page.locator('.chip').count(), 0);
});

screen('a_dropped_file_is_attached', 'room=maya', async (page, { mine, field }) => {
  const drag = (/** @type {string} */ type) => page.evaluate((type) => {
    const data = new DataTransfer();
    data.items.add(new File(['text'], 'notes.txt', { type: 'text/plain' }));
    const target = /** @type {any} */ (document.querySelector('chat-app')).shadowRoot.querySelector('.conversation');
    target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }, type);
  await drag('dragover');
  await page.locator('.drop').waitFor();
  await drag('drop');
  await page.locator('.chip', { hasText: 'notes.txt' }).waitFor();
  await field.press('Enter');
  await mine.last().locator('.file', { hasText: 'notes.txt' }).waitFor();
});

screen('a_picture_opens_on_the_whole_screen_and_gives_the_focus_back', 'room=maya', async (page) => {
  await page.locator('.scroller').evaluate((element) => { element.scrollTop = 0; });
  await page.locator('.picture').first().focus();
  await page.keyboard.press('Enter');
  await page.locator('dialog.lightbox[open] img').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await page.waitForFunction(() => /** @type {any} */ (document.querySelector('chat-app')).shadowRoot.activeElement?.className === 'picture');
});
