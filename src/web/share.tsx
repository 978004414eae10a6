// The link that makes this run again, anywhere.

import { useSignal } from '@preact/signals';
import { isWhole, LINK_TEXT, writeLink } from './state/link.ts';
import { shownFields } from './state/settings.ts';
import { count } from './format.ts';

export function Share() {
  const said = useSignal('');
  const copy = async () => {
    const { origin, pathname } = location;
    const run = shownFields.value; // not the fields, which may be changed for the next one
    const settings = writeLink(run);
    const link = origin + pathname + (settings === '' ? '' : `#${settings}`);
    try {
      await navigator.clipboard.writeText(link);
      said.value = 'Copied.';
    } catch {
      said.value = link; // to be copied by hand
    }
    if (isWhole(run)) return;
    said.value +=
      run.data === 'file'
        ? ' It carries the settings, not the file.'
        : ` It carries the settings, not the text: a link holds up to ${count(LINK_TEXT)} characters.`;
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
