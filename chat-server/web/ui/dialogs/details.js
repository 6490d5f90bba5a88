// What a conversation is: the person, or the group with its members and what one may do to it.
import { html, useEffect, useSignal } from '../../vendor/preact.js';
import { Dialog } from '../dialog.js';
import { ConversationAvatar, Person, titleOf } from '../faces.js';
import { explain } from '../i18n.js';
import { icon, spinner } from '../parts.js';
/** @typedef {import('../app').App} App */

const RANK = { owner: 0, admin: 1, member: 2 };
/** @typedef {import('../../client/wire').Member} Member */

/** @param {{app: App, id: number, onClose: () => void}} props */
export function details({ app, id, onClose }) {
  const { store, t } = app;
  const conv = /** @type {import('../../client/types').Conv | undefined} */ (store.convs.value.get(id));
  const renaming = useSignal(/** @type {string | null} */ (null));
  const problem = useSignal('');
  const attempt = async (/** @type {() => Promise<any>} */ run) => {
    problem.value = '';
    try {
      await run();
      return true;
    } catch (error) {
      problem.value = explain(t, /** @type {any} */ (error));
      return false;
    }
  };
  useEffect(() => {
    if (conv && !conv.complete) void attempt(() => store.loadMembers(id));
  }, [id]);
  if (!conv) return null;
  const group = conv.kind === 'group';
  const mine = conv.me?.role ?? 'member';
  const manages = group && !conv.gone && mine !== 'member';
  const members = [...conv.members.values()].sort((a, b) =>
    RANK[a.role] - RANK[b.role] || (store.people.get(a.user.id)?.name ?? '').localeCompare(store.people.get(b.user.id)?.name ?? ''));

  const saveTitle = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const title = renaming.value?.trim();
    if (title && (await attempt(() => store.rename(id, title)))) renaming.value = null;
  };
  const leave = async () => {
    if ((await app.confirm(t.leaveAsk, t.leave)) && (await attempt(() => store.removeMember(id, store.myId())))) {
      onClose();
      if (app.page) history.replaceState({}, '', location.pathname + location.search);
    }
  };
  const destroy = async () => {
    if ((await app.confirm(t.deleteGroupAsk, t.deleteGroup)) && (await attempt(() => store.deleteGroup(id)))) onClose();
  };

  return html`<${Dialog} app=${app} title=${t.details} onClose=${onClose}>
    <div class="details">
      <div class="portrait"><${ConversationAvatar} app=${app} conv=${conv} size=${88} />
        ${renaming.value === null
          ? html`<h3><bdi>${titleOf(app, conv)}</bdi>${manages && html`<button type="button" class="round small" aria-label=${t.rename} title=${t.rename} onClick=${() => { renaming.value = conv.title; }}>${icon('edit', 16)}</button>`}</h3>`
          : html`<form class="inline" onSubmit=${saveTitle}><input autofocus maxlength="100" dir="auto" aria-label=${t.groupName} value=${renaming.value} onInput=${(/** @type {any} */ event) => { renaming.value = event.target.value; }} />
            <button type="submit" class="button" disabled=${!renaming.value.trim()}>${t.save}</button>
            <button type="button" class="button quiet" onClick=${() => { renaming.value = null; }}>${t.cancel}</button></form>`}
        ${group && html`<p class="hint">${t.membersOnly(conv.memberCount)}</p>`}
        ${!group && html`<p class="hint">@${store.people.people.value.get(conv.peer)?.username}</p>`}
      </div>
      ${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
      ${manages && html`<button type="button" class="item action" onClick=${() => app.show('addPeople', { id })}><span class="tile">${icon('people')}</span><b>${t.addPeople}</b></button>`}
      ${group && !conv.complete && html`<div class="nothing">${spinner()}</div>`}
      ${group && html`<ul>${members.map((member) => html`<${MemberRow} key=${member.user.id} app=${app} conv=${conv} member=${member} mine=${mine} attempt=${attempt} />`)}</ul>`}
      ${!group && html`<ul><li class="item still"><${Person} app=${app} id=${conv.peer} /></li></ul>`}
      ${group && !conv.gone && html`<button type="button" class="item action danger" onClick=${leave}><span class="tile">${icon('leave')}</span><b>${t.leave}</b></button>`}
      ${group && !conv.gone && mine === 'owner' && html`<button type="button" class="item action danger" onClick=${destroy}><span class="tile">${icon('trash')}</span><b>${t.deleteGroup}</b></button>`}
    </div></${Dialog}>`;
}

/** @param {{app: App, conv: any, member: Member, mine: import('../../client/wire').Role, attempt: (run: () => Promise<any>) => Promise<boolean>}} props */
function MemberRow({ app, conv, member, mine, attempt }) {
  const { store, t } = app;
  const user = member.user.id;
  const self = user === store.myId();
  const name = store.people.get(user)?.name ?? '';
  // Owners rank above admins, admins above members: nobody acts on an equal.
  const above = !conv.gone && !self && RANK[mine] < RANK[member.role];
  const setRole = (/** @type {any} */ event) => attempt(() => store.setRole(conv.id, user, event.target.value));
  return html`<li class="item still"><${Person} app=${app} id=${user} />
    ${self || !above || mine !== 'owner' ? html`<span class="role">${self ? `${t.you}${member.role === 'member' ? '' : ` · ${t.roles[member.role]}`}` : member.role === 'member' ? '' : t.roles[member.role]}</span>`
      : html`<select aria-label=${t.role(name)} value=${member.role} onChange=${setRole}>${/** @type {const} */ (['owner', 'admin', 'member']).map((role) => html`<option key=${role} value=${role}>${t.roles[role]}</option>`)}</select>`}
    ${above && html`<button type="button" class="round small" aria-label=${t.removeMember(name)} title=${t.removeMember(name)} onClick=${() => attempt(() => store.removeMember(conv.id, user))}>${icon('close', 16)}</button>`}</li>`;
}
