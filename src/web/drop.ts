// What is dropped anywhere on the page: a text becomes the dataset; a checkpoint becomes a run of the browser's, and is opened.

import { effect, signal } from '@preact/signals';
import { importRun, messageOf, openRun } from './state/kept.ts';
import { isRunning, phase } from './state/run.ts';
import { change, file } from './state/settings.ts';

/** True while a file is dragged over the page. */
export const dragging = signal(false);
/** Why what was dropped is not used, or not all of it; or ''. */
export const dropProblem = signal('');

export function watchDrops(): void {
  const carriesFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
  addEventListener('dragover', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault(); // or the browser opens the file in place of the page
    dragging.value = true;
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) dragging.value = false;
  });
  addEventListener('drop', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    dragging.value = false;
    dropProblem.value = '';
    const dropped = [...(event.dataTransfer?.files ?? [])];
    if (dropped.some(({ name }) => name.endsWith('.safetensors'))) {
      bringIn(dropped).catch((error: unknown) => {
        dropProblem.value = messageOf(error);
      });
      return;
    }
    if (dropped.length === 0) return;
    const [{ name }] = dropped;
    if (isRunning()) {
      dropProblem.value = `${name} is not used: a run keeps its text. Press Reset, then drop it again.`;
      return;
    }
    if (dropped.length > 1) {
      dropProblem.value = `Of ${dropped.length} files only ${name} is used. To train on all of them, make them one file.`;
    }
    file.value = dropped[0];
    change({ data: 'file' });
  });
}

/** Opens the run in the story; shows it in its room where that has to wait, for another run or for its text. */
async function bringIn(files: readonly File[]): Promise<void> {
  const run = await importRun(files);
  const wantsText = run?.text.kind === 'missing' && run.step < run.config.training.steps;
  if (run === undefined || wantsText || isRunning()) location.hash = '#/runs';
  else await openRun(run, false);
}

effect(() => {
  if (phase.value === 'preparing') dropProblem.value = '';
});
