// Journeys of people in browsers of their own, against a real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launch, newPage } from '../browser.mjs';
import { startServer } from './server.mjs';

const PASSWORD = 'correct horse battery staple 7';
const unique = `${Date.now().toString(36)}${Math.floor(Math.random() * 1000)}`;
const shots = process.env.CHAT_SHOTS;

/** A small picture with an edge that shows whether it was scaled. */
const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAgAAAAECAIAAAA8r+mnAAAASUlEQVR42g3JMQEAQQgEsZVxFTUiVsTUKEEOcpCDhP+0kVAiUKNBiw49JBFJQDQxxBJHPOIPJwY3Hrz48MN/VFJQTQ211FGP+gAe3x0hpaMKKgAAAABJRU5ErkJggg==', 'base64');

/**
 * Somebody with a browser.
 * @param {import('playwright-core').Browser} browser @param {string} url @param {string} name
 */
async function person(browser, url, name) {
  const { page, context, errors } = await newPage(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  page.setDefaultTimeout(15_000);
  const username = `${name}-${unique}`;
  const self = {
    name, username, page, context, errors,
    field: page.locator('.field textarea'),
    async register() {
      await page.goto(url);
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.getByLabel('Username').fill(username);
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.locator('.side').waitFor();
    },
    async signIn() {
      await page.getByLabel('Username').fill(username);
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.locator('.side').waitFor();
    },
    item: (/** @type {string} */ text) => page.locator('.side .item', { hasText: text }),
    row: (/** @type {string} */ text) => page.locator('.row', { hasText: text }),
    async find(/** @type {string} */ text) {
      await page.locator('.side .search input').fill(text);
      await self.item(text).first().click();
      await page.locator('.heading', { hasText: text }).waitFor();
    },
    async say(/** @type {string} */ text) {
      await self.field.fill(text);
      await self.field.press('Enter');
      await self.row(text).waitFor();
    },
    shot: async (/** @type {string} */ label) => {
      if (shots && !page.isClosed()) await page.screenshot({ path: `${shots}/${label}.png` });
    },
  };
  return self;
}

test('people_chat', { timeout: 240_000 }, async (t) => {
  const server = await startServer();
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await server.close();
  });
  const [anna, ben, cleo] = await Promise.all(['anna', 'ben', 'cleo'].map((name) => person(browser, server.url, name)));
  const step = (/** @type {string} */ name, /** @type {() => Promise<void>} */ run) => t.test(name, async () => {
    try {
      await run();
    } catch (error) {
      await Promise.all([anna, ben, cleo].map((one) => one.shot(`failed-${name}-${one.name}`)));
      throw error;
    }
  });

  await step('a_weak_password_and_a_taken_name_are_refused_with_reasons', async () => {
    const { page } = anna;
    await page.goto(server.url);
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByLabel('Username').fill(anna.username);
    await page.getByLabel('Password', { exact: true }).fill('password');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.locator('.problem').waitFor();
    assert.ok((await page.locator('.problem').innerText()).length > 10);
    await anna.shot('weak-password');
    anna.errors.length = 0; // the browser reports a refused request by itself
    await anna.register();
    await ben.page.goto(server.url);
    await ben.page.getByRole('button', { name: 'Create account' }).click();
    await ben.page.getByLabel('Username').fill(anna.username.toUpperCase());
    await ben.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await ben.page.getByRole('button', { name: 'Create account' }).click();
    await ben.page.locator('.problem', { hasText: 'taken' }).waitFor();
    ben.errors.length = 0;
    await Promise.all([ben.register(), cleo.register()]);
  });

  await step('two_find_each_other_and_talk', async () => {
    await anna.find(ben.username);
    await anna.page.locator('.heading', { hasText: 'Online' }).waitFor();
    await anna.say('Hello Ben');
    await ben.item(anna.username).locator('.badge', { hasText: '1' }).waitFor();
    await anna.row('Hello Ben').locator('.tick.delivered').waitFor();
    await ben.page.waitForFunction(() => document.title.startsWith('(1)'));
    await ben.item(anna.username).click();
    await ben.row('Hello Ben').waitFor();
    await anna.row('Hello Ben').locator('.tick.read').waitFor();
    await ben.page.waitForFunction(() => !document.title.startsWith('('));
    await ben.field.pressSequentially('Hello An');
    await anna.page.locator('.typing-line', { hasText: 'is typing' }).waitFor();
    await ben.field.fill('');
    await ben.field.fill('Hello Anna, **good** to see you');
    await ben.field.press('Enter');
    await anna.row('good to see you').locator('strong').waitFor();
    await anna.page.locator('.typing-line span').first().waitFor({ state: 'detached' });
    await anna.shot('two-wide');
  });

  await step('pictures_are_sent_seen_and_enlarged', async () => {
    await ben.page.setInputFiles('.composer input[type=file]', { name: 'sea.png', mimeType: 'image/png', buffer: PICTURE });
    await ben.field.fill('From the sea');
    await ben.field.press('Enter');
    await ben.row('From the sea').locator('.tick.read').waitFor();
    const image = anna.row('From the sea').locator('.picture img');
    await image.waitFor();
    await anna.page.waitForFunction(() => [.../** @type {any} */ (document.querySelector('chat-app')).shadowRoot.querySelectorAll('.picture img')].every((one) => one.complete && one.naturalWidth === 8));
    await anna.row('From the sea').locator('.picture').click();
    await anna.page.locator('dialog.lightbox img').waitFor();
    await anna.page.keyboard.press('Escape');
    await anna.page.setInputFiles('.composer input[type=file]', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('plain text') });
    await anna.field.press('Enter');
    await ben.page.locator('.file', { hasText: 'notes.txt' }).waitFor();
    await anna.page.setInputFiles('.composer input[type=file]', { name: 'evil.png', mimeType: 'image/png', buffer: Buffer.from('<html><script>alert(1)</script></html>') });
    await anna.field.press('Enter');
    await anna.page.locator('.trouble').waitFor();
    await anna.page.locator('.trouble').getByRole('button', { name: 'Delete' }).click();
    anna.errors.length = 0;
  });

  await step('edits_deletions_and_replies_arrive', async () => {
    await anna.say('a tipo');
    await anna.row('a tipo').locator('.tick.read').waitFor();
    await anna.field.press('ArrowUp');
    await anna.page.locator('.context', { hasText: 'Editing' }).waitFor();
    await anna.field.fill('a typo');
    await anna.field.press('Enter');
    await ben.row('a typo').locator('.meta', { hasText: 'edited' }).waitFor();
    await ben.row('a typo').locator('.bubble').hover();
    await ben.row('a typo').locator('.toolbar [aria-label="Reply"]').dispatchEvent('click');
    await ben.say('well spotted');
    await anna.row('well spotted').locator('.quote', { hasText: 'a typo' }).waitFor();
    await anna.page.locator('.scroller').focus();
    await anna.page.keyboard.press('ArrowUp');
    await anna.page.keyboard.press('ArrowUp');
    await anna.page.keyboard.press('Delete');
    await anna.page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await ben.page.locator('.bubble.gone').waitFor();
    await ben.row('well spotted').locator('.quote', { hasText: 'Original message deleted' }).waitFor();
  });

  await step('a_group_talks_and_its_members_change', async () => {
    await anna.page.getByRole('button', { name: 'New conversation' }).first().click();
    for (const other of [ben, cleo]) {
      await anna.page.locator('.picker .search input').fill(other.username);
      await anna.page.locator('.choice', { hasText: other.username }).click();
    }
    await anna.page.getByRole('button', { name: 'Next (2)' }).click();
    await anna.page.getByLabel('Group name').fill('Boat trip');
    await anna.page.getByRole('button', { name: 'Create group' }).click();
    await anna.page.locator('.heading', { hasText: '3 members' }).waitFor();
    await anna.say('Who brings lunch?');
    await cleo.item('Boat trip').locator('.badge').waitFor();
    await cleo.item('Boat trip').click();
    await cleo.say('I do');
    await anna.row('I do').locator('.name', { hasText: cleo.username }).waitFor();
    await anna.page.getByRole('button', { name: 'Conversation details' }).click();
    await anna.page.getByRole('button', { name: 'Rename' }).click();
    await anna.page.getByLabel('Group name').fill('Boat and lunch');
    await anna.page.getByRole('button', { name: 'Save' }).click();
    await cleo.page.locator('.heading', { hasText: 'Boat and lunch' }).waitFor();
    await anna.page.getByRole('button', { name: `Remove ${cleo.username}` }).click();
    await cleo.page.getByText('You’re no longer in this group.').waitFor();
    await anna.page.keyboard.press('Escape');
    await anna.page.locator('.heading', { hasText: '2 members' }).waitFor();
    await anna.shot('group-wide');
  });

  await step('a_profile_change_is_seen_by_others', async () => {
    const { page } = ben;
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Benedict');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.toast', { hasText: 'Saved' }).waitFor();
    await page.locator('.settings input[type=file]').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: PICTURE });
    await page.locator('.profile .avatar img').waitFor();
    await page.getByRole('radio', { name: 'Away' }).check();
    await page.keyboard.press('Escape');
    await anna.item('Benedict').locator('.avatar img').waitFor();
    await anna.item('Benedict').locator('.dot.away').waitFor();
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('radio', { name: 'Online' }).check();
    await page.getByLabel('Name', { exact: true }).fill(ben.username);
    await page.getByRole('button', { name: 'Save' }).click();
    await anna.item(ben.username).locator('.dot.online').waitFor();
    await page.keyboard.press('Escape');
  });

  await step('a_broadcast_reaches_everybody_chosen', async () => {
    await anna.page.getByRole('button', { name: 'Message several people' }).click();
    await anna.page.getByRole('dialog').getByLabel('Your message').fill('We meet at nine');
    for (const other of [ben, cleo]) {
      await anna.page.locator('.picker .search input').fill(other.username);
      await anna.page.locator('.choice', { hasText: other.username }).click();
    }
    await anna.page.getByRole('button', { name: 'Send to 2 people' }).click();
    await anna.page.getByText('Sent to 2 people.').waitFor();
    await anna.page.locator('footer').getByRole('button', { name: 'Close' }).click();
    for (const other of [ben, cleo]) await other.item(anna.username).filter({ hasText: 'We meet at nine' }).waitFor();
  });

  await step('everything_is_there_after_a_reload', async () => {
    await anna.find(ben.username);
    await anna.row('We meet at nine').waitFor();
    await anna.page.reload();
    await anna.row('We meet at nine').waitFor();
    await anna.row('Hello Anna').waitFor();
    assert.equal(await anna.row('Hello Ben').count(), 1);
  });

  if (server.kill && server.start) {
    await step('a_server_that_is_killed_and_restarted_loses_and_doubles_nothing', async () => {
      await ben.item(anna.username).click();
      await ben.row('We meet at nine').waitFor();
      await Promise.all([anna.say('before the fall'), ben.row('before the fall').waitFor()]);
      await server.kill?.();
      await anna.say('written into the dark 1');
      await anna.say('written into the dark 2');
      await ben.say('me too');
      await anna.page.locator('.banner', { hasText: 'offline' }).waitFor();
      await anna.shot('offline-wide');
      await server.start?.();
      for (const one of [anna, ben]) await one.page.locator('.banner.good, .banner').waitFor({ state: 'detached', timeout: 40_000 });
      for (const one of [anna, ben]) for (const text of ['before the fall', 'written into the dark 1', 'written into the dark 2', 'me too']) await one.row(text).waitFor();
      await anna.row('written into the dark 2').locator('.tick.read').waitFor();
      for (const one of [anna, ben]) {
        const texts = await one.page.locator('.row .text').allInnerTexts();
        for (const text of ['written into the dark 1', 'written into the dark 2', 'me too']) assert.equal(texts.filter((row) => row.includes(text)).length, 1, `${one.name}: ${text}`);
        const at = ['dark 1', 'dark 2'].map((text) => texts.findIndex((row) => row.includes(text)));
        assert.ok(at[0] < at[1], 'in the order of writing');
      }
      for (const one of [anna, ben, cleo]) one.errors.length = 0; // refused connections are reported by the browser
    });
  }

  if (server.kill && server.start) {
    await step('somebody_who_was_away_for_long_converges', async () => {
      const signedIn = async (/** @type {string} */ path, /** @type {object} */ body, /** @type {string} */ token = '') => {
        const answer = await fetch(`${server.url}/api${path}`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) } });
        return answer.json();
      };
      await ben.item(anna.username).click();
      await ben.row('me too').waitFor();
      const id = Number(/#c=(\d+)/.exec(ben.page.url())?.[1]);
      await server.kill?.();
      await ben.context.setOffline(true);
      await server.start?.();
      const { token } = await signedIn('/auth/login', { username: anna.username, password: PASSWORD });
      for (let i = 0; i < 620; i += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, k) => signedIn(`/conversations/${id}/messages`, { message: `bulk ${i + k}` }, token)));
      }
      await signedIn(`/conversations/${id}/messages`, { message: 'the very last' }, token);
      await ben.context.setOffline(false);
      await ben.item('the very last').waitFor({ timeout: 40_000 });
      await ben.item('the very last').locator('.badge', { hasText: '99+' }).waitFor();
      await ben.page.locator('.divider', { hasText: /^621 new messages$/ }).waitFor();
      await ben.shot('long-absence-wide');
      await ben.page.locator('.jump').click();
      await ben.row('the very last').waitFor();
      await ben.item('the very last').locator('.badge').waitFor({ state: 'detached' });
      await anna.row('the very last').locator('.tick.read').waitFor();
      const rows = await ben.page.evaluate((id) => /** @type {any} */ (document.querySelector('chat-app')).app.store.rows(id).map((/** @type {any} */ row) => row.seq), id);
      assert.deepEqual(rows, rows.map((/** @type {number} */ _, /** @type {number} */ i) => rows[0] + i), 'no hole');
      for (const one of [anna, ben, cleo]) one.errors.length = 0;
    });
  }

  await step('presence_follows_people', async () => {
    await cleo.page.close();
    await anna.find(cleo.username);
    await anna.page.locator('.heading', { hasText: 'Last seen' }).waitFor({ timeout: 30_000 });
  });

  await step('two_tabs_of_one_person_agree', async () => {
    const second = await anna.context.newPage();
    await second.goto(server.url);
    await second.locator('.side .item', { hasText: ben.username }).waitFor();
    await anna.find(ben.username);
    await anna.page.bringToFront();
    await anna.say('from the first tab');
    await second.locator('.side .item', { hasText: 'from the first tab' }).waitFor();
    await second.locator('.side .item', { hasText: ben.username }).click();
    await second.locator('.field textarea').fill('from the second tab');
    await second.locator('.field textarea').press('Enter');
    await second.locator('.row', { hasText: 'from the second tab' }).locator('.tick.read').waitFor();
    await ben.row('from the second tab').waitFor();
    assert.equal(await ben.row('from the second tab').count(), 1);
    await anna.row('from the second tab').waitFor();
    await second.close();
  });

  await step('a_session_can_be_ended_from_elsewhere', async () => {
    const other = await newPage(browser);
    await other.page.goto(server.url);
    await other.page.getByLabel('Username').fill(anna.username);
    await other.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await other.page.getByRole('button', { name: 'Sign in' }).click();
    await other.page.locator('.side').waitFor();
    await anna.page.getByRole('button', { name: 'Settings' }).click();
    await anna.page.locator('.sessions li', { hasText: 'This device' }).waitFor();
    await anna.shot('settings-wide');
    await anna.page.locator('.sessions').getByRole('button', { name: 'Sign out' }).first().click();
    await other.page.getByText('You were signed out on this device.').waitFor();
    await anna.page.getByRole('button', { name: 'Log out' }).click();
    await anna.page.locator('.card').waitFor();
    await anna.signIn();
    await anna.item(ben.username).waitFor();
    await other.context.close();
  });

  await step('no_page_reported_an_error', async () => {
    for (const one of [anna, ben]) assert.deepEqual(one.errors, [], one.name);
  });
});
