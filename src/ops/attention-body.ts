// What one workgroup does for attention and its derivative inside `resident`: see graph/body.ts. q, k and v, and their gradients, are
// operands of their own, or stand side by side in rows of 3C: `qkv`, `dqkv`. The formulas are in attention.ts and attention-grad.ts.

import type { Body, Operand, Operands, Phase } from '../graph/body.ts';
import type { Attrs } from '../graph/op.ts';
import { dot, rowOf } from './bodies.ts';
import { float, headDims } from './support.ts';

/** Rows of C channels: an operand, the packs of its rows, and where in them the first channel stands. */
type Lane = readonly [operand: Operand, width: number, from: number];

/** The place, in packs, of pack `c` of row `r`. */
const place = ([, width, from]: Lane, r: string, c: string): string => `(${r}) * ${width} + ${from} + ${c}`;

const packAt = (lane: Lane, r: string, c: string): string => lane[0].pack(place(lane, r, c));

interface Heads {
  readonly H: number;
  /** Packs of a row and of a head. */
  readonly CP: number;
  readonly DP: number;
  readonly P: number;
  /** The most rows that a row attends to. */
  readonly T: number;
  /** 1 / √D as WGSL. */
  readonly scale: string;
}

function headsOf(C: number, attrs: Attrs, P: number): Heads {
  const { H, D, scale } = headDims('attention', '', C, attrs);
  return { H, CP: C / P, DP: D / P, P, T: attrs.block, scale: float(scale) };
}

/** q, k and v, or with the prefix `d` their gradients; undefined for those that a node does not have. */
function lanesOf(at: Operands, CP: number, prefix = ''): (Lane | undefined)[] {
  const together = at[`${prefix}qkv`];
  return ['q', 'k', 'v'].map((name, n) => {
    const own = at[prefix + name];
    return together ? [together, 3 * CP, n * CP] : own && [own, CP, 0];
  });
}

/** WGSL that adds to `sum` the product of a head's channels in row `r` of `a` and row `t` of `b`; pack `head` is its first. */
const headDot = (sum: string, a: Lane, b: Lane, DP: number): string =>
  `var ${sum} = 0.0; ${dot(sum, rowOf(a[0], place(a, 'r', 'head')), rowOf(b[0], place(b, 't', 'head')), DP)}`;

/** Iterations over (R, H, T), of which those with a row t ≤ r of the same document do something. */
function pairsPhase({ H, T, DP }: Heads, multiplyAdds: number, code: (at: Operands) => string): Phase {
  return {
    perRow: H * T,
    multiplyAdds,
    share: ({ seen }) => seen / T,
    code: (at) => `
      let r = i / ${H * T};
      let t = ${at.spans.integer('2 * r')} + i % ${T};
      if (t > r) { continue; }
      let of_head = i / ${T};
      let head = of_head % ${H} * ${DP};
      ${code(at)}`,
  };
}

/** pairs[r, h, t] = q[r] · k[t] / √D, then out[r] = Σₜ softmax(pairs[r])[t] · v[t] and lse. */
export function attentionBody(R: number, C: number, attrs: Attrs, P: number): Body {
  const heads = headsOf(C, attrs, P);
  const { H, CP, DP, T, scale } = heads;
  const score = (at: Operands) => {
    const [q, k] = lanesOf(at, CP) as Lane[];
    return `${headDot('score', q, k, DP)} ${at.pairs.put('i', `${scale} * score`)}`;
  };
  const mix = (at: Operands) => {
    const pair = at.pairs.element(`of_head * ${T} + t - first`);
    return `
      let r = i / ${CP};
      let c = i % ${CP};
      let of_head = r * ${H} + c / ${DP};
      let first = ${at.spans.integer('2 * r')};
      var largest = LOWEST;
      for (var t = first; t <= r; t++) { largest = max(largest, ${pair}); }
      var total = 0.0;
      var sum = Pack();
      for (var t = first; t <= r; t++) {
        let p = exp(${pair} - largest);
        total += p;
        sum = fma(Pack(p), ${packAt(lanesOf(at, CP)[2]!, 't', 'c')}, sum);
      }
      ${at.out.putPack('i', 'sum / total')}
      if (c % ${DP} == 0) { ${at.lse.put('of_head', 'largest + log(total)')} }`;
  };
  return {
    packed: [C / H],
    temporaries: { pairs: R * H * T },
    phases: [
      pairsPhase(heads, C / H, score),
      { perRow: CP, multiplyAdds: ({ seen }) => P * seen, code: mix },
    ],
  };
}

