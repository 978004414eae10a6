// The link that makes this run again, anywhere.

import { useSignal } from '@preact/signals';
import { isWhole, LINK_TEXT } from './state/link.ts';
import { storyHash } from './state/address.ts';
import { fields } from './state/settings.ts';
import { count } from './format.ts';

export function Share() {
  const said = useSignal('');
  const copy = async () => {
    const { origin, pathname } = location;
    const hash = storyHash.value;
    const link = origin + pathname + (hash === '#' ? '' : hash);
    try {
      await navigator.clipboard.writeText(link);
      said.value = 'Copied.';
    } catch {
      said.value = link; // to be copied by hand
    }
    if (isWhole(fields.value)) return;
    said.value += ` It carries the settings, not the text: a link holds up to ${count(LINK_TEXT)} characters.`;
  };
  return (
    <span class="share">
      <button type="button" class="quiet" onClick={() => void copy()}>
        Copy a link to this run
      </button>{' '}
      <span role="status">{said.value}</span>
    </span>
  );
}
