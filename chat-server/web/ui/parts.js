// Small pieces that every view uses: icons, ticks.
import { h } from '../vendor/preact.js';

/** Line icons on a 20 × 20 grid. */
const ICONS = {
  alert: 'M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15ZM10 6.2v4.6M10 13.6v.2',
  back: 'M12 4 6 10l6 6',
  check: 'm4 10.5 4 4 8.5-9',
  clip: 'm16.3 9.4-6.7 6.700a4 4 0 0 1-5.7-5.700l7-7a2.7 2.7 0 0 1 3.8 3.800l-6.9 6.900a1.350 1.350 0 0 1-1.9-1.900l6-6',
  close: 'm5 5 10 10M15 5 5 15',
  compose: 'M9.5 4H5.600A2.6 2.6 0 0 0 3 6.600v7.800A2.6 2.6 0 0 0 5.6 17h7.800a2.6 2.6 0 0 0 2.6-2.600v-3.900M8 12l.5-2.6 6.3-6.300a1.480 1.480 0 0 1 2.1 2.100l-6.3 6.300Z',
  copy: 'M7.5 7.500h9v9h-9ZM12.5 7.500v-4h-9v9h4',
  crown: 'm3.5 6 3.2 3L10 4.5 13.3 9l3.2-3-1.2 9H4.700Z',
  device: 'M3 4.500h14v9H3ZM7 16.500h6M10 13.500v3',
  down: 'm4.5 7.5 5.5 5.5 5.5-5.5',
  download: 'M10 3v9.500m-4-4 4 4 4-4M4 16.500h12',
  edit: 'm3.5 16.5.8-3.600L13 4.200a1.970 1.970 0 0 1 2.8 2.800l-8.7 8.700Z',
  eye: 'M2 10s3-5.5 8-5.500S18 10 18 10s-3 5.5-8 5.500S2 10 2 10ZM10 12.300a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.600Z',
  file: 'M5 2.500h6.500l4 4v11H5ZM11.5 2.500v4h4',
  info: 'M10 2.500a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15ZM10 9.200v4.600M10 6.300v.2',
  leave: 'M8 3.500H4.500v13H8M12.5 6.5 16 10l-3.5 3.500M7.5 10H16',
  megaphone: 'M4 8v4h2.500l7 3.800V4.200L6.5 8ZM16.5 8.300v3.400M6.8 12.200l.7 4h2l-.7-3',
  offline: 'M2.5 7.800a11 11 0 0 1 4-2.400m3.5-.600c2.9 0 5.5 1.1 7.5 3M5.3 11a7 7 0 0 1 3-1.700m3.5.200c1.1.3 2 .8 2.9 1.500M10 15v.200M3.5 3l13 14',
  people: 'M7.5 9.700a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 16.500c.3-3 2.3-4.6 5.5-4.600s5.2 1.6 5.5 4.600M13.2 4a3 3 0 0 1 0 5.500M15 12.200c1.8.6 2.8 2.1 3 4.3',
  picture: 'M3 4.500h14v11H3ZM3 13l3.8-3.6 3 2.9 2.7-2.300L17 14M12.8 8.200v.1',
  play: 'M7 4.500v11l9-5.500Z',
  reply: 'M8 4.5 3.5 9 8 13.500M3.5 9H11c3.3 0 5.5 2 5.5 6',
  search: 'M8.8 3a5.8 5.8 0 1 1 0 11.600A5.8 5.8 0 0 1 8.8 3ZM13 13l4 4',
  send: 'M3.7 4.100c-.2-.7.5-1.3 1.1-1l12.1 6.100c.6.3.6 1.2 0 1.500L4.8 16.900c-.6.3-1.3-.3-1.1-1L5.2 10ZM5.2 10H10',
  settings: 'M10 7.300a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.400ZM10 2.500l.9 2.3 2.3-.9 1 1.9 2.3 1-1 2.2 2 1-2 1 1 2.2-2.3 1-1 1.9-2.3-.9-.9 2.3-.9-2.3-2.3.9-1-1.9-2.3-1 1-2.2-2-1 2-1-1-2.2 2.3-1 1-1.9 2.3.9Z',
  smile: 'M10 2.500a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15ZM6.8 11.800c.7 1.3 1.8 2 3.2 2s2.5-.7 3.2-2M7.4 7.600v.3M12.6 7.600v.3',
  trash: 'M3.5 5.500h13M8 5.500V3.300h4v2.200M5.2 5.500l.8 11.200h8l.8-11.200M8.5 8.800v4.800M11.5 8.800v4.8',
};

/** @param {keyof typeof ICONS} name @param {number} [size] */
export const icon = (name, size = 20) =>
  h('svg', { class: 'icon', width: size, height: size, viewBox: '0 0 20 20', 'aria-hidden': 'true' }, h('path', { d: ICONS[name] }));

const TICKS = {
  clock: 'M8 2.200a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.600ZM8 4.500V7.200l1.7 1',
  alert: 'M8 2.200a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.600ZM8 4.700v2.700M8 9.300v.1',
  one: 'm4 7.5 2.8 2.8 5.7-6.3',
  two: 'm1.2 7.5 2.8 2.800L9.7 4M7.4 9.900l.4.400L13.5 4',
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
