// Attention for long contexts: the ops of attention.ts, attention-grad.ts and attention-qkv.ts with kernels that take 64 rows
// of a head at a time. They want D in fours, at most 128; the rules at the end say where they are taken.

import attendGradTiledLib from '../../shaders/lib/attend_grad_tiled.wgsl?raw';
import attendTileLib from '../../shaders/lib/attend_tile.wgsl?raw';
import attendTiledLib from '../../shaders/lib/attend_tiled.wgsl?raw';
import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import gradShader from '../../shaders/attention_grad_tiled.wgsl?raw';
import qkvGradShader from '../../shaders/attention_qkv_grad_tiled.wgsl?raw';
import qkvShader from '../../shaders/attention_qkv_tiled.wgsl?raw';
import shader from '../../shaders/attention_tiled.wgsl?raw';
import { exchange } from '../graph/fuse.ts';
import type { Rule } from '../graph/fuse.ts';
import type { Attrs, Launch, Op } from '../graph/op.ts';
import { ShapeError } from '../util/errors.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import {
  attentionGradKv,
  attentionGradQ,
  attentionGradStats,
  exampleGrad,
  inferGrad,
} from './attention-grad.ts';
import { attentionQkv, attentionQkvGrad, inferQkv, qkvDims, qkvGradients } from './attention-qkv.ts';
import { attention, inferAttention } from './attention.ts';
import {
  exampleStep,
  expectShape,
  headDims,
  maskedPairs,
  randomInteger,
  randomNormal,
  randomPackedRows,
  rowGrid,
} from './support.ts';

const SOURCE = stepLib + gridLib + attendTileLib;
const FORWARD = SOURCE + attendTiledLib;
const BACKWARD = SOURCE + attendGradTiledLib;

/** Rows of a tile, and what is left of workgroup memory for the rows that are mixed, in vectors of 4 (see the shaders). */
const ROWS = 64;
const LEFT_FORWARD = (64 + 32) * 9 - 64 * 9;
const LEFT_BACKWARD = 2 * (64 + 32) * 5 - 64 * 9;

/** Contexts up to this length stay with one workgroup per row: it has all keys in hand at once, and fewer barriers. */
const SHORT_CONTEXT = 32;

/** A launch for each 64 of R rows and each head, `perHead` times; `left` vectors of memory take the rows that are mixed. */
function launchTiles(R: number, C: number, attrs: Attrs, left: number, perHead = 1): Launch {
  const { H, D, scale } = headDims('attention', '', C, attrs);
  const mixed = Math.min(32, 4 * Math.floor(left / D));
  return {
    constants: { H, D, SCALE: scale, MIXED: mixed },
    workgroups: rowGrid(Math.ceil(R / ROWS), perHead * H),
  };
}

/** Throws ShapeError where the tiles do not take heads of C / H channels. */
function checkHeads(op: string, where: string, C: number, attrs: Attrs): void {
  const { D } = headDims(op, where, C, attrs);
  if (D % 4 === 0 && D <= 128) return;
  const place = where === '' ? op : `${op} at ${where}`;
  throw new ShapeError(`${place}: expected C / heads to be a multiple of 4 up to 128, got ${D}`);
}

/** Heads that the tiles take, in parts of 32 channels filled or not; few, for each wants a pipeline of its own. */
function tiledHeads(random: PythonRandom): { H: number; C: number } {
  const [H, D] = [[3, 4], [2, 12], [1, 36], [2, 64], [1, 100], [1, 128]][randomInteger(random, 0, 5)]; // prettier-ignore
  return { H, C: H * D };
}

export const attentionTiled: Op = {
  ...attention,
  name: 'attention_tiled',

  infer(shapes, attrs, where) {
    const inferred = inferAttention('attention_tiled', shapes, attrs, where);
    checkHeads('attention_tiled', where, shapes[0][1], attrs);
    return inferred;
  },

  kernel: {
    source: FORWARD + shader,
    entry: 'attention_tiled',
    launch: ([[R, C]], attrs) => launchTiles(R, C, attrs, LEFT_FORWARD),
  },

  example(random) {
    const { H, C } = tiledHeads(random);
    const { capacity: R, rows, spans } = randomPackedRows(random, randomInteger(random, 1, 90));
    const normal = () => randomNormal(random, R * C);
    return {
      shapes: [[R, C], [R, C], [R, C], [R, 2]], // prettier-ignore
      attrs: { heads: H, block: R },
      inputs: [normal(), normal(), normal(), spans],
      step: exampleStep(rows),
    };
  },
};

export const attentionGradTiledQ: Op = {
  ...attentionGradQ,
  name: 'attention_grad_tiled_q',

  infer(shapes, attrs, where) {
    const dq = inferGrad('attention_grad_tiled_q', shapes, attrs, where);
    checkHeads('attention_grad_tiled_q', where, dq[1], attrs);
    return [dq];
  },

  kernel: {
    source: BACKWARD + gradShader,
    entry: 'attention_grad_tiled_q',
    launch: ([[R, C]], attrs) => launchTiles(R, C, attrs, LEFT_BACKWARD),
  },

  example: (random) => exampleGrad(random, tiledHeads(random)),
};

