// A report as a page: the verdict, one section for each question, the disclosure.

import { date, duration } from '../judge/format.ts';
import type { Report } from '../schema.ts';
import { noGpu, verdict, whyNoAdapter } from '../judge/verdict.ts';
import { anatomySection } from './anatomy.ts';
import { crossoverSection } from './crossover.ts';
import { disclosure } from './disclosure.ts';
import { kernelsSection } from './kernels.ts';
import { ladderSection } from './ladder.ts';
import { launchSection } from './launch.ts';
import { memorySection } from './memory.ts';
import type { Section } from './section.ts';
import { STRATEGIES_TITLE, strategiesSection } from './strategies.ts';

/** Plain text throughout; who writes it out escapes it. */
export interface Page {
  readonly title: string;
  readonly byline: string;
  /** What a reader must know before the first figure. */
  readonly notices: readonly string[];
  readonly lead: { readonly title: string; readonly sentences: readonly string[] };
  readonly sections: readonly Section[];
}

export function reportPage(report: Report): Page {
  const { machine, ladder, anatomy, launch, crossover, kernels, memory } = report;
  return {
    title: noGpu(report) ? `microGPT on ${machine.name}, no GPU` : `CPU against GPU on ${machine.name}`,
    byline: [
      'microGPT on WebGPU',
      date(report.date),
      `${report.mode} report in ${duration(report.seconds)}`,
      machine.runtime,
      machine.commit ? `commit ${shortCommit(machine.commit)}` : `version ${machine.version}`,
    ].join(' · '),
    notices: notices(report),
    lead: { title: 'Verdict', sentences: verdict(report) },
    sections: [
      ladder ? ladderSection(report, ladder) : absent(report, 'ladder', 'How fast is each rung?'),
      anatomy ? anatomySection(report, anatomy) : absent(report, 'anatomy', 'Where does a step’s time go?'),
      launch ? launchSection(report, launch) : absent(report, 'launch', 'What does a launch cost?'),
      crossover
        ? crossoverSection(report, crossover)
        : absent(report, 'crossover', 'Where does the GPU overtake the CPU?'),
      crossover
        ? strategiesSection(report, crossover)
        : { ...absent(report, 'crossover', STRATEGIES_TITLE), id: 'strategies' },
      kernels
        ? kernelsSection(report, kernels)
        : absent(report, 'kernels', 'How close do the kernels come to what the machine can do?'),
      memory ? memorySection(report, memory) : absent(report, 'memory', 'How much memory does it take?'),
      disclosure(report),
    ],
  };
}

/** A hash is known by its beginning; a `+` behind it says that files were changed since. */
export function shortCommit(commit: string): string {
  return commit.replace(/^([0-9a-f]{7})[0-9a-f]{33}(\+?)$/, '$1$2');
}

function notices(report: Report): string[] {
  const found: string[] = [];
  const { adapter } = report.machine;
  if (adapter?.software) {
    const why = 'Hatched bars and rows marked “software” show that the code runs, and nothing about GPUs';
    found.push(`This is not a GPU result: ${noGpu(report)}. ${why}.`);
  }
  if (!report.complete) {
    found.push(`Stopped after ${duration(report.seconds)}: only what stands here was measured.`);
  }
  if (report.control === null) {
    found.push('The control pair was not measured, so this report claims no difference.');
  }
  return found;
}

function absent(report: Report, id: string, title: string): Section {
  return {
    id,
    title,
    finding: `Not measured: ${whyAbsent(report, id)}.`,
    software: false,
    tables: [],
    notes: [],
  };
}

function whyAbsent({ machine, complete, notes }: Report, id: string): string {
  // What the measurement says of a section begins with its name.
  const note = notes.find((text) => text.startsWith(`${id}: `))?.slice(id.length + 2);
  if (note) return note.replace(/^not measured\. /, '').replace(/\.$/, '');
  if (machine.adapter === null && id !== 'ladder' && id !== 'memory')
    return whyNoAdapter(machine) || 'no adapter';
  return complete ? 'it was left out of this run' : 'the run was stopped before';
}
