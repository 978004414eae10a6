// embedding_norm: out = rmsnorm(wte[token] + wpe[position]) in one kernel, and the gradients of both tables in one.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import normLib from '../../shaders/lib/norm.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/embedding_norm.wgsl?raw';
import type { Tensor } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { embedding, embeddingGrad } from './embedding.ts';
import { normedGrad } from './normed-grad.ts';
import { normRows } from './rmsnorm.ts';
import {
  elementGrid,
  exampleStep,
  matchShapes,
  randomIds,
  randomInteger,
  randomNormal,
  rowGrid,
  workersFor,
} from './support.ts';

const source = stepLib + gridLib + reduceLib + normLib + shader;

/** Also gives scale, the factor of each row's norm: the derivative takes it. */
export const embeddingNorm: Op = {
  name: 'embedding_norm',
  inputs: ['wte', 'wpe', 'tokens', 'positions'],
  outputs: ['out', 'scale'],
  integers: ['tokens', 'positions'],

  infer(shapes, _attrs, where) {
    const patterns = { wte: ['V', 'C'], wpe: ['T', 'C'], tokens: ['R'], positions: ['R'] } as const;
    const { R, C } = matchShapes('embedding_norm', where, shapes, patterns);
    return [[R, C], [R]]; // prettier-ignore
  },

  cpu(call) {
    const [out, scale] = call.outputs as [FloatArray, FloatArray];
    embedding.cpu({ ...call, outputs: [out] });
    normRows(out, call.step.rows, call.shapes[0][1], out, scale);
  },

  // Through the norm, then to the rows of both tables that were taken.
  vjp(graph, node, [dout]) {
    const [wte, wpe, tokens, positions] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
    const [dsum] = graph.apply(normedGrad, [node.outputs[0], node.outputs[1], dout!]);
    const tables = { tokenRows: wte.shape[0], positionRows: wpe.shape[0] };
    const [dwte, dwpe] = graph.apply(embeddingTablesGrad, [tokens, positions, dsum], tables);
    return [dwte, dwpe, null, null];
  },

  kernel: {
    source,
    entry: 'embedding_norm',
    launch: ([[, C], , [R]]) => ({ constants: { C, WORKERS: workersFor(C) }, workgroups: rowGrid(R) }),
  },

  flops: ([[, C], , [R]]) => R * (4 * C + 4),
  touches: (shapes, attrs) => embedding.touches!(shapes, attrs),
  example: (random) => embedding.example(random),
};

/** dwte[n] = Σ over the rows r with tokens[r] = n of dout[r], dwpe the same by position. */
export const embeddingTablesGrad: Op = {
  name: 'embedding_tables_grad',
  inputs: ['tokens', 'positions', 'dout'],
  outputs: ['dwte', 'dwpe'],
  integers: ['tokens', 'positions'],

  infer(shapes, { tokenRows, positionRows }, where) {
    const patterns = { tokens: ['R'], positions: ['R'], dout: ['R', 'C'] } as const;
    const { C } = matchShapes('embedding_tables_grad', where, shapes, patterns);
    return [[tokenRows, C], [positionRows, C]]; // prettier-ignore
  },

  cpu(call) {
    const [tokens, positions, dout] = call.inputs;
    const [dwte, dwpe] = call.outputs;
    const shapes = call.shapes.slice(1);
    embeddingGrad.cpu({ ...call, shapes, inputs: [tokens, dout], outputs: [dwte] });
    embeddingGrad.cpu({ ...call, shapes, inputs: [positions, dout], outputs: [dwpe] });
  },

  kernel: {
    source,
    entry: 'embedding_tables_grad',
    bindings: ['token_ids', 'position_ids', 'dout', 'dwte', 'dwpe'],
    launch([, , [, C]], { tokenRows: V, positionRows: T }) {
      return { constants: { C, V, T }, workgroups: elementGrid((V + T) * C) };
    },
  },

  flops: ([, , [R, C]]) => 2 * R * C,

  example(random) {
    const [V, T, R, C] = [50, 30, 70, 40].map((most) => randomInteger(random, 1, most));
    return {
      shapes: [[R], [R], [R, C]], // prettier-ignore
      attrs: { tokenRows: V, positionRows: T },
      inputs: [randomIds(random, R, V), randomIds(random, R, T), randomNormal(random, R * C)],
      step: exampleStep(randomInteger(random, 1, R)),
    };
  },
};
