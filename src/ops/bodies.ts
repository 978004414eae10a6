// WGSL that the bodies of several ops share: what one workgroup does for them inside `resident`; see graph/body.ts. Products sum in
// the order of the channels, one invocation an output, so no width of the workgroup changes a bit.

import type { Choose, Operand, Operands, Phase } from '../graph/body.ts';
import type { Attrs } from '../graph/op.ts';
import { float } from './support.ts';

/** WGSL of pack `c` of a row. */
export type Row = (c: string) => string;

export const rowOf =
  (operand: Operand, first: string): Row =>
  (c) =>
    operand.pack(`${first} + ${c}`);

/** Adds to `sum` the product of two rows of so many packs. */
export function dot(sum: string, a: Row, b: Row, packs: number): string {
  return `for (var c = 0u; c < ${packs}; c++) { ${sum} = add_dot(${sum}, ${a('c')}, ${b('c')}); }`;
}

/** out[r, o] = x[r] · w[o], and what `finish` makes of it. */
export function linearPhase(
  [O, I]: readonly [number, number],
  P: number,
  finish: (at: Operands, sum: string) => string = (_at, sum) => sum,
): Phase {
  return {
    perRow: O,
    multiplyAdds: I,
    code: (at) => `
      let x = i / ${O} * ${I / P};
      let w = i % ${O} * ${I / P};
      var sum = 0.0;
      ${dot('sum', rowOf(at.x, 'x'), rowOf(at.w, 'w'), I / P)}
      ${at.out.put('i', finish(at, 'sum'))}`,
  };
}

/**
 * The product of rmsnorm(x) and `width` rows of weights: whoever reads a row sums its squares on the way. Also gives normed and
 * scale. `finish` stores a product, whose number in its row is `n`.
 */
export function normedPhase(
  width: number,
  C: number,
  P: number,
  weights: (at: Operands, choose: Choose) => readonly [declaration: string, row: Row],
  finish: (at: Operands, product: string) => string,
): Phase {
  return {
    perRow: width,
    multiplyAdds: 2 * C,
    code(at, choose) {
      const [declaration, row] = weights(at, choose);
      return `
      let r = i / ${width};
      let n = i % ${width};
      let x = r * ${C / P};
      ${declaration}
      var squares = 0.0;
      var sum = 0.0;
      for (var c = 0u; c < ${C / P}; c++) {
        let own = ${at.x.pack('x + c')};
        squares = add_dot(squares, own, own);
        sum = add_dot(sum, own, ${row('c')});
      }
      let s = norm_scale(squares, ${C});
      ${finish(at, 'sum * s')}
      for (var c = r * ${C} + n; c < (r + 1) * ${C}; c += ${width}) { ${at.normed.put('c', `${at.x.element('c')} * s`)} }
      if (n == 0) { ${at.scale.put('r', 's')} }`;
    },
  };
}

/** Elements and packs of a gradient, as they are or masked. */
export type Gradient = (at: Operands) => Pick<Operand, 'element' | 'pack'>;

/** dx[r] = Σₒ dout[r, o] · w[o], summed over the matrices `ws`, whose parts of a row of dout stand side by side. */
export function gradXPhase(
  [O, I]: readonly [number, number],
  P: number,
  dout: Gradient,
  ws: readonly string[] = ['w'],
  dx = 'dx',
): Phase {
  const width = I / P;
  const step = O % P === 0 ? P : 1;
  return {
    perRow: width,
    multiplyAdds: P * O * ws.length,
    code(at) {
      const adds = ws.flatMap((w, n) => [
        `own = ${dout(at)[step === P ? 'pack' : 'element'](`d + ${(n * O) / step} + o`)};`,
        ...Array.from({ length: step }, (_, k) => {
          const d = step === 1 || P === 1 ? 'own' : `own[${k}]`;
          return `sum = fma(Pack(${d}), ${at[w].pack(`w + ${k * width}`)}, sum);`;
        }),
      ]);
      return `
      let d = i / ${width} * ${(ws.length * O) / step};
      var w = i % ${width};
      var own = ${step === P ? 'Pack()' : '0.0'};
      var sum = Pack();
      for (var o = 0u; o < ${O / step}; o++) {
        ${adds.join('\n        ')}
        w += ${step * width};
      }
      ${at[dx].putPack('i', 'sum')}`;
    },
  };
}

/**
 * dw[o] = Σᵣ dout[r, o] · x[r], where rows of dout are `stride` wide and o starts at `first`. Four rows at a time, in a loop that
 * compilers write out, so that their reads are under way together.
 */
export function gradWPhase(
  attrs: Attrs,
  [O, I]: readonly [number, number],
  P: number,
  dout: Gradient,
  { x: xName = 'x', dw = 'dw', stride = O, first = 0 } = {},
): Phase {
  if (attrs.parts !== undefined) throw new Error('resident: sums a weight gradient in one part');
  const width = I / P;
  return {
    times: O * width,
    multiplyAdds: ({ rows }) => P * rows,
    code(at) {
      const add = (k: string) =>
        `sum = fma(Pack(${dout(at).element(`d + ${k} * ${stride}`)}), ${at[xName].pack(`x + ${k} * ${width}`)}, sum);`;
      return `
      var sum = Pack();
      var d = i / ${width} + ${first};
      var x = i % ${width};
      for (var r = 0u; r < rows / 4; r++) {
        for (var k = 0u; k < 4; k++) { ${add('k')} }
        d += ${4 * stride};
        x += ${4 * width};
      }
      for (var r = 0u; r < rows % 4; r++) { ${add('r')} }
      ${at[dw].putPack('i', 'sum')}`;
    },
  };
}

/** Pack `i` of the gradient through out = x · s, from out, s and the gradient of out: sᵢ · (dᵢ − outᵢ · Σⱼ dⱼ·outⱼ / C). */
export function throughNorm(
  C: number,
  P: number,
  [out, scale, dout]: readonly [string, string, string],
  finish: (at: Operands, dx: string) => string,
): Phase {
  return {
    perRow: C / P,
    multiplyAdds: C,
    code: (at) => `
      let row = i / ${C / P} * ${C / P};
      var products = 0.0;
      ${dot('products', rowOf(at[dout], 'row'), rowOf(at[out], 'row'), C / P)}
      let through = fma(${at[out].pack('i')}, Pack(-products / ${float(C)}), ${at[dout].pack('i')});
      ${finish(at, `${at[scale].element(`i / ${C / P}`)} * through`)}`,
  };
}

/** A pack for each element of (R, C), by itself. */
export function packsPhase(C: number, P: number, code: Phase['code'], multiplyAdds = 0): Phase {
  return { perRow: C / P, multiplyAdds, code };
}
