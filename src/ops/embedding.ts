// embedding: out = wte[token] + wpe[position], and the gradient of either table, in two ways.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/embedding.wgsl?raw';
import type { Operand, Phase } from '../graph/body.ts';
import { exchange } from '../graph/fuse.ts';
import type { Rule } from '../graph/fuse.ts';
import type { Node, Tensor } from '../graph/graph.ts';
import type { Op, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { elementGrid, exampleStep, matchShapes, randomIds, randomInteger, randomNormal } from './support.ts';
import { orderRows, tokenOrder } from './token-order.ts';
import { packsPhase } from './bodies.ts';

const source = stepLib + gridLib + shader;

export const embedding: Op = {
  name: 'embedding',
  inputs: ['wte', 'wpe', 'tokens', 'positions'],
  outputs: ['out'],
  integers: ['tokens', 'positions'],

  infer(shapes, _attrs, where) {
    const { R, C } = dimsOf(shapes, where);
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [wte, wpe, tokens, positions] = inputs as [FloatArray, FloatArray, Uint32Array, Uint32Array];
    const out = outputs[0] as FloatArray;
    const C = shapes[0][1];
    for (let r = 0; r < step.rows; r++) {
      const token = tokens[r] * C;
      const position = positions[r] * C;
      for (let c = 0; c < C; c++) out[r * C + c] = wte[token + c] + wpe[position + c]; // (R, C)
    }
  },

  // Both tables take the rows of dout that used them: dtable[n] = Σ over r with ids[r] = n of dout[r].
  vjp(graph, node, [dout]) {
    const [wte, wpe, tokens, positions] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
    const gradient = (table: Tensor, ids: Tensor) =>
      graph.apply(embeddingGrad, [ids, dout!], { tableRows: table.shape[0] })[0];
    return [gradient(wte, tokens), gradient(wpe, positions), null, null];
  },

  kernel: {
    source,
    entry: 'embedding',
    launch(shapes) {
      const { R, C } = dimsOf(shapes, '');
      return { constants: { C }, workgroups: elementGrid(R * C) };
    },
  },

  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      packsPhase(C, P, (at) => {
        const rowPack = (table: Operand, ids: Operand) =>
          table.pack(`${ids.integer(`i / ${C / P}`)} * ${C / P} + i % ${C / P}`);
        return at.out.putPack('i', `${rowPack(at.wte, at.tokens)} + ${rowPack(at.wpe, at.positions)}`);
      }),
    ],
  }),

  flops(shapes) {
    const { R, C } = dimsOf(shapes, '');
    return R * C;
  },

  // A row of each table for each row, or the whole table where it has fewer.
  touches([wte, wpe, [R]]) {
    const rows = ([entries, C]: Shape) => Math.min(entries, R) * C;
    return { wte: rows(wte), wpe: rows(wpe) };
  },

  example(random) {
    const [V, T, R, C] = [randomInteger(random, 2, 60), randomInteger(random, 1, 40), randomInteger(random, 1, 70), randomInteger(random, 1, 40)]; // prettier-ignore
    return {
      shapes: [[V, C], [T, C], [R], [R]], // prettier-ignore
      attrs: {},
      inputs: [
        randomNormal(random, V * C),
        randomNormal(random, T * C),
        randomIds(random, R, V),
        randomIds(random, R, T),
      ],
      step: exampleStep(randomInteger(random, 1, R)),
    };
  },
};

function dimsOf(shapes: readonly Shape[], where: string) {
  return matchShapes('embedding', where, shapes, {
    wte: ['V', 'C'],
    wpe: ['T', 'C'],
    tokens: ['R'],
    positions: ['R'],
  });
}

/**
 * Whether the gradient of a table, a node of embedding_grad, is worth putting the rows in order first. Without an order each of the table's elements looks at
 * every row; 2^22 such looks take some 30 µs on a small GPU, more than the dispatches that this saves them cost.
 */
export function isLargeTable({ inputs, attrs }: Node): boolean {
  const [R, C] = inputs[1].shape;
  return attrs.tableRows * C * R > 2 ** 22;
}

/** Each pack of the table's gradient looks at every row. */
export function tableGradPhase(
  tableRows: number,
  C: number,
  P: number,
  [ids, dtable]: readonly [string, string],
): Phase {
  return {
    times: (tableRows * C) / P,
    multiplyAdds: ({ rows }) => P * rows,
    code: (at) => `
      var sum = Pack();
      for (var r = 0u; r < rows; r++) {
        if (${at[ids].integer('r')} == i / ${C / P}) { sum += ${at.dout.pack(`r * ${C / P} + i % ${C / P}`)}; }
      }
      ${at[dtable].putPack('i', 'sum')}`,
  };
}

