// token_order: the rows in the order of their ids, so that the gradient of a table reads only the rows that belong to each
// of its own. order (R) holds the rows, those of one id in their own order; ranges (V, 2) says from where to where each
// id's rows stand there. Of ids that no row has, ranges says nothing: whoever reads it must look whether the row it names has that id.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/token_order.wgsl?raw';
import type { Op } from '../graph/op.ts';
import { elementGrid, exampleStep, matchShapes, randomIds, randomInteger } from './support.ts';

export const tokenOrder: Op = {
  name: 'token_order',
  inputs: ['ids'],
  outputs: ['order', 'ranges'],
  integers: ['ids', 'order', 'ranges'],

  infer(shapes, attrs, where) {
    const { R } = matchShapes('token_order', where, shapes, { ids: ['R'] });
    return [[R], [attrs.tableRows, 2]]; // prettier-ignore
  },

  cpu({ inputs, outputs, attrs, step }) {
    const [ids] = inputs;
    const [order, ranges] = outputs;
    orderRows(ids.subarray(0, step.rows), attrs.tableRows, order, ranges);
  },

  kernel: {
    source: stepLib + gridLib + shader,
    entry: 'token_order',
    launch: ([[R]]) => ({ constants: {}, workgroups: elementGrid(R) }),
  },

  flops: () => 0,

  example(random) {
    const [V, R] = [randomInteger(random, 1, 60), randomInteger(random, 1, 600)];
    return {
      shapes: [[R]],
      attrs: { tableRows: V },
      inputs: [randomIds(random, R, V)],
      step: exampleStep(randomInteger(random, 1, R)),
    };
  },
};

/** A counting sort. */
export function orderRows(
  ids: ArrayLike<number>,
  V: number,
  order: { [i: number]: number },
  ranges: { [i: number]: number },
): void {
  const next = new Uint32Array(V + 1);
  for (let r = 0; r < ids.length; r++) next[ids[r] + 1]++;
  for (let n = 0; n < V; n++) {
    const count = next[n + 1];
    next[n + 1] += next[n];
    if (count > 0) [ranges[2 * n], ranges[2 * n + 1]] = [next[n], next[n + 1]];
  }
  for (let r = 0; r < ids.length; r++) order[next[ids[r]]++] = r;
}
