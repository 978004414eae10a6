// A text file dropped anywhere on the page becomes the dataset.

import { signal } from '@preact/signals';
import { isRunning } from './state/run.ts';
import { change, file } from './state/settings.ts';

/** True while a file is dragged over the page. */
export const dragging = signal(false);

export function watchDrops(): void {
  const carriesFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
  addEventListener('dragover', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault(); // or the browser opens the file in place of the page
    dragging.value = !isRunning();
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) dragging.value = false;
  });
  addEventListener('drop', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    dragging.value = false;
    const dropped = event.dataTransfer?.files[0];
    if (dropped === undefined || isRunning()) return;
    file.value = dropped;
    change({ data: 'file' });
  });
}
