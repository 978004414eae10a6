// A part of a section that looks into a run. It is loaded when there is one and the section first comes into view: before,
// it would push away what somebody scrolls to.

import { useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useContext } from 'preact/hooks';
import { InView } from '../state/ask.ts';
import { isAsking } from '../state/run.ts';

export function Lazy({ load }: { load: () => Promise<{ readonly default: ComponentType }> }) {
  const loaded = useSignal<ComponentType | undefined>(undefined);
  const failed = useSignal('');
  const inView = useContext(InView);
  useSignalEffect(() => {
    if (!inView.value || !isAsking() || loaded.peek() !== undefined) return;
    load().then(
      ({ default: View }) => {
        loaded.value = View;
      },
      (error: unknown) => {
        failed.value = `This part could not be loaded (${String(error)}). Load the page again.`;
      },
    );
  });
  if (!isAsking())
    return <p class="hint">Start a run, or do one step: then there is a model to look into.</p>;
  const View = loaded.value;
  if (View !== undefined) return <View />;
  return failed.value === '' ? null : <p class="error">{failed.value}</p>;
}
