// A part of a section that is loaded when the section first comes into view.

import { useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useContext } from 'preact/hooks';
import { InView } from '../state/ask.ts';

export function Lazy({ load }: { load: () => Promise<{ readonly default: ComponentType }> }) {
  const loaded = useSignal<ComponentType | undefined>(undefined);
  const failed = useSignal('');
  const inView = useContext(InView);
  useSignalEffect(() => {
    if (!inView.value || loaded.peek() !== undefined) return;
    load().then(
      ({ default: View }) => {
        loaded.value = View;
      },
      (error: unknown) => {
        failed.value = `This part could not be loaded (${String(error)}). Load the page again.`;
      },
    );
  });
  const View = loaded.value;
  if (View !== undefined) return <View />;
  return failed.value === '' ? null : <p class="error">{failed.value}</p>;
}
