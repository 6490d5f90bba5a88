// Small pieces that every view uses: icons, ticks.
import { h } from '../vendor/preact.js';

/** Line icons on a 20 × 20 grid. */
const ICONS = {
  alert: 'M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15ZM10 6.2v4.6M10 13.6v.2',
  back: 'M12 4 6 10l6 6',
  check: 'm4 10.5 4 4 8.5-9',
  clip: 'm16.3 9.4-6.7 6.7a4 4 0 0 1-5.7-5.7l7-7a2.7 2.7 0 0 1 3.8 3.8l-6.9 6.9a1.35 1.35 0 0 1-1.9-1.9l6-6',
  close: 'm5 5 10 10M15 5 5 15',
  compose: 'M9.5 4H5.6A2.6 2.6 0 0 0 3 6.6v7.8A2.6 2.6 0 0 0 5.6 17h7.8a2.6 2.6 0 0 0 2.6-2.6v-3.9M8 12l.5-2.6 6.3-6.3a1.48 1.48 0 0 1 2.1 2.1l-6.3 6.3Z',
  copy: 'M7.5 7.5h9v9h-9ZM12.5 7.5v-4h-9v9h4',
  device: 'M3 4.5h14v9H3ZM7 16.5h6M10 13.5v3',
  down: 'm4.5 7.5 5.5 5.5 5.5-5.5',
  download: 'M10 3v9.5m-4-4 4 4 4-4M4 16.5h12',
  edit: 'm3.5 16.5.8-3.6L13 4.2a1.97 1.97 0 0 1 2.8 2.8l-8.7 8.7Z',
  eye: 'M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10ZM10 12.3a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6Z',
  file: 'M5 2.5h6.5l4 4v11H5ZM11.5 2.5v4h4',
  info: 'M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15ZM10 9.2v4.6M10 6.3v.2',
  leave: 'M8 3.5H4.5v13H8M12.5 6.5 16 10l-3.5 3.5M7.5 10H16',
  megaphone: 'M4 8v4h2.5l7 3.8V4.2L6.5 8ZM16.5 8.3v3.4M6.8 12.2l.7 4h2l-.7-3',
  offline: 'M2.5 7.8a11 11 0 0 1 4-2.4m3.5-.6c2.9 0 5.5 1.1 7.5 3M5.3 11a7 7 0 0 1 3-1.7m3.5.2c1.1.3 2 .8 2.9 1.5M10 15v.2M3.5 3l13 14',
  people: 'M7.5 9.7a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 16.5c.3-3 2.3-4.6 5.5-4.6s5.2 1.6 5.5 4.6M13.2 4a3 3 0 0 1 0 5.5M15 12.2c1.8.6 2.8 2.1 3 4.3',
  picture: 'M3 4.5h14v11H3ZM3 13l3.8-3.6 3 2.9 2.7-2.3L17 14M12.8 8.2v.1',
  reply: 'M8 4.5 3.5 9 8 13.5M3.5 9H11c3.3 0 5.5 2 5.5 6',
  search: 'M8.8 3a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8.8 3ZM13 13l4 4',
  send: 'M3.7 4.1c-.2-.7.5-1.3 1.1-1l12.1 6.1c.6.3.6 1.2 0 1.5L4.8 16.9c-.6.3-1.3-.3-1.1-1L5.2 10ZM5.2 10H10',
  smile: 'M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15ZM6.8 11.8c.7 1.3 1.8 2 3.2 2s2.5-.7 3.2-2M7.4 7.6v.3M12.6 7.6v.3',
  trash: 'M3.5 5.5h13M8 5.5V3.3h4v2.2M5.2 5.5l.8 11.2h8l.8-11.2M8.5 8.8v4.8M11.5 8.8v4.8',
};

/** @param {keyof typeof ICONS} name @param {number} [size] */
export const icon = (name, size = 20) =>
  h('svg', { class: 'icon', width: size, height: size, viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d: ICONS[name] }));

const TICKS = {
  clock: 'M8 2.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6ZM8 4.5V7.2l1.7 1',
  alert: 'M8 2.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6ZM8 4.7v2.7M8 9.3v.1',
  one: 'm4 7.5 2.8 2.8 5.7-6.3',
  two: 'm1.2 7.5 2.8 2.8L9.7 4M7.4 9.9l.4.4L13.5 4',
};
const TICK_SHAPE = /** @type {Record<string, keyof typeof TICKS>} */ ({
  queued: 'clock', sending: 'clock', failed: 'alert', held: 'alert', sent: 'one', delivered: 'two', read: 'two',
});

/** Send state of an own message: told by shape, colour and label. @param {string} state @param {string} label */
export const Tick = (state, label) =>
  h('span', { class: `tick ${state}`, role: 'img', 'aria-label': label, title: label },
    h('svg', { width: 16, height: 14, viewBox: '0 0 16 14', 'aria-hidden': 'true' }, h('path', { d: TICKS[TICK_SHAPE[state]] })));

/** Waiting circle. */
export const spinner = () => h('span', { class: 'spinner', 'aria-hidden': 'true' });
