// From a graph to what an engine runs: an order of dispatches over as few buffers as their lifetimes
// allow. The CPU and the WebGPU engine run the same plan.

import { nodeLabel } from './graph.ts';
import type { Graph, Node, Tensor } from './graph.ts';
import { operandNames, sizeOf } from './op.ts';
import type { DType, Launch } from './op.ts';

/** A buffer that outlives the plan's run: parameters, gradients, moments, the data, caches. */
export interface Region {
  readonly name: string;
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
}

/** A place in a region. */
export interface Place {
  readonly region: string;
  /** In elements. On a GPU it must be a multiple of 64 (256 bytes). */
  readonly offset: number;
}

export interface PlanBuffer {
  readonly name: string;
  /** A region keeps its contents from run to run; scratch is shared by tensors that do not overlap in time. */
  readonly kind: 'region' | 'scratch';
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
}

export interface View {
  /** Index into `Plan.buffers`. */
  readonly buffer: number;
  /** In elements. */
  readonly offset: number;
  readonly length: number;
}

export interface Dispatch {
  readonly node: Node;
  readonly label: string;
  /** Inputs, then updated tensors. */
  readonly inputs: readonly View[];
  readonly outputs: readonly View[];
  /** The regions that it updates in place. An engine that only wants gradients leaves out what changes `parameters`. */
  readonly changes: readonly string[];
  readonly launch: Launch;
  /** The least that this dispatch can move, with all rows in use: inputs once, outputs once, updates there and back. */
  readonly bytes: number;
  readonly flops: number;
}

export interface Plan {
  readonly buffers: readonly PlanBuffer[];
  readonly dispatches: readonly Dispatch[];
}

/**
 * Plans `graph`. `places` puts sources and results into regions; every source needs a place, and a node
 * is planned if it updates something or a placed tensor depends on it. Nodes run in the order in which
 * they were added to the graph.
 */
export function planGraph(
  graph: Graph,
  regions: readonly Region[],
  places: ReadonlyMap<Tensor, Place>,
): Plan {
  const nodes = neededNodes(graph, places);
  const buffers: PlanBuffer[] = regions.map((region) => ({ ...region, kind: 'region' }));
  const regionIndex = new Map(regions.map((region, i) => [region.name, i]));
  const scratch = new ScratchSpace(buffers);
  const views = new Map<Tensor, View>();

  const viewOf = (tensor: Tensor): View => {
    const view = views.get(tensor);
    if (view) return view;
    const place = places.get(tensor);
    const buffer = place && regionIndex.get(place.region);
    if (!place || buffer === undefined) throw new Error(`plan: ${tensor.name} has no place`);
    const length = sizeOf(tensor.shape);
    if (place.offset + length > buffers[buffer].length)
      throw new Error(`plan: ${tensor.name} does not fit ${place.region}`);
    const placed = { buffer, offset: place.offset, length };
    views.set(tensor, placed);
    return placed;
  };

  const lastUse = new Map<Tensor, number>();
  nodes.forEach((node, i) => {
    for (const tensor of [...node.inputs, ...node.outputs]) lastUse.set(tensor, i);
  });

  const dispatches = nodes.map((node, i): Dispatch => {
    const become = becoming(node);
    for (const [old, tensor] of become) {
      if (lastUse.get(old)! > i || places.has(tensor)) {
        throw new Error(`plan: ${nodeLabel(node)} overwrites ${old.name}, which is needed after it`);
      }
      views.set(tensor, viewOf(old));
    }
    const bound = node.outputs.slice(0, node.op.outputs.length);
    for (const output of bound) {
      if (!places.has(output)) views.set(output, scratch.take(output));
    }
    const inputs = node.inputs.map(viewOf);
    const outputs = bound.map(viewOf);
    // A tensor that is never read again gives its space to the nodes after this one.
    for (const tensor of new Set([...node.inputs, ...node.outputs])) {
      if (lastUse.get(tensor) === i && tensor.node && !places.has(tensor) && !become.has(tensor))
        scratch.release(views.get(tensor)!);
    }
    const shapes = node.inputs.map((tensor) => tensor.shape);
    let launch: Launch | undefined;
    return {
      node,
      label: nodeLabel(node),
      inputs,
      outputs,
      changes: inputs.slice(node.op.inputs.length).map(({ buffer }) => buffers[buffer].name),
      // When it is asked for: a CPU never does, and shaders are made for it.
      get launch() {
        return (launch ??= node.op.kernel.launch(shapes, node.attrs));
      },
      bytes: leastBytes(node),
      flops: node.op.flops(shapes, node.attrs),
    };
  });
  return { buffers, dispatches };
}

/** The tensors that a node overwrites, and what they become. */
function becoming({ op, inputs, outputs }: Node): Map<Tensor, Tensor> {
  const operands = operandNames(op);
  const pairs = Object.keys(op.becomes ?? {}).map((name, i) => {
    return [inputs[operands.indexOf(name)], outputs[op.outputs.length + i]] as const;
  });
  return new Map(pairs);
}

function leastBytes({ op, inputs, outputs, attrs }: Node): number {
  const names = [...operandNames(op), ...op.outputs];
  const touched = op.touches?.(inputs.map(({ shape }) => shape), attrs) ?? {}; // prettier-ignore
  const elements = [...inputs, ...outputs.slice(0, op.outputs.length)].map(({ shape }, i) => {
    const ways = op.updates?.includes(names[i]) ? 2 : 1;
    return touched[names[i]] ?? ways * sizeOf(shape);
  });
  return 4 * elements.reduce((sum, n) => sum + n, 0);
}

function neededNodes(graph: Graph, places: ReadonlyMap<Tensor, Place>): Node[] {
  const needed = new Set<Node>();
  for (const node of graph.nodes.toReversed()) {
    const wanted =
      needed.has(node) ||
      (node.op.updates ?? []).some((name) => !node.op.becomes?.[name]) ||
      node.outputs.some((output) => places.has(output));
    if (!wanted) continue;
    needed.add(node);
    for (const input of node.inputs) if (input.node) needed.add(input.node);
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/** Scratch buffers, reused first by best fit, then by growing the largest free one. */
class ScratchSpace {
  /** By their length, from the smallest; of equal ones that which has been free for longer first. */
  private readonly free: Record<DType, number[]> = { f32: [], u32: [] };
  private count = 0;

  private readonly buffers: PlanBuffer[];

  constructor(buffers: PlanBuffer[]) {
    this.buffers = buffers;
  }

  take(tensor: Tensor): View {
    const length = sizeOf(tensor.shape);
    const free = this.free[tensor.dtype];
    const fitting = this.firstAt(free, length);
    const largest = free.length > 0 ? this.firstAt(free, this.buffers[free[free.length - 1]].length) : 0;
    const [chosen = this.add(tensor.dtype)] = free.splice(Math.min(fitting, largest), 1);
    const buffer = this.buffers[chosen];
    if (buffer.length < length) this.buffers[chosen] = { ...buffer, length };
    return { buffer: chosen, offset: 0, length };
  }

  release(view: View): void {
    const { dtype, length } = this.buffers[view.buffer];
    const free = this.free[dtype];
    free.splice(this.firstAt(free, length + 1), 0, view.buffer);
  }

  /** The first place in `free` from which on all are at least so long. */
  private firstAt(free: readonly number[], length: number): number {
    let [low, high] = [0, free.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.buffers[free[middle]].length < length) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private add(dtype: DType): number {
    const name = `scratch${this.count++}`;
    return this.buffers.push({ name, kind: 'scratch', dtype, length: 0 }) - 1;
  }
}
