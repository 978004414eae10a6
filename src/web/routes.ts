// Where in the page the reader is, by the part of the address after #: the story with its settings (`#n_layer=2`), a
// section of it (`#model`), or a room (`#/verify`).

import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';

export interface Room {
  /** `verify`: its address is `#/verify`. */
  readonly id: string;
  readonly title: string;
  /** Its module, loaded when it is opened: `() => import('./rooms/verify.tsx')`. */
  readonly load: () => Promise<{ readonly default: ComponentType }>;
}

/** The rooms beside the story, in the order of their links. */
export const ROOMS: readonly Room[] = [
  { id: 'walk', title: 'Walk', load: () => import('./rooms/walk.tsx') },
  { id: 'verify', title: 'Verify', load: () => import('./rooms/verify.tsx') },
  { id: 'measure', title: 'Measure', load: () => import('./rooms/measure.tsx') },
  { id: 'sweep', title: 'Sweep', load: () => import('./rooms/sweep.tsx') },
  { id: 'runs', title: 'Runs', load: () => import('./rooms/runs.tsx') },
];

export const room = signal<Room | undefined>(undefined);

/** How far down the story the reader was when they went into a room, in CSS pixels. */
export const storyTop = signal(0);

/** Settings in an address, or undefined where it has none. */
export function settingsIn(hash: string): string | undefined {
  const text = hash.replace(/^#/, '');
  return text.includes('=') && !text.startsWith('/') ? text : undefined;
}

/** The room that an address names. */
export function roomIn(hash: string, rooms: readonly Room[] = ROOMS): Room | undefined {
  return rooms.find(({ id }) => hash === `#/${id}`);
}
