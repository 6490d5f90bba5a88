import assert from 'node:assert/strict';
import { until, PHONE, evaluate, screen } from './harness.mjs';

screen('enter_sends_shift_enter_breaks_the_line_and_composition_is_left_alone', 'room=aisha', async (page, { field }) => {
  const rows = () => evaluate(page, 'element.app.store.rows(rooms.aisha).length');
  const before = await rows();
  await field.fill('   ');
  await field.press('Enter');
  assert.equal(await rows(), before, 'blank text is not sent');
  await field.fill('a');
  await field.press('Shift+Enter');
  await field.pressSequentially('b');
  assert.equal(await field.inputValue(), 'a\nb');
  await field.dispatchEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true });
  assert.equal(await rows(), before);
  await field.press('Enter');
  assert.equal(await rows(), before + 1);
});

screen('too_long_a_text_is_counted_and_kept_back', 'room=aisha', async (page, { field }) => {
  await field.fill('x'.repeat(16_385));
  await page.locator('.counter.bad', { hasText: '1 character too long' }).waitFor();
  assert.ok(await page.locator('.send').isDisabled());
  await field.fill('x'.repeat(16_384));
  await page.locator('.counter', { hasText: '0 left' }).waitFor();
  assert.ok(await page.locator('.send').isEnabled());
});

screen('drafts_belong_to_their_conversation_and_survive_a_reload', 'room=maya', async (page, { field, go }) => {
  await field.fill('half a thought');
  await page.locator('.item', { hasText: 'Aisha' }).click();
  await page.locator('.heading', { hasText: 'Aisha' }).waitFor();
  assert.equal(await field.inputValue(), '');
  await page.locator('.item', { hasText: 'Maya Chen' }).locator('.draft').waitFor();
  await page.waitForTimeout(400);
  await go('room=maya');
  await page.waitForFunction(() => /** @type {any} */ (document.querySelector('chat-app')).shadowRoot.querySelector('.field textarea')?.value === 'half a thought');
  await field.press('Enter');
  await page.locator('.row.mine', { hasText: 'half a thought' }).waitFor();
  assert.equal(await evaluate(page, 'element.app.store.drafts.get(rooms.maya)'), undefined);
});

screen('emoji_go_in_at_the_caret', 'room=maya', async (page, { field }) => {
  await field.fill('ab');
  await field.press('ArrowLeft');
  await page.getByRole('button', { name: 'Emoji' }).click();
  await page.getByRole('button', { name: '🎉', exact: true }).click();
  assert.equal(await field.inputValue(), 'a🎉b');
  await field.press('Escape');
  assert.equal(await page.locator('.emoji').count(), 0);
});

screen('search_finds_conversations_and_people_and_opens_them', '', async (page) => {
  await page.keyboard.press('Control+k');
  await page.keyboard.type('di');
  await page.locator('.item', { hasText: 'Diego Álvarez' }).click();
  await page.locator('.heading', { hasText: 'Diego Álvarez' }).waitFor();
  await page.locator('.start', { hasText: 'This is the start of your conversation with Diego' }).waitFor();
  await page.locator('.search input').fill('nobody at all');
  await page.locator('.nothing', { hasText: 'Nothing found for “nobody at all”.' }).waitFor();
});

screen('the_directory_lists_people_with_their_presence', '', async (page) => {
  await page.getByRole('button', { name: 'People', exact: true }).click();
  const tom = page.locator('.item', { hasText: 'Tom Okafor' });
  await tom.getByText('Last seen 3 hours ago').waitFor();
  await evaluate(page, 'server.presence(5, "online")');
  await tom.getByText('Online').waitFor();
  await tom.locator('.dot.online').waitFor();
});

