// From a plan to calls: each phase of a node's body as a WGSL function that is called with the places of its operands. Nodes
// of the same op and shapes call the same functions.

import type { Body, Choose, Operand, Phase } from '../../graph/body.ts';
import { nodeLabel } from '../../graph/graph.ts';
import type { Node, Tensor } from '../../graph/graph.ts';
import { dtypeOf, operandNames } from '../../graph/op.ts';
import type { Plan, View } from '../../graph/plan.ts';
import { accessTo, type PackSize, type Space } from './access.ts';

/** A tensor, or a stretch of a region, as phases share it. Places are in packs. */
export interface Slot {
  readonly space: Space;
  readonly label: string;
  readonly packs: number;
  /** Of `values` it is only known after `place`. */
  at: number;
  /** Among the values from step to step: a region that the kernel does not know. */
  readonly kept: boolean;
}

/** The slots of a node's operands and temporaries, by name. */
type Operands = ReadonlyMap<string, Slot>;

export interface PhaseFunction {
  readonly name: string;
  readonly phase: Phase;
  /** The operands that it accesses, in the order of its parameters. */
  readonly operands: readonly string[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly source: string;
}

export interface Call {
  readonly fn: PhaseFunction;
  readonly args: readonly Slot[];
  readonly reads: readonly Slot[];
  readonly writes: readonly Slot[];
}

export interface Lowered {
  readonly pack: PackSize;
  readonly calls: readonly Call[];
  readonly functions: readonly PhaseFunction[];
  /** What the functions call. */
  readonly libs: readonly string[];
  /** Elements of a region, 0 where the plan has none of its name. */
  regionLength(name: string): number;
  /** What happens to pack `i` of a gradient, `g`, as soon as it is there: the update, where it needs no more than that. */
  readonly atOnce: { readonly source: string; readonly phase: Phase } | undefined;
  /** Where operands lie, by tensor. */
  slotOf(tensor: Tensor): Slot | undefined;
}

const SPACES: Readonly<Record<string, Space>> = {
  parameters: 'weights',
  gradients: 'gradients',
  m: 'm',
  v: 'v',
  corpus: 'corpus',
  ring: 'ring',
  step: 'none',
  counter: 'none',
};

/** Throws Error where an op has no body. */
export function lowerPlan({ buffers, dispatches }: Plan): Lowered {
  const bodiesOf = (P: number) => dispatches.map(({ node }) => bodyOf(node, P));
  const widths = bodiesOf(1).flatMap(({ packed }) => packed);
  const pack = ([4, 2, 1] as const).find((P) => widths.every((width) => width % P === 0))!;
  const bodies = bodiesOf(pack);

  const slots = new Map<Tensor, Slot>();
  const stretches = new Map<string, Slot>();
  const newSlot = (space: Space, label: string, elements: number, offset = 0, kept = false): Slot => ({
    space,
    label,
    packs: Math.ceil(elements / pack),
    at: offset / pack,
    kept,
  });
  const slotOf = (tensor: Tensor, view: View): Slot => {
    let slot = slots.get(tensor);
    if (slot) return slot;
    const { kind, name } = buffers[view.buffer];
    if (kind === 'scratch') slot = newSlot('values', tensor.name, view.length);
    else {
      const key = `${name}@${view.offset}+${view.length}`;
      const space = SPACES[name] ?? 'values';
      slot = stretches.get(key) ?? newSlot(space, name, view.length, view.offset, space === 'values');
      stretches.set(key, slot);
    }
    slots.set(tensor, slot);
    return slot;
  };

  const functions = new Map<string, PhaseFunction>();
  const functionOf = (node: Node, phase: Phase, index: number, own: Operands): PhaseFunction => {
    const shapes = node.inputs.map(({ shape }) => shape);
    const spaces = [...own.values()].map(({ space }) => space);
    const key = JSON.stringify([node.op.name, shapes, node.attrs, index, spaces]);
    let fn = functions.get(key);
    if (!fn) {
      const name = `${node.op.name}_${functions.size + 1}`;
      functions.set(key, (fn = makeFunction(name, node, phase, own, pack)));
    }
    return fn;
  };

  const calls: Call[] = [];
  let atOnce: Lowered['atOnce'];
  dispatches.forEach(({ node, inputs, outputs }, n) => {
    const { op } = node;
    const body = bodies[n];
    const own = new Map<string, Slot>();
    operandNames(op).forEach((name, i) => own.set(name, slotOf(node.inputs[i], inputs[i])));
    outputs.forEach((view, i) => own.set(op.outputs[i], slotOf(node.outputs[i], view)));
    Object.keys(op.becomes ?? {}).forEach((name, i) => {
      slots.set(node.outputs[op.outputs.length + i], own.get(name)!);
    });
    for (const [name, elements] of Object.entries(body.temporaries ?? {}))
      own.set(name, newSlot('values', `${nodeLabel(node)}.${name}`, elements));
    if (isUpdateAtOnce(body, own)) {
      const [phase] = body.phases;
      atOnce = { phase, source: codeOf(node, phase, own, pack, 'g').code };
      return;
    }
    body.phases.forEach((phase, index) => {
      const fn = functionOf(node, phase, index, own);
      const slotsOf = (list: readonly string[]) => list.map((name) => own.get(name)!);
      calls.push({
        fn,
        args: slotsOf(fn.operands),
        reads: slotsOf(fn.reads),
        writes: slotsOf(fn.writes),
      });
    });
  });
  return {
    pack,
    calls,
    functions: [...functions.values()],
    libs: [...new Set(bodies.flatMap(({ lib }) => lib ?? []))],
    regionLength: (name) => buffers.find((own) => own.name === name && own.kind === 'region')?.length ?? 0,
    atOnce,
    slotOf: (tensor) => slots.get(tensor),
  };
}

function bodyOf(node: Node, P: number): Body {
  const { op, inputs, attrs } = node;
  if (!op.body) throw new Error(`resident: ${nodeLabel(node)} has no body`);
  return op.body(inputs.map(({ shape }) => shape), attrs, P); // prettier-ignore
}

/** Whether all that a body does is to take each pack of all gradients by itself. */
function isUpdateAtOnce({ phases }: Body, own: Operands): boolean {
  const takes = [...own.values()].some(({ space }) => space === 'gradients');
  return takes && phases.length === 1 && phases[0].packwise === true;
}

/** The statements of a phase, and what they access. `gradient`: what stands for a pack of gradients that is at hand. */
function codeOf(
  { op }: Node,
  phase: Phase,
  own: Operands,
  P: PackSize,
  gradient?: string,
): { code: string; reads: Set<string>; writes: Set<string> } {
  const reads = new Set<string>();
  const writes = new Set<string>();
  const operand = (list: readonly string[], base: string): Operand => {
    const [space, other] = new Set(list.map((name) => own.get(name)!.space));
    if (other) throw new Error(`resident: ${op.name} chooses among operands of ${space} and of ${other}`);
    const given = space === 'gradients' ? gradient : undefined;
    const access = accessTo(space, base, P, dtypeOf(op, list[0]) === 'u32', given);
    const noted = (method: keyof Operand, seen: Set<string>) => (at: string, x: string) => {
      const text = access[method];
      if (!text) throw new Error(`resident: ${op.name} has no "${method}" of ${list.join(', ')} in ${space}`);
      for (const name of list) seen.add(name);
      return text(at, x);
    };
    const read = (method: keyof Operand) => (at: string) => noted(method, reads)(at, '');
    return {
      element: read('element'),
      pack: read('pack'),
      integer: read('integer'),
      put: noted('put', writes),
      putPack: noted('putPack', writes),
    };
  };
  const base = (name: string) => (gradient === undefined ? `${name}_at` : '0');
  const operands = Object.fromEntries([...own.keys()].map((name) => [name, operand([name], base(name))]));
  const choose: Choose = (list, which) => {
    const chosen = list
      .map(base)
      .reduceRight((others, at, n) => `select(${others}, ${at}, ${which} == ${n})`);
    return [`let chosen_at = ${chosen};`, operand(list, 'chosen_at')];
  };
  return { code: phase.code(operands, choose), reads, writes };
}

function makeFunction(name: string, node: Node, phase: Phase, own: Operands, P: PackSize): PhaseFunction {
  const { code, reads, writes } = codeOf(node, phase, own, P);
  const operands = [...own.keys()].filter((operand) => reads.has(operand) || writes.has(operand));
  const { perRow, times } = phase;
  const count = perRow === undefined ? times : perRow === 1 ? 'rows' : `${perRow} * rows`;
  const loop =
    count === undefined
      ? code
      : count === 1
        ? `if (worker == WORKERS - 1) { let i = 0u; ${code} }`
        : `for (var i = worker; i < ${count}; i += WORKERS) { ${code} }`;
  const parameters = operands.map((operand) => `${operand}_at: u32`).join(', ');
  return {
    name,
    phase,
    operands,
    reads: [...reads],
    writes: [...writes],
    source: `fn ${name}(${parameters}) {\n${loop}\n}`,
  };
}
