// The WGSL of a step of `resident`: the functions of its phases, and their calls level by level. Levels that repeat, as those of the
// layers do, become a loop, whatever the places are: so the text does not grow with the layers.

import clipLib from '../../../shaders/lib/clip.wgsl?raw';
import frame from '../../../shaders/lib/resident.wgsl?raw';
import normLib from '../../../shaders/lib/norm.wgsl?raw';
import scheduleLib from '../../../shaders/lib/schedule.wgsl?raw';
import updateLib from '../../../shaders/lib/update.wgsl?raw';
import { accessSource, type ResidentMemory } from './access.ts';
import type { Lowered } from './lower.ts';
import { barriersOf, type Schedule } from './schedule.ts';

export interface StepParts {
  readonly lowered: Lowered;
  readonly schedule: Schedule;
}

/** A level as it is written: statements with a place in each `#`. */
interface Line {
  readonly text: string;
  readonly places: readonly number[];
}

/** The whole kernel. */
export function kernelSource(step: StepParts, memory: ResidentMemory): string {
  const constants = `const RING = ${step.lowered.regionLength('ring')}u;\n`;
  return [constants, frame, scheduleLib, stepSource(step, memory)].join('\n');
}

/** `fn step()`, which makes one step, with all that it calls. */
export function stepSource({ lowered, schedule }: StepParts, memory: ResidentMemory): string {
  const { pack, functions, libs, atOnce } = lowered;
  const parameters = lowered.regionLength('parameters') / pack;
  const kept = 'gradients[first_state() + i] = g;';
  const spend = atOnce ? `if (run.train == 0) { ${kept} return; }\n${atOnce.source}` : kept;
  const barriers = barriersOf(schedule, memory);
  const lines = schedule.levels.map((calls, level): Line => {
    const text = calls.map(({ fn, args, writes }) => {
      const call = `${fn.name}(${args.map(() => '#').join(', ')});`;
      // A step that trains nothing leaves all as it was but gradients.
      const updates = writes.some(({ space }) => space === 'weights');
      return updates ? `if (run.train != 0) { ${call} }` : call;
    });
    const ends = [...barriers[level]].map((kind) => `${kind}Barrier();`);
    return {
      text: [...text, ...ends].join('\n'),
      places: calls.flatMap(({ args }) => args.map(({ at }) => at)),
    };
  });
  const body = linesSource(lines);
  return [
    accessSource(memory, pack, schedule.valuePacks, parameters),
    normLib,
    clipLib,
    updateLib,
    ...libs,
    parameters > 0 ? `// Pack i of the gradients is known.\nfn spend(i: u32, g: Pack) {\n${spend}\n}` : '',
    ...functions.map(({ source }) => source),
    body.tables,
    `fn step() {\n${body.source}\n}`,
  ].join('\n\n');
}

/** In as few lines as loops allow. `tables`: what has to be declared for it. */
function linesSource(lines: readonly Line[]): { source: string; tables: string } {
  const loops = loopsOf(lines);
  const parts: string[] = [];
  const tables = new Map<string, string>();
  const tableOf = (places: readonly number[]): string => {
    const list = places.join(', ');
    if (!tables.has(list)) tables.set(list, `places_${tables.size + 1}`);
    return `${tables.get(list)}[layer]`;
  };
  /** What gives each of `places` in its iteration: they move on evenly, or all but one at an end do, or a table has them. */
  const placeSource = (places: readonly number[]): string => {
    const last = places.length - 1;
    const but = (odd: number, others: string | undefined) =>
      others && `select(${others}, ${places[odd]}u, layer == ${odd})`;
    return (
      evenSource(places) ??
      but(0, evenSource(places.slice(1), 1)) ??
      but(last, evenSource(places.slice(0, -1))) ??
      tableOf(places)
    );
  };
  for (let i = 0; i < lines.length;) {
    const { period, times } = loops[i];
    const body = lines.slice(i, i + period).map(({ text, places }, n) => {
      const turns = Array.from({ length: times }, (_, turn) => lines[i + n + turn * period].places);
      const own = places.map((_, k) => placeSource(turns.map((turn) => turn[k])));
      return text.replaceAll('#', () => own.shift()!);
    });
    const loop = `for (var layer = 0u; layer < ${times}; layer++) {\n${body.join('\n')}\n}`;
    parts.push(times > 1 ? loop : body.join('\n'));
    i += period * times;
  }
  const declared = [...tables].map(([list, name]) => {
    return `var<private> ${name} = array<u32, ${list.split(',').length}>(${list});`;
  });
  return { source: parts.join('\n'), tables: declared.join('\n') };
}

/** What gives each of `places` from iteration `from` on, if they move on evenly. */
function evenSource(places: readonly number[], from = 0): string | undefined {
  const [first, second = first] = places;
  const stride = second - first;
  if (places.some((at, n) => at !== first + n * stride)) return undefined;
  if (stride === 0) return `${first}u`;
  const layer = from === 0 ? 'layer' : `(layer - ${from})`;
  return `${first} ${stride < 0 ? '-' : '+'} ${layer} * ${Math.abs(stride)}`;
}

/** Levels of a layer, at most. */
const LONGEST_PERIOD = 64;

/** The loop that begins at each line, if one does there: that from which on the fewest lines are written. */
function loopsOf(lines: readonly Line[]): { period: number; times: number }[] {
  const best = lines.map(() => ({ period: 1, times: 1, cost: 0 }));
  const cost = (i: number) => best[i]?.cost ?? 0;
  const repeats = Array.from({ length: Math.min(LONGEST_PERIOD, lines.length >> 1) }, (_, p) => {
    return repetitions(lines, p + 1);
  });
  for (let i = lines.length - 1; i >= 0; i--) {
    best[i].cost = 1 + cost(i + 1);
    for (const [p, timesAt] of repeats.entries()) {
      const [period, times] = [p + 1, timesAt[i]];
      const own = period + cost(i + period * times);
      if (times > 1 && own < best[i].cost) best[i] = { period, times, cost: own };
    }
  }
  return best;
}

/** How often the `period` lines from each line on follow one another. */
function repetitions(lines: readonly Line[], period: number): number[] {
  let same = 0; // lines from here on that come again a period later
  return lines
    .map(({ text }, i) => text === lines[i + period]?.text)
    .toReversed()
    .map((again) => 1 + Math.floor((same = again ? same + 1 : 0) / period))
    .toReversed();
}