/** dtable[n, c] = Σ over the rows r with ids[r] = n of dout[r, c], in the order of the rows. */
export const embeddingGrad: Op = {
  name: 'embedding_grad',
  inputs: ['ids', 'dout'],
  outputs: ['dtable'],
  integers: ['ids'],

  infer(shapes, attrs, where) {
    const { C } = matchShapes('embedding_grad', where, shapes, { ids: ['R'], dout: ['R', 'C'] });
    return [[attrs.tableRows, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [ids, dout] = inputs as [Uint32Array, FloatArray];
    const dtable = outputs[0] as FloatArray;
    const C = shapes[1][1];
    dtable.fill(0);
    for (let r = 0; r < step.rows; r++) {
      const row = ids[r] * C;
      for (let c = 0; c < C; c++) dtable[row + c] += dout[r * C + c]; // (V or T, C)
    }
  },

  kernel: {
    source,
    entry: 'embedding_grad',
    launch(shapes, attrs) {
      const C = shapes[1][1];
      return { constants: { C, ROWS: attrs.tableRows }, workgroups: elementGrid(attrs.tableRows * C) };
    },
  },

  body: ([, [, C]], { tableRows }, P) => ({
    packed: [C],
    phases: [tableGradPhase(tableRows, C, P, ['ids', 'dtable'])],
  }),

  flops: (shapes) => shapes[1][0] * shapes[1][1],

  example(random) {
    const [V, R, C] = [
      randomInteger(random, 2, 60),
      randomInteger(random, 1, 90),
      randomInteger(random, 1, 40),
    ];
    return {
      shapes: [[R], [R, C]], // prettier-ignore
      attrs: { tableRows: V },
      inputs: [randomIds(random, R, V), randomNormal(random, R * C)],
      step: exampleStep(randomInteger(random, 1, R)),
    };
  },
};

/** The same from what `token_order` gives: reads each row of dout once, not once for each row of the table. */
export const embeddingGradOrdered: Op = {
  ...embeddingGrad,
  name: 'embedding_grad_ordered',
  inputs: ['ids', 'order', 'ranges', 'dout'],
  integers: ['ids', 'order', 'ranges'],

  infer(shapes, { tableRows }, where) {
    const patterns = { ids: ['R'], order: ['R'], ranges: [tableRows, 2], dout: ['R', 'C'] } as const;
    const { C } = matchShapes('embedding_grad_ordered', where, shapes, patterns);
    return [[tableRows, C]];
  },

  cpu({ inputs: [ids, , , dout], shapes, ...call }) {
    embeddingGrad.cpu({ ...call, inputs: [ids, dout], shapes: [shapes[0], shapes[3]] });
  },

  kernel: {
    source,
    entry: 'embedding_grad_ordered',
    bindings: ['ids', 'order', 'ranges', 'dout_ordered', 'dtable_ordered'],
    launch([, , , [, C]], { tableRows }) {
      return { constants: { C, ROWS: tableRows }, workgroups: elementGrid(tableRows * C) };
    },
  },

  body: ([ids, , , dout], attrs, P) => embeddingGrad.body!([ids, dout], attrs, P),

  flops: ([, , , [R, C]]) => R * C,

  example(random) {
    const { shapes, attrs, inputs, step } = embeddingGrad.example(random);
    const [[R], [, C]] = shapes;
    const [ids, dout] = inputs as [Uint32Array, Float64Array];
    const order = new Uint32Array(R);
    // What is left from another time, where no row has an id.
    const ranges = randomIds(random, 2 * attrs.tableRows, R + 5);
    orderRows(ids.subarray(0, step.rows), attrs.tableRows, order, ranges);
    return {
      shapes: [[R], [R], [attrs.tableRows, 2], [R, C]], // prettier-ignore
      attrs,
      inputs: [ids, order, ranges, dout],
      step,
    };
  },
};

export const embeddingGradOrderedRule: Rule = exchange(
  embeddingGrad,
  isLargeTable,
  (graph, { inputs, attrs }) => {
    const [ids, dout] = inputs;
    const [order, ranges] = graph.apply(tokenOrder, [ids], attrs);
    return graph.apply(embeddingGradOrdered, [ids, order, ranges, dout], attrs);
  },
);
