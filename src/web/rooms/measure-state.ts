// The measurement of this machine, and reports that were opened. It goes on while the reader is elsewhere in the page.

import { batch, computed, signal } from '@preact/signals';
import { compareReports, type NamedReport } from '../../report/judge/compare.ts';
import { decodeReport, encodeReport } from '../../report/read.ts';
import { comparisonPage } from '../../report/render/comparison.ts';
import { renderComparison, renderReport } from '../../report/render/index.ts';
import { reportPage, type Page } from '../../report/render/page.ts';
import type { Report } from '../../report/schema.ts';
import { SECTION_NAMES } from '../../report/measure/section.ts';
import { MicrogptError } from '../../util/errors.ts';
import { describeBrowser } from './machine.ts';
import type { MeasuringMessage, RoomMessage } from './messages.ts';
import { openRoomWorker, type RoomWorker } from './worker.ts';

export type MeasurePhase = 'ready' | 'measuring' | 'stopping' | 'done' | 'failed';
export type Length = 'brief' | 'quick';

/** Seconds of the whole measurement, at most; `quick` is that of `microgpt report --quick`. */
export const SECONDS: Readonly<Record<Length, number>> = { brief: 30, quick: 90 };

export const phase = signal<MeasurePhase>('ready');
export const length = signal<Length>('quick');
export const onlyCpu = signal(false);
/** Of this machine; what the browser says of it where it is empty. */
export const name = signal('');
export const progress = signal<MeasuringMessage | undefined>(undefined);
/** Of this machine: so far, or whole. */
export const own = signal<Report | undefined>(undefined);
export const opened = signal<readonly NamedReport[]>([]);
export const error = signal('');

export const isMeasuring = computed(() => phase.value === 'measuring' || phase.value === 'stopping');

/** This machine's, where it is measured, and those that were opened. */
const reports = computed((): NamedReport[] => {
  const here = own.value === undefined || isMeasuring.value ? [] : [{ name: 'here', report: own.value }];
  return [...here, ...opened.value];
});

/** What there is to see: the measurement as it goes on, a report, or several side by side. */
export const page = computed((): Page | undefined => {
  if (isMeasuring.value) return own.value === undefined ? undefined : soFar(own.value);
  const all = reports.value;
  if (all.length > 1) return comparisonPage(compareReports(all));
  return all.length === 1 ? reportPage(all[0].report) : undefined;
});

/** The sections that are measured, and nothing that needs all of them. */
function soFar(report: Report): Page {
  const whole = reportPage(report);
  const measured: string[] = SECTION_NAMES.filter((section) => report[section] !== null);
  if (report.crossover !== null) measured.push('strategies'); // the same cells, seen otherwise
  const sections = whole.sections.filter(({ id }) => measured.includes(id));
  return { ...whole, notices: [], lead: { title: '', sentences: [] }, sections };
}

let worker: RoomWorker | undefined;

/** Loads a worker, so that a press finds it there. */
export function prepare(): void {
  worker ??= openRoomWorker(receive);
}

export function start(): void {
  prepare();
  batch(() => {
    phase.value = 'measuring';
    progress.value = undefined;
    own.value = undefined;
    error.value = '';
  });
  worker!.send({
    type: 'measure',
    machine: describeBrowser(name.value),
    seconds: SECONDS[length.value],
    gpu: !onlyCpu.value,
  });
}

/** At the next sample; what was measured stays. */
export function stop(): void {
  phase.value = 'stopping';
  worker?.send({ type: 'stop' });
}

function receive(message: RoomMessage): void {
  switch (message.type) {
    case 'measuring':
      progress.value = message;
      break;
    case 'report':
      batch(() => {
        own.value = message.report;
        if (message.done) end('done');
      });
      break;
    case 'error':
      error.value = message.message;
      end('failed');
      break;
    default:
  }
}

function end(now: MeasurePhase): void {
  worker?.end();
  worker = undefined;
  phase.value = now;
}

/** Reads report.json files; what is wrong with one is said, and the others are opened. */
export async function open(files: readonly File[]): Promise<void> {
  const found: NamedReport[] = [];
  const problems: string[] = [];
  for (const file of files) {
    try {
      found.push({
        name: file.name,
        report: decodeReport(new Uint8Array(await file.arrayBuffer()), file.name),
      });
    } catch (problem) {
      if (!(problem instanceof MicrogptError)) throw problem;
      problems.push(problem.message);
    }
  }
  const all = [...opened.value, ...found];
  if (all.length > MOST_OPENED) problems.push(`Expected at most ${MOST_OPENED} reports, got ${all.length}.`);
  batch(() => {
    error.value = problems.join(' ');
    opened.value = all.slice(0, MOST_OPENED);
  });
}

/** Beside this machine's: a comparison has room for 12. */
const MOST_OPENED = 11;

export function close(which: NamedReport): void {
  opened.value = opened.value.filter((report) => report !== which);
}

/** report.json of this machine. */
export function ownJson(): string {
  return encodeReport(own.value!);
}

/** What is shown, as a file of its own. */
export function shownHtml(): string {
  const all = reports.value;
  return (all.length > 1 ? renderComparison(compareReports(all)) : renderReport(all[0].report)).html;
}
