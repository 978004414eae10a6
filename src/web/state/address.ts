// Keeps the settings in the address, so that copying it is sharing the run, and follows an address that was typed.

import { computed, effect, signal } from '@preact/signals';
import { room, roomIn, settingsIn, storyTop } from '../routes.ts';
import { readLink, writeLink } from './link.ts';
import { isRunning } from './run.ts';
import { fields } from './settings.ts';
import { reset } from './trainer.ts';

/** What the link that opened the page said wrongly. */
export const linkProblems = signal<readonly string[]>([]);

/** Where the story is, with its settings. */
export const storyHash = computed(() => `#${writeLink(fields.value)}`);

/** Milliseconds without a change before the address is written: Safari allows 100 writes in 30 seconds. */
const REST = 150;

/** The part of the address that was last read or written. */
let seen = '';
let timer = 0;

/** Reads the address, and writes it from now on. */
export function followAddress(): void {
  read();
  addEventListener('hashchange', read);
  effect(() => {
    void storyHash.value;
    writeLater();
  });
}

function writeLater(): void {
  clearTimeout(timer);
  timer = window.setTimeout(write, REST);
}

function write(): void {
  const wanted = storyHash.peek();
  const { pathname, search, hash } = location;
  if (hash !== seen) return writeLater(); // one that was just typed: its hashchange is on the way
  if (roomIn(hash) !== undefined) return; // a room's own address
  if (settingsIn(hash) === undefined && wanted === '#') return; // a section's own address, or none
  if (hash !== wanted) history.replaceState(null, '', pathname + search + (wanted === '#' ? '' : wanted));
  seen = location.hash;
}

function read(): void {
  seen = location.hash;
  const next = roomIn(location.hash);
  if (next !== undefined && room.peek() === undefined) storyTop.value = scrollY;
  room.value = next;
  const link = settingsIn(location.hash);
  if (link === undefined || `#${link}` === storyHash.peek()) return;
  const { fields: wanted, problems } = readLink(link);
  if (isRunning()) reset();
  linkProblems.value = problems;
  fields.value = wanted;
}