export const attentionGradTiledKv: Op = {
  ...attentionGradKv,
  name: 'attention_grad_tiled_kv',

  infer(shapes, attrs, where) {
    const dk = inferGrad('attention_grad_tiled_kv', shapes, attrs, where);
    checkHeads('attention_grad_tiled_kv', where, dk[1], attrs);
    return [dk, dk];
  },

  kernel: {
    source: BACKWARD + gradShader,
    entry: 'attention_grad_tiled_kv',
    launch: ([[R, C]], attrs) => launchTiles(R, C, attrs, LEFT_BACKWARD),
  },

  example: (random) => exampleGrad(random, tiledHeads(random)),
};

export const attentionQkvTiled: Op = {
  ...attentionQkv,
  name: 'attention_qkv_tiled',

  infer(shapes, attrs, where) {
    const inferred = inferQkv('attention_qkv_tiled', shapes, attrs, where);
    checkHeads('attention_qkv_tiled', where, shapes[0][1] / 3, attrs);
    return inferred;
  },

  kernel: {
    source: FORWARD + qkvShader,
    entry: 'attention_qkv_tiled',
    launch: ([[R, M]], attrs) => launchTiles(R, M / 3, attrs, LEFT_FORWARD),
  },

  example(random) {
    const { H, C } = tiledHeads(random);
    const { capacity: R, rows, spans } = randomPackedRows(random, randomInteger(random, 1, 90));
    return {
      shapes: [[R, 3 * C], [R, 2]], // prettier-ignore
      attrs: { heads: H, block: R },
      inputs: [randomNormal(random, R * 3 * C), spans],
      step: exampleStep(rows),
    };
  },
};

/** Like attention_qkv_grad, with stats = (lse, delta) in place of what they are made of. */
export const attentionQkvGradTiled: Op = {
  name: 'attention_qkv_grad_tiled',
  inputs: ['qkv', 'dout', 'stats', 'spans'],
  outputs: ['dqkv'],
  integers: ['spans'],

  infer([qkv, dout, stats, spans], attrs, where) {
    const name = 'attention_qkv_grad_tiled';
    const { R, C } = qkvDims(name, where, qkv, attrs);
    expectShape(name, where, 'dout', dout, ['R', C], { R });
    expectShape(name, where, 'stats', stats, ['R', attrs.heads, 2], { R });
    expectShape(name, where, 'spans', spans, ['R', 2], { R });
    checkHeads(name, where, C, attrs);
    return [[R, 3 * C]];
  },

  cpu({ inputs, outputs, shapes, attrs, step }) {
    const [qkv, dout, stats] = inputs as [FloatArray, FloatArray, FloatArray];
    const statsOf = (i: number): [number, number] => [stats[2 * i], stats[2 * i + 1]];
    const [spans, dqkv] = [inputs[3] as Uint32Array, outputs[0] as FloatArray];
    qkvGradients(qkv, dout, statsOf, spans, dqkv, step.rows, shapes[1][1], attrs);
  },

  kernel: {
    source: BACKWARD + qkvGradShader,
    entry: 'attention_qkv_grad_tiled',
    launch: ([[R, M]], attrs) => launchTiles(R, M / 3, attrs, LEFT_BACKWARD, 2),
  },

  flops: ([, dout], attrs) => 14 * maskedPairs(dout, attrs) * dout[1],

  example(random) {
    const { shapes, attrs, inputs, step } = exampleGrad(random, tiledHeads(random));
    const [q, k, v, dout, stats, spans] = inputs as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Uint32Array]; // prettier-ignore
    const [R, C] = shapes[0] as [number, number];
    const qkv = new Float64Array(R * 3 * C);
    for (let r = 0; r < R; r++) {
      [q, k, v].forEach((x, i) => qkv.set(x.subarray(r * C, (r + 1) * C), (3 * r + i) * C));
    }
    return {
      shapes: [[R, 3 * C], [R, C], shapes[4], shapes[5]], // prettier-ignore
      attrs,
      inputs: [qkv, dout, stats, spans],
      step,
    };
  },
};

/** Where contexts are long and the tiles take heads of `C` / heads channels. */
function tiles(C: number, { heads, block }: Attrs): boolean {
  const D = C / heads;
  return block > SHORT_CONTEXT && D % 4 === 0 && D <= 128;
}

/** `op`, whose first input has C channels, by its tiled twin. */
function tiledRule(op: Op, tiled: Op): Rule {
  return exchange(
    op,
    ({ inputs, attrs }) => tiles(inputs[0].shape[1], attrs),
    (graph, { inputs, attrs }) => graph.apply(tiled, inputs, attrs),
  );
}

export const attentionTiledRules: readonly Rule[] = [
  tiledRule(attention, attentionTiled),
  tiledRule(attentionGradQ, attentionGradTiledQ),
  tiledRule(attentionGradKv, attentionGradTiledKv),
];

export const attentionQkvTiledRules: readonly Rule[] = [
  exchange(
    attentionQkv,
    ({ inputs, attrs }) => tiles(inputs[0].shape[1] / 3, attrs),
    (graph, { inputs, attrs }) => graph.apply(attentionQkvTiled, inputs, attrs),
  ),
  // delta once for each row, in a kernel of its own: here it would be made again for every tile.
  exchange(
    attentionQkvGrad,
    ({ inputs, attrs }) => tiles(inputs[1].shape[1], attrs),
    (graph, { inputs, attrs }) => {
      const [qkv, out, lse, dout, spans] = inputs;
      const [stats] = graph.apply(attentionGradStats, [lse, out, dout], attrs);
      return graph.apply(attentionQkvGradTiled, [qkv, dout, stats, spans], attrs);
    },
  ),
];
