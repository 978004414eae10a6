// The guided walk: one token of one document through one step of training, on the model of the run, in microgpt.py's
// order and under its names.

import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { count } from '../format.ts';
import type { QuestionOf, WalkAnswer } from '../questions.ts';
import { isAsking, isRunning, phase, progress } from '../state/run.ts';
import { ask, step } from '../state/trainer.ts';
import '../styles/inside.css';
import type { Place } from './walk-parts.tsx';
import { STATIONS } from './walk-stations.tsx';

/** The first look: the third token has something to look back at. */
const FIRST: Place = { position: 2, layer: 0, head: 0 };

function placeOf({ position, layer, head }: WalkAnswer): Place {
  return { position, layer, head };
}

export default function Walk() {
  const at = useSignal(0);
  const now = useSignal<WalkAnswer | undefined>(undefined);
  /** What the reader chose; `now` may still be of the choice before. */
  const place = useSignal(FIRST);
  /** The same after the step that the reader took. */
  const after = useSignal<WalkAnswer | undefined>(undefined);
  const taking = useSignal(false);
  const error = useSignal('');

  const look = async (question: Omit<QuestionOf<'walk'>, 'name'>): Promise<WalkAnswer | undefined> => {
    try {
      const answer = await ask<'walk'>({ name: 'walk', ...question });
      error.value = '';
      return answer;
    } catch (cause) {
      error.value = cause instanceof Error ? cause.message : String(cause);
      return undefined;
    }
  };
  const begin = async (chosen: Place, document?: number) => {
    place.value = chosen;
    const answer = await look({ ...chosen, document });
    if (place.peek() !== chosen) return; // another choice was made meanwhile, and will be answered
    if (answer !== undefined) place.value = placeOf(answer);
    after.value = undefined;
    now.value = answer;
  };
  useSignalEffect(() => {
    if (!isAsking()) now.value = undefined;
    else if (now.peek() === undefined) void begin(FIRST);
  });
  useSignalEffect(() => {
    const before = now.peek();
    const done = phase.value === 'paused' || phase.value === 'done';
    if (!taking.value || before === undefined || !done || (progress.value?.step ?? 0) <= before.step) return;
    taking.value = false;
    const { document, adam } = before;
    void look({ ...placeOf(before), document, index: adam.index }).then((answer) => {
      after.value = answer;
    });
  });
  const go = (by: number) => {
    at.value = Math.min(STATIONS.length - 1, Math.max(0, at.peek() + by));
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      const { target, key } = event;
      if (target instanceof Element && target.closest('dialog, select, textarea, input') !== null) return;
      if (key === 'ArrowRight') go(1);
      else if (key === 'ArrowLeft') go(-1);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  const seen = now.value;
  if (seen === undefined) {
    return (
      <>
        <p>One letter of one document, through one step of training, with the numbers of your own run.</p>
        {error.value !== '' && <p class="hint">{error.value}</p>}
        {!isRunning() && !isAsking() && (
          <button type="button" class="primary" onClick={step}>
            Make a model, and do its first step
          </button>
        )}
      </>
    );
  }
  const { title, names, View } = STATIONS[at.value];
  const moved = !taking.value && (progress.value?.step ?? 0) !== seen.step;
  return (
    <div class="walk" data-step={seen.step}>
      <div class="row">
        <button type="button" aria-disabled={at.value === 0} onClick={() => go(-1)}>
          ← Back
        </button>
        <button
          type="button"
          class="primary"
          aria-disabled={at.value === STATIONS.length - 1}
          onClick={() => go(1)}
        >
          Next →
        </button>
        <span class="hint">
          {at.value + 1} of {STATIONS.length}, or the keys ← →. The model after {count(seen.step)}{' '}
          {seen.step === 1 ? 'step' : 'steps'}.
        </span>
        {moved && (
          <button type="button" onClick={() => void begin({ ...place.peek() })}>
            Take the model as it is now
          </button>
        )}
      </div>
      {error.value !== '' && <p class="hint">{error.value}</p>}
      <div aria-live="polite">
        <h2>{title}</h2>
        <p class="names">
          {names.map((name) => (
            <code key={name}>{name}</code>
          ))}
        </p>
      </div>
      <View
        now={seen}
        place={place.value}
        after={after.value}
        follow={(chosen) => void begin({ ...place.peek(), ...chosen }, seen.document)}
        take={() => {
          taking.value = true;
          step();
        }}
      />
    </div>
  );
}
