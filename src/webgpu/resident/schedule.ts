// The order of a step: which calls may run side by side, between which a barrier stands, and where values lie.

import type { Memory, ResidentMemory, Space } from './access.ts';
import type { Call, Lowered, Slot } from './lower.ts';

export interface Schedule {
  /** Calls of which none needs what another one of its level writes; a barrier ends each level. */
  readonly levels: readonly (readonly Call[])[];
  /** What a level reads or overwrites that another one wrote before it, by the space where it lies. */
  readonly needs: readonly { readonly from: number; readonly to: number; readonly space: Space }[];
  /** The levels from the first to the last that access each slot of the values. */
  readonly lives: ReadonlyMap<Slot, readonly [first: number, last: number]>;
  /** Packs of values. */
  readonly valuePacks: number;
}

/** The levels that access a slot, and the last ones so far that wrote and read it. */
interface Use {
  readonly slot: Slot;
  first: number;
  written: number;
  read: number;
}

/**
 * Puts each call into the earliest level after all that it must follow: what writes what it reads, and what reads or writes what it
 * writes. So a matrix is updated a level after the last one that reads it. Gives values their places.
 */
export function scheduleCalls({ calls, atOnce }: Lowered): Schedule {
  const uses = new Map<Slot, Use>();
  const stretches = new Map<Space, Use[]>();
  const useOf = (slot: Slot): Use => {
    let use = uses.get(slot);
    if (!use) {
      uses.set(slot, (use = { slot, first: Infinity, written: -1, read: -1 }));
      if (slot.space !== 'values') stretches.set(slot.space, [...(stretches.get(slot.space) ?? []), use]);
    }
    return use;
  };
  /** Of all slots that share memory with that of `use`. */
  const overlapping = (use: Use): readonly Use[] => {
    const { space, at, packs } = use.slot;
    if (space === 'values') return [use];
    return stretches.get(space)!.filter(({ slot }) => slot.at < at + packs && at < slot.at + slot.packs);
  };
  /** The weights whose gradient a slot holds. */
  const weights = new Map<Slot, Slot>();
  const weightsOf = (slot: Slot): Slot => {
    if (!weights.has(slot)) weights.set(slot, { ...slot, space: 'weights' });
    return weights.get(slot)!;
  };

  const levels: Call[][] = [];
  const needs: { from: number; to: number; space: Space }[] = [];
  for (const call of calls) {
    const spent = atOnce ? call.writes.filter(({ space }) => space === 'gradients').map(weightsOf) : [];
    const reads = call.reads.map(useOf);
    const writes = [...call.writes, ...spent].map(useOf);
    const sources = [...reads, ...writes].flatMap(overlapping).filter(({ written }) => written >= 0);
    const readers = writes.flatMap(overlapping);
    const level = 1 + Math.max(-1, ...sources.map((use) => use.written), ...readers.map((use) => use.read));
    for (const { written, slot } of sources) needs.push({ from: written, to: level, space: slot.space });
    for (const use of [...reads, ...writes]) use.first = Math.min(use.first, level);
    for (const use of reads) use.read = Math.max(use.read, level);
    for (const use of writes) use.written = Math.max(use.written, level);
    (levels[level] ??= []).push(call);
  }
  const values = [...uses.values()].filter(({ slot }) => slot.space === 'values');
  const lives = new Map(
    values.map(({ slot, first, written, read }) => [
      slot,
      slot.kept ? ([0, levels.length] as const) : ([first, Math.max(written, read)] as const),
    ]),
  );
  return { levels, needs, lives, valuePacks: placeValues(lives) };
}

/** Gives each slot the lowest place that is free during its life, and gives how many packs that takes. */
function placeValues(lives: Schedule['lives']): number {
  const placed: Life[] = [];
  let packs = 0;
  for (const life of inOrder([...lives])) {
    const [slot, [first, last]] = life;
    const taken = placed
      .filter(([, [otherFirst, otherLast]]) => otherFirst <= last && first <= otherLast)
      .map(([other]) => other)
      .toSorted((a, b) => a.at - b.at);
    let at = 0;
    for (const other of taken) if (at + slot.packs > other.at) at = Math.max(at, other.at + other.packs);
    slot.at = at;
    placed.push(life);
    packs = Math.max(packs, at + slot.packs);
  }
  return packs;
}

type Life = readonly [Slot, readonly [first: number, last: number]];

/**
 * What lives at the level where most is alive, that which lives to the end first; then the others, those that live longest first. So
 * what is kept of each layer lies above that of the layer before, and the layers become a loop.
 */
function inOrder(lives: readonly Life[]): Life[] {
  const changes: number[] = [];
  for (const [{ packs }, [first, last]] of lives) {
    changes[first] = (changes[first] ?? 0) + packs;
    changes[last + 1] = (changes[last + 1] ?? 0) - packs;
  }
  let [alive, most, fullest] = [0, 0, 0];
  for (let level = 0; level < changes.length; level++) {
    alive += changes[level] ?? 0;
    if (alive > most) [most, fullest] = [alive, level];
  }
  const rank = ([, [first, last]]: Life) => (first <= fullest && fullest <= last ? 1e9 + last : last - first);
  return lives.toSorted((a, b) => rank(b) - rank(a));
}

/**
 * The kinds of memory that the barrier after each level orders. What was written is ordered by a barrier of its own memory; that a
 * level overwrites what another one read takes any. The last barrier stands before the next step.
 */
export function barriersOf({ levels, needs }: Schedule, memory: ResidentMemory): ReadonlySet<Memory>[] {
  const barriers = levels.map(() => new Set<Memory>());
  for (const { from, to, space } of needs.toSorted((a, b) => a.to - b.to)) {
    const kind = space === 'values' || space === 'weights' ? memory[space] : 'storage';
    if (!barriers.slice(from, to).some((own) => own.has(kind))) barriers[to - 1].add(kind);
  }
  barriers.at(-1)?.add(memory.weights).add(memory.values);
  for (const own of barriers) if (own.size === 0) own.add(memory.values);
  return barriers;
}
