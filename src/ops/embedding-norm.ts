// embedding_norm: out = rmsnorm(wte[token] + wpe[position]) in one kernel; on the way back its norm together with that of the
// first layer, and the gradients of both tables together where they are small.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import normLib from '../../shaders/lib/norm.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/embedding_norm.wgsl?raw';
import type { Rule } from '../graph/fuse.ts';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { packsPhase, throughNorm } from './bodies.ts';
import { embedding, embeddingGrad, isLargeTable, tableGradPhase } from './embedding.ts';
import { normedGrad, normedGradAdd, normedGradAddPhase } from './normed-grad.ts';
import { normRows, rmsnorm, rmsnormGrad } from './rmsnorm.ts';
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

  kernel: {
    source,
    entry: 'embedding_norm',
    launch: ([[, C], , [R]]) => ({ constants: { C, WORKERS: workersFor(C) }, workgroups: rowGrid(R) }),
  },

  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      packsPhase(
        C,
        P,
        (at) => `
      let r = i / ${C / P};
      let c = i % ${C / P};
      let token = ${at.tokens.integer('r')} * ${C / P};
      let position = ${at.positions.integer('r')} * ${C / P};
      var squares = 0.0;
      for (var c = 0u; c < ${C / P}; c++) {
        let sum = ${at.wte.pack('token + c')} + ${at.wpe.pack('position + c')};
        squares = add_dot(squares, sum, sum);
      }
      let s = norm_scale(squares, ${C});
      ${at.out.putPack('i', `(${at.wte.pack('token + c')} + ${at.wpe.pack('position + c')}) * s`)}
      if (c == 0) { ${at.scale.put('r', 's')} }`,
        C,
      ),
    ],
  }),

  flops: ([[, C], , [R]]) => R * (4 * C + 4),
  touches: (shapes, attrs) => embedding.touches!(shapes, attrs),
  example: (random) => embedding.example(random),
};

/** Forth and back at once, for the derivative wants what the fused kernel keeps. */
export const embeddingNormRule: Rule = {
  inputs: ['wte', 'wpe', 'tokens', 'positions', 'dout'],
  plain(apply, [wte, wpe, tokens, positions, dout]) {
    const [sum] = apply(embedding, wte, wpe, tokens, positions);
    return [...apply(rmsnorm, sum), ...apply(rmsnormGrad, sum, dout)];
  },
  fused(graph, [wte, wpe, tokens, positions, dout]) {
    const [out, scale] = graph.apply(embeddingNorm, [wte, wpe, tokens, positions]);
    return [out, ...graph.apply(normedGrad, [out, scale, dout])];
  },
};

/** normed_grad_add of a layer's norm, then normed_grad of the embedding's: dx (R, C). */
export const embeddingNormGrad: Op = {
  name: 'embedding_norm_grad',
  inputs: [...normedGradAdd.inputs, 'out', 'out_scale'],
  outputs: ['dx'],

  infer(shapes, _attrs, where) {
    const patterns = { normed: ['R', 'C'], scale: ['R'], dout: ['R', 'C'], other: ['R', 'C'], out: ['R', 'C'], out_scale: ['R'] } as const; // prettier-ignore
    const { R, C } = matchShapes('embedding_norm_grad', where, shapes, patterns);
    return [[R, C]];
  },

  cpu(call) {
    const [shapes, out, scale] = [call.shapes, call.inputs[4], call.inputs[5]];
    normedGradAdd.cpu(call);
    const dsum = call.outputs[0].slice();
    normedGrad.cpu({ ...call, shapes: [shapes[4], shapes[5], shapes[0]], inputs: [out, scale, dsum] });
  },

  kernel: {
    source,
    entry: 'embedding_norm_grad',
    bindings: ['normed', 'normed_scale', 'dnormed', 'other', 'out_again', 'scale_again', 'dx'],
    launch: ([[R, C]]) => ({ constants: { C, WORKERS: workersFor(C) }, workgroups: rowGrid(R) }),
  },

  body: ([[R, C]], _attrs, P) => ({
    packed: [C],
    temporaries: { dsum: R * C },
    phases: [
      normedGradAddPhase(C, P, 'dsum'),
      throughNorm(C, P, ['out', 'out_scale', 'dsum'], (at, dx) => at.dx.putPack('i', dx)),
    ],
  }),

  flops: ([[R, C]]) => R * (11 * C + 2),

  example(random) {
    const { shapes, inputs, ...rest } = normedGradAdd.example(random);
    const [R, C] = shapes[0] as [number, number];
    const out = [randomNormal(random, R * C), randomNormal(random, R).map(Math.abs)];
    return { ...rest, shapes: [...shapes, [R, C], [R]], inputs: [...inputs, ...out] };
  },
};

export const embeddingNormGradRule: Rule = {
  inputs: [...embeddingNormGrad.inputs],
  plain(apply, [normed, scale, dout, other, out, outScale]) {
    const [dsum] = apply(normedGradAdd, normed, scale, dout, other);
    return apply(normedGrad, out, outScale, dsum);
  },
  fused: (graph, inputs) => graph.apply(embeddingNormGrad, inputs),
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

  body: ([, , [, C]], { tokenRows, positionRows }, P) => ({
    packed: [C],
    phases: [
      tableGradPhase(tokenRows, C, P, ['tokens', 'dwte']),
      tableGradPhase(positionRows, C, P, ['positions', 'dwpe']),
    ],
  }),

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

export const embeddingTablesGradRule: Rule = {
  inputs: ['tokens', 'positions', 'dout'],
  plain: (apply, [tokens, positions, dout]) => [
    ...apply(embeddingGrad, tokens, dout),
    ...apply(embeddingGrad, positions, dout),
  ],
  when: (matched) => !matched.some(isLargeTable),
  fused: (graph, inputs, [ofTokens, ofPositions]) =>
    graph.apply(embeddingTablesGrad, inputs, {
      tokenRows: ofTokens.attrs.tableRows,
      positionRows: ofPositions.attrs.tableRows,
    }),
};