screen('one_person_makes_a_chat_several_make_a_group', '', async (page) => {
  await page.getByRole('button', { name: 'New conversation' }).first().click();
  await page.locator('.picker .search input').fill('so');
  await page.locator('.choice').nth(1).waitFor({ state: 'detached' });
  await page.locator('.choice', { hasText: 'Sofia' }).click();
  await page.getByRole('button', { name: 'Start chat' }).waitFor();
  await page.locator('.picker .search input').fill('to');
  await page.locator('.choice', { hasText: 'Tom' }).click();
  await page.getByRole('button', { name: 'Next (2)' }).click();
  await page.getByLabel('Group name').fill('Weekend');
  await page.getByRole('button', { name: 'Create group' }).click();
  await page.locator('.heading', { hasText: 'Weekend' }).waitFor();
  await page.locator('.heading', { hasText: '3 members' }).waitFor();
});

screen('a_group_can_be_renamed_and_its_members_changed', 'room=team', async (page) => {
  await page.getByRole('button', { name: 'Conversation details' }).click();
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByLabel('Group name').fill('Design');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.portrait', { hasText: 'Design' }).waitFor();
  await page.getByLabel('Role of Maya Chen').selectOption('admin');
  await page.waitForFunction(() => /** @type {any} */ (window).server.rooms.get(/** @type {any} */ (window).rooms.team).members.get(2).role === 'admin');
  await page.getByRole('button', { name: 'Remove Tom Okafor' }).click();
  await page.locator('.details .item', { hasText: 'Tom' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Add people' }).click();
  await page.locator('.choice', { hasText: 'Diego' }).click();
  await page.getByRole('button', { name: 'Add 1 person' }).click();
  await page.locator('.details .item', { hasText: 'Diego' }).waitFor();
  await page.getByRole('button', { name: 'Leave group' }).click();
  await page.locator('dialog.small').getByRole('button', { name: 'Leave group' }).click();
  await page.locator('.blank', { hasText: 'Pick a conversation' }).waitFor();
  assert.equal(await page.locator('.item', { hasText: 'Design' }).count(), 0);
});

screen('a_broadcast_goes_to_everybody_chosen_as_private_messages', '', async (page) => {
  await page.getByRole('button', { name: 'Message several people' }).click();
  await page.getByRole('dialog').getByLabel('Your message').fill('The office is closed on Friday.');
  await page.getByRole('button', { name: 'Select all' }).click();
  await page.getByRole('button', { name: 'Send to 9 people' }).click();
  await page.getByText('Sent to 9 people.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  assert.equal(await page.locator('.item', { hasText: 'The office is closed' }).count(), 9);
});

screen('settings_change_name_password_and_sessions', '', async (page) => {
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Alexandra Kim');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.toast', { hasText: 'Saved' }).waitFor();
  await page.getByRole('radio', { name: 'Dark' }).check();
  assert.equal(await page.evaluate(() => getComputedStyle(/** @type {any} */ (document.querySelector('chat-app')).shadowRoot.querySelector('.app')).backgroundColor), 'rgb(15, 18, 23)');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByLabel('Current password').fill('wrong');
  await page.getByLabel('New password').fill('another good phrase');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.locator('.problem', { hasText: 'The current password is not right.' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
});

screen('a_person_can_sign_in_and_is_told_what_is_wrong', 'out', async (page) => {
  await page.getByLabel('Username').fill('alex');
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('That username and password don’t match.').waitFor();
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByLabel('Username').fill('alex');
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByText('This password is too easy to guess.').waitFor();
  assert.equal(await page.locator('.problem li').count(), 2);
  await page.getByLabel('Password', { exact: true }).fill('a long enough phrase');
  await page.keyboard.press('Enter');
  await page.locator('.side .item').first().waitFor();
});

screen('logging_out_forgets_the_person', 'room=maya', async (page, { field }) => {
  await field.fill('a secret draft');
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.locator('.card').waitFor();
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((key) => key !== 'chat.theme')), []);
});

screen('an_ended_session_asks_to_sign_in_again', 'room=maya', async (page) => {
  await evaluate(page, 'server.signedIn = false; server.close(4102)');
  await page.getByText('You were signed out on this device.').waitFor();
});

screen('the_same_client_elsewhere_stops_this_one_until_it_is_wanted_here', 'room=maya', async (page) => {
  await evaluate(page, 'server.close(4100)');
  await page.getByRole('button', { name: 'Use it here' }).click();
  await page.locator('.banner').waitFor({ state: 'detached' });
});

screen('the_address_names_the_conversation_and_back_closes_it', '', async (page) => {
  await page.locator('.item', { hasText: 'Maya Chen' }).click();
  await page.locator('.conversation').waitFor();
  assert.match(page.url(), /#c=\d+$/);
  await page.goBack();
  await page.locator('.blank').waitFor();
});

screen('on_a_phone_there_is_one_pane_with_a_way_back', '', async (page) => {
  assert.ok(!(await page.locator('main').isVisible()));
  await page.locator('.item').first().click();
  await page.locator('.bubble').first().waitFor();
  assert.ok(!(await page.locator('.side').isVisible()));
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
  const small = await page.evaluate(() => [.../** @type {any} */ (document.querySelector('chat-app')).shadowRoot.querySelectorAll('main button')]
    .filter((button) => button.offsetParent && (button.offsetWidth < 36 || button.offsetHeight < 24)).map((button) => button.className));
  assert.deepEqual(small, []);
  await page.getByRole('button', { name: 'Back to conversations' }).click();
  await page.locator('.side').waitFor();
}, PHONE);

screen('on_a_touch_keyboard_enter_breaks_the_line', 'room=maya', async (page, { field, mine }) => {
  const before = await mine.count();
  await field.fill('one');
  await field.press('Enter');
  await field.pressSequentially('two');
  assert.equal(await field.inputValue(), 'one\ntwo');
  await page.locator('.send').tap();
  await page.waitForFunction((before) => /** @type {any} */ (document.querySelector('chat-app')).shadowRoot.querySelectorAll('.row.mine').length === before + 1, before);
}, PHONE);

screen('the_element_follows_its_own_width_not_the_windows', 'room=maya', async (page) => {
  await evaluate(page, 'element.style.width = "400px"');
  await page.locator('.narrow-only').waitFor();
  assert.ok(!(await page.locator('.side').isVisible()));
});

screen('styles_of_the_page_do_not_come_in', 'room=maya', async (page) => {
  const look = () => page.locator('.send').evaluate((element) => [getComputedStyle(element).backgroundColor, getComputedStyle(element).letterSpacing, getComputedStyle(element).fontSize]);
  const before = await look();
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('button { background: red !important; font-size: 40px !important } * { letter-spacing: 9px }');
    document.adoptedStyleSheets = [sheet];
  });
  assert.deepEqual(await look(), before);
});

screen('dark_follows_the_system', 'room=maya', async (page) => {
  const back = () => page.evaluate(() => getComputedStyle(/** @type {any} */ (document.querySelector('chat-app')).shadowRoot.querySelector('.app')).backgroundColor);
  assert.equal(await back(), 'rgb(15, 18, 23)');
  await evaluate(page, 'element.setAttribute("theme", "light")');
  assert.equal(await back(), 'rgb(255, 255, 255)');
}, { colorScheme: 'dark' });

screen('reduced_motion_is_honoured', 'room=maya', async (page) => {
  assert.ok(await page.locator('.send').evaluate((element) => Number.parseFloat(getComputedStyle(element).transitionDuration) < 0.001));
}, { reducedMotion: 'reduce' });

screen('leaving_the_page_closes_the_socket_and_coming_back_opens_it', 'room=maya', async (page) => {
  await evaluate(page, 'element.remove()');
  await until(page, 'server.sockets.size === 0');
  await evaluate(page, 'document.body.append(element)');
  await until(page, 'server.sockets.size === 1');
  await page.locator('.side .item').first().waitFor();
});
