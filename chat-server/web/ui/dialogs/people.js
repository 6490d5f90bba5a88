// Choosing people: for a conversation, a group, more members.
import { html, useEffect, useSignal } from '../../vendor/preact.js';
import { Dialog } from '../dialog.js';
import { explain } from '../i18n.js';
import { icon, spinner } from '../parts.js';
import { Person } from '../faces.js';
/** @typedef {import('../app').App} App */

const SEARCH_MS = 150;

/**
 * A search field and a list of people to tick.
 * @param {{app: App, chosen: {value: readonly number[]}, without?: ReadonlySet<number>, all?: boolean}} props
 *   `all` adds a button that ticks everybody who is listed
 */
export function PeoplePicker({ app, chosen, without, all = false }) {
  const { store, t } = app;
  const query = useSignal('');
  const found = useSignal(/** @type {import('../../client/types').Person[] | null} */ (null));
  const failed = useSignal('');
  const text = query.value.trim();

  useEffect(() => {
    let wanted = true;
    const timer = setTimeout(async () => {
      try {
        const people = await store.findPeople(text);
        if (!wanted) return;
        failed.value = '';
        found.value = people.filter((/** @type {any} */ person) => !without?.has(person.id));
        store.people.watch('picker', people.slice(0, 100).map((/** @type {any} */ person) => person.id));
      } catch (error) {
        if (wanted) failed.value = explain(t, /** @type {any} */ (error));
      }
    }, text ? SEARCH_MS : 0);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [text]);
  useEffect(() => () => store.people.watch('picker', []), []);

  const toggle = (/** @type {number} */ id) => {
    chosen.value = chosen.value.includes(id) ? chosen.value.filter((one) => one !== id) : [...chosen.value, id];
  };
  const listed = found.value ?? [];
  const allChosen = listed.length > 0 && listed.every((person) => chosen.value.includes(person.id));
  const chooseAll = () => {
    const ids = listed.map((person) => person.id);
    chosen.value = allChosen ? chosen.value.filter((id) => !ids.includes(id)) : [...new Set([...chosen.value, ...ids])];
  };
  return html`<div class="picker">
    <div class="search">${icon('search', 18)}<input type="search" autofocus placeholder=${t.findPeople} aria-label=${t.findPeople} value=${query.value} autocomplete="off" spellcheck=${false}
      onInput=${(/** @type {any} */ event) => { query.value = event.target.value; }} /></div>
    ${chosen.value.length > 0 && chosen.value.length <= 12 && html`<div class="pills">${chosen.value.map((id) => html`<button type="button" key=${id} onClick=${() => toggle(id)}
      aria-label=${t.removeMember(store.people.get(id)?.name ?? '')}><bdi>${store.people.get(id)?.name}</bdi>${icon('close', 14)}</button>`)}</div>`}
    ${all && listed.length > 1 && html`<div class="picker-bar"><span role="status">${t.selected(chosen.value.length)}</span>
      <button type="button" class="link" onClick=${chooseAll}>${allChosen ? t.selectNone : t.selectAll}</button></div>`}
    <ul class="choices">
      ${failed.value ? html`<li class="nothing" role="alert">${failed.value}</li>`
        : found.value === null ? html`<li class="nothing">${spinner()}</li>`
          : !listed.length ? html`<li class="nothing">${text ? t.nothingFound(text) : t.noPeople}</li>` : ''}
      ${listed.map((person) => html`<li key=${person.id}><label class="item choice"><${Person} app=${app} id=${person.id} />
        <input type="checkbox" checked=${chosen.value.includes(person.id)} onChange=${() => toggle(person.id)} /></label></li>`)}
    </ul>
  </div>`;
}

/** One person: a direct conversation. Several: a group, with a name. @param {{app: App, onClose: () => void}} props */
export function compose({ app, onClose }) {
  const { store, t } = app;
  const chosen = useSignal(/** @type {readonly number[]} */ ([]));
  const naming = useSignal(false);
  const title = useSignal('');
  const busy = useSignal(false);
  const problem = useSignal('');
  const n = chosen.value.length;

  async function go() {
    if (n === 1) {
      onClose();
      return app.openWith(chosen.value[0]);
    }
    if (!naming.value) {
      naming.value = true;
      return;
    }
    if (!title.value.trim()) return;
    busy.value = true;
    try {
      const id = await store.createGroup(title.value.trim(), chosen.value);
      onClose();
      await app.open(id);
    } catch (error) {
      problem.value = explain(t, /** @type {any} */ (error));
      busy.value = false;
    }
  }
  const names = chosen.value.map((id) => store.people.get(id)?.name).join(', ');
  const body = naming.value
    ? html`<form class="fields" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); void go(); }}>
        <label class="input"><span>${t.groupName}</span><input autofocus maxlength="100" dir="auto" value=${title.value}
          onInput=${(/** @type {any} */ event) => { title.value = event.target.value; }} /></label><p class="hint">${names}</p></form>`
    : html`<${PeoplePicker} app=${app} chosen=${chosen} />`;
  const footer = html`${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
    ${naming.value && html`<button type="button" class="button quiet" onClick=${() => { naming.value = false; }}>${t.cancel}</button>`}
    <button type="button" class="button" disabled=${!n || busy.value || (naming.value && !title.value.trim())} onClick=${go}>${
      naming.value ? t.createGroup : n > 1 ? t.next2(n) : t.startChat}</button>`;
  return html`<${Dialog} app=${app} title=${t.newConversation} onClose=${onClose} footer=${footer}>${body}</${Dialog}>`;
}

/** @param {{app: App, id: number, onClose: () => void}} props */
export function addPeople({ app, id, onClose }) {
  const { store, t } = app;
  const chosen = useSignal(/** @type {readonly number[]} */ ([]));
  const busy = useSignal(false);
  const problem = useSignal('');
  async function go() {
    busy.value = true;
    try {
      await store.addMembers(id, chosen.value);
      app.show('details', { id });
    } catch (error) {
      problem.value = explain(t, /** @type {any} */ (error));
      busy.value = false;
    }
  }
  const footer = html`${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
    <button type="button" class="button" disabled=${!chosen.value.length || busy.value} onClick=${go}>${t.add(chosen.value.length)}</button>`;
  return html`<${Dialog} app=${app} title=${t.addPeople} onClose=${onClose} footer=${footer}>
    <${PeoplePicker} app=${app} chosen=${chosen} without=${new Set(store.conv(id)?.members.keys())} /></${Dialog}>`;
}
