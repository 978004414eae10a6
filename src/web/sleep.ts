// A hidden tab goes on training in its worker. Where the browser freezes it nevertheless, the page says so.

import { signal } from '@preact/signals';
import { phase } from './state/run.ts';

/** Seconds that the browser let a training sleep, the last time; 0 where it has not. */
export const slept = signal(0);

export function watchSleep(): void {
  let frozenAt = 0;
  document.addEventListener('freeze', () => {
    frozenAt = phase.peek() === 'training' ? Date.now() : 0;
  });
  document.addEventListener('resume', () => {
    if (frozenAt > 0) slept.value = (Date.now() - frozenAt) / 1000;
  });
}
