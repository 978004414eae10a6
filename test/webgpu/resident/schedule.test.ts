// The text of a step, read again: it makes the calls of the schedule, level by level; no two calls of a level touch what the other
// one writes; every read finds what its own tensor's writers left, behind a barrier of its memory.

import { describe, expect, test } from 'vitest';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../../src/config/config.ts';
import type { Memory, ResidentMemory } from '../../../src/webgpu/resident/access.ts';
import { residentStep, type ResidentStep } from '../../../src/webgpu/resident/step.ts';

interface Level {
  readonly calls: { readonly name: string; readonly places: readonly number[] }[];
  readonly barriers: Memory[];
}

/** The levels that `fn step()` passes through, its loops run. */
function levelsOf(source: string): Level[] {
  const tables = new Map(
    [...source.matchAll(/var<private> (places_\d+) = array<u32, \d+>\((.*)\);/g)].map(([, name, list]) => {
      return [name, list.split(', ').map(Number)] as const;
    }),
  );
  const levels: Level[] = [{ calls: [], barriers: [] }];
  const run = (lines: readonly string[], layer: number): void => {
    for (let i = 0; i < lines.length; i++) {
      const loop = /^for \(var layer = 0u; layer < (\d+); layer\+\+\) \{$/.exec(lines[i]);
      const call = /^(?:if \(run\.train != 0\) \{ )?(\w+)\((.*)\);(?: \})?$/.exec(lines[i]);
      const barrier = /^(workgroup|storage)Barrier\(\);$/.exec(lines[i]);
      if (loop) {
        const end = lines.indexOf('}', i);
        for (let n = 0; n < Number(loop[1]); n++) run(lines.slice(i + 1, end), n);
        i = end;
      } else if (barrier) {
        levels.at(-1)!.barriers.push(barrier[1] as Memory);
        const ends = !/Barrier/.test(lines[i + 1] ?? '');
        if (ends) levels.push({ calls: [], barriers: [] });
      } else if (call) {
        const places =
          call[2] === '' ? [] : call[2].split(/, (?![^(]*\))/).map((text) => placeOf(text, layer));
        levels.at(-1)!.calls.push({ name: call[1], places });
      } else throw new Error(`not read: ${lines[i]}`);
    }
  };
  const placeOf = (text: string, layer: number): number => {
    const select = /^select\((.*), (\d+)u, layer == (\d+)\)$/.exec(text);
    if (select) return layer === Number(select[3]) ? Number(select[2]) : placeOf(select[1], layer);
    const table = /^(places_\d+)\[layer\]$/.exec(text);
    if (table) return tables.get(table[1])![layer];
    const even = /^(\d+)u?(?: ([+-]) (?:layer|\(layer - 1\)) \* (\d+))?$/.exec(text)!;
    const turn = text.includes('(layer - 1)') ? layer - 1 : layer;
    return Number(even[1]) + (even[2] === '-' ? -1 : 1) * turn * Number(even[3] ?? 0);
  };
  const body = /fn step\(\) \{\n([^]*)\n\}$/.exec(source.trim())![1];
  run(
    body.split('\n').filter((line) => line !== ''),
    0,
  );
  expect(levels.pop()!.calls).toEqual([]); // after the last barrier
  return levels;
}

/** What a call reads or writes: packs from `at` on of a kind of memory, for the tensor `owner`. */
interface Access {
  readonly space: string;
  readonly at: number;
  readonly packs: number;
  readonly owner: unknown;
}

function accessesOf({ parts }: ResidentStep, level: number, index: number, places: readonly number[]) {
  const call = parts.schedule.levels[level][index];
  const access = (slot: (typeof call.args)[number]): Access => {
    const n = call.args.indexOf(slot);
    return {
      space: slot.space,
      at: places[n],
      packs: slot.packs,
      owner: slot.space === 'values' ? slot : slot.space,
    };
  };
  const writes = call.writes.map(access);
  const spent = parts.lowered.atOnce ? writes.filter(({ space }) => space === 'gradients') : [];
  return {
    reads: call.reads.map(access),
    writes: [...writes, ...spent.map((own) => ({ ...own, space: 'weights', owner: 'weights' }))],
  };
}

const MODELS = [
  [1, 0], [1, 1], [2, 0], [3, 1], [12, 0],
] as const; // prettier-ignore
const MEMORIES: readonly ResidentMemory[] = [
  { weights: 'workgroup', values: 'workgroup' },
  { weights: 'storage', values: 'workgroup' },
  { weights: 'workgroup', values: 'storage' },
];

describe.each(MODELS)('a step of %d layers, clip %d', (nLayer, clip) => {
  const step = residentStep(
    { ...DEFAULT_MODEL, vocabSize: 27, nLayer },
    { ...DEFAULT_TRAINING, clip, batchSize: 2 },
  );
  const { schedule } = step.parts;

  test.each(MEMORIES)('weights in $weights, values in $values', (memory) => {
    const levels = levelsOf(step.source(memory));
    expect(levels.flatMap(({ barriers }) => barriers)).toHaveLength(step.barriers(memory));
    expect(levels.map(({ calls }) => calls)).toEqual(
      schedule.levels.map((calls) =>
        calls.map(({ fn, args }) => ({ name: fn.name, places: args.map(({ at }) => at) })),
      ),
    );

    /** By space and pack: whose it is, and the level that wrote it. */
    const written = new Map<string, { owner: unknown; level: number }>();
    const packsOf = ({ space, at, packs }: Access) =>
      Array.from({ length: packs }, (_, n) => `${space} ${at + n}`);
    const kindOf = (space: string) => (space === 'values' || space === 'weights' ? memory[space] : 'storage');
    const wrong: string[] = [];
    levels.forEach(({ calls }, level) => {
      const own = calls.map(({ places }, n) => accessesOf(step, level, n, places));
      /** Numbers of the calls that touch a pack, and of those that write it. */
      const users = new Map<string, { touch: Set<number>; write: Set<number> }>();
      for (const [n, { reads, writes }] of own.entries()) {
        for (const access of [...reads, ...writes]) {
          const isRead = reads.includes(access);
          for (const pack of packsOf(access)) {
            if (!users.has(pack)) users.set(pack, { touch: new Set(), write: new Set() });
            users.get(pack)![isRead ? 'touch' : 'write'].add(n);
            users.get(pack)!.touch.add(n);
            const before = written.get(pack);
            if (access.space !== 'values' && access.space !== 'gradients') continue;
            if (!before) {
              if (isRead && access.space === 'values') wrong.push(`${pack} is read before it is written`);
              continue; // of gradients there is padding
            }
            const passed = levels.slice(before.level, level).flatMap(({ barriers }) => barriers);
            if (isRead && before.owner !== access.owner) wrong.push(`${pack} is another's`);
            if (!passed.includes(kindOf(access.space))) wrong.push(`no barrier before ${pack}`);
          }
        }
      }
      for (const [pack, { touch, write }] of users) {
        if (write.size > 0 && touch.size > 1) wrong.push(`${pack} is touched side by side in level ${level}`);
      }
      for (const access of own.flatMap(({ writes }) => writes)) {
        for (const pack of packsOf(access)) written.set(pack, { owner: access.owner, level });
      }
    });
    expect(wrong).toEqual([]);
    // Before the next step all that was written is ordered.
    for (const kind of Object.values(memory)) expect(levels.at(-1)!.barriers).toContain(kind);
  });

  test('no two values that live at the same time share a place', () => {
    const lives = [...schedule.lives];
    for (const [i, [a, [firstA, lastA]]] of lives.entries()) {
      expect(a.at + a.packs).toBeLessThanOrEqual(schedule.valuePacks);
      for (const [b, [firstB, lastB]] of lives.slice(i + 1)) {
        const together = firstA <= lastB && firstB <= lastA;
        const overlap = a.at < b.at + b.packs && b.at < a.at + a.packs;
        if (together && overlap) expect.fail(`${a.label} and ${b.label}`);
      }
    }
  });
});

test('the text does not grow with the layers', () => {
  const lines = (nLayer: number) => {
    const step = residentStep({ ...DEFAULT_MODEL, vocabSize: 27, nLayer }, DEFAULT_TRAINING);
    return step.source(MEMORIES[0]).split('\n').length;
  };
  expect(lines(24)).toBeLessThanOrEqual(lines(8) + 2);
});
