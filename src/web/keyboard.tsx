// Shortcuts, and the list of them. None works while something is typed or chosen.

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { phase } from './state/run.ts';
import { reset, startOrPause, step } from './state/trainer.ts';
import { SECTIONS } from './story/story.tsx';

const listed = signal(false);

const SHORTCUTS: readonly { keys: string; does: string; run: (key: string) => void }[] = [
  { keys: ' ', does: 'start, pause, go on', run: startOrPause },
  { keys: 's', does: 'one step', run: step },
  { keys: 'r', does: 'reset', run: () => phase.peek() !== 'idle' && reset() },
  {
    keys: '1234567',
    does: 'go to a section',
    run: (key) => document.getElementById(SECTIONS[Number(key) - 1].id)?.scrollIntoView(),
  },
  {
    keys: '/',
    does: 'type what a text begins with',
    run: () => document.getElementById('prefix')?.focus(),
  },
  {
    keys: '?',
    does: 'this list',
    run: () => {
      listed.value = true;
    },
  },
];

export function watchKeys(): void {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTaken(event)) return;
    const shortcut = SHORTCUTS.find(({ keys }) => keys.includes(event.key));
    if (shortcut === undefined) return;
    event.preventDefault();
    shortcut.run(event.key);
  });
}

/** Whether the element in focus wants the key for itself. */
function isTaken({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof Element)) return false;
  const dialog = target.closest('dialog');
  if (dialog !== null) return dialog.open; // one that was closed keeps the focus until the next frame
  if (target.closest('select, textarea, input:not([type=radio], [type=range])') !== null) return true;
  return key === ' ' && target.closest('button, a, input, summary, [role=button]') !== null;
}

/** A button that shows the list, and the list. */
export function Shortcuts() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = listed.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  return (
    <>
      <button
        type="button"
        class="quiet"
        onClick={() => {
          listed.value = true;
        }}
      >
        Keyboard shortcuts
      </button>
      <dialog
        ref={dialog}
        aria-labelledby="shortcuts-title"
        onClose={() => {
          listed.value = false;
        }}
      >
        <h2 id="shortcuts-title">Keyboard</h2>
        <dl class="shortcuts">
          {SHORTCUTS.map(({ keys, does }) => (
            <div key={keys}>
              <dt>
                <kbd>{keys === ' ' ? 'space' : keys.length > 1 ? `${keys[0]} – ${keys.at(-1)}` : keys}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </>
  );
}