/** WGSL of lse and delta of row r and head `of_head`: from lse and out, or from stats. */
export function statsOf({ stats, lse, out, dout }: Operands, DP: number): string {
  if (!lse) {
    const [ofLse, ofDelta] = ['2 * of_head', '2 * of_head + 1'].map((at) => stats.element(at));
    return `let lse = ${ofLse}; let delta = ${ofDelta};`;
  }
  const [a, b] = [dout, out].map((operand) => rowOf(operand, `of_head * ${DP}`));
  return `let lse = ${lse.element('of_head')}; var delta = 0.0; ${dot('delta', a, b, DP)}`;
}

/**
 * ds[r, h, t] and p[r, h, t], then what they are mixed to: dq[r] over the rows t ≤ r, if `ofQuery`, and dk[r] and dv[r] over the rows
 * from r on, if `ofKey`.
 */
export function attentionGradBody(
  R: number,
  C: number,
  attrs: Attrs,
  P: number,
  { ofQuery, ofKey }: { readonly ofQuery: boolean; readonly ofKey: boolean },
): Body {
  const heads = headsOf(C, attrs, P);
  const { H, CP, DP, T, scale } = heads;
  const score = (at: Operands) => {
    const [q, k, v] = lanesOf(at, CP) as Lane[];
    return `
      ${statsOf(at, DP)}
      ${headDot('score', q, k, DP)}
      ${headDot('dp', [at.dout, CP, 0], v, DP)}
      let p = exp(fma(${scale}, score, -lse));
      ${at.ds.put('i', `p * (dp - delta) * ${scale}`)}
      ${ofKey ? at.p.put('i', 'p') : ''}`;
  };
  const mix = (at: Operands) => {
    const [q, k] = lanesOf(at, CP) as Lane[];
    const [dq, dk, dv] = lanesOf(at, CP, 'd');
    const put = (lane: Lane, sum: string) => lane[0].putPack(place(lane, 'r', 'c'), sum);
    const query = () => `
      var dq = Pack();
      for (var t = first; t <= r; t++) {
        let pair = (r * ${H} + head) * ${T} + t - first;
        dq = fma(Pack(${at.ds.element('pair')}), ${packAt(k, 't', 'c')}, dq);
      }
      ${put(dq!, 'dq')}`;
    const key = () => `
      var dk = Pack();
      var dv = Pack();
      for (var t = r; t < ${at.spans.integer('2 * r + 1')}; t++) {
        let pair = (t * ${H} + head) * ${T} + r - first;
        dk = fma(Pack(${at.ds.element('pair')}), ${packAt(q, 't', 'c')}, dk);
        dv = fma(Pack(${at.p.element('pair')}), ${at.dout.pack(`t * ${CP} + c`)}, dv);
      }
      ${put(dk!, 'dk')}
      ${put(dv!, 'dv')}`;
    return `
      let r = i / ${CP};
      let c = i % ${CP};
      let head = c / ${DP};
      let first = ${at.spans.integer('2 * r')};
      ${ofQuery ? query() : ''}
      ${ofKey ? key() : ''}`;
  };
  const pairs = R * H * T;
  return {
    packed: [C / H],
    temporaries: ofKey ? { ds: pairs, p: pairs } : { ds: pairs },
    phases: [
      pairsPhase(heads, (3 * C) / H, score),
      {
        perRow: CP,
        multiplyAdds: ({ seen }) => P * seen * ((ofQuery ? 1 : 0) + (ofKey ? 2 : 0)),
        code: mix,
      },
    ],
  };
}
