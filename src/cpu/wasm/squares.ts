// The squares of all gradients, for clipping. Padding is 0 and may be summed as well. Every block is summed by one thread in
// one order, and the blocks in order by all: the same bits for any number of threads.

import { fma, sumOfLanes } from './lanes';
import { Field, get } from './memory';

/** Small enough that threads share the blocks evenly, and f32 loses nothing in one. src/cpu/layout.ts has it as well. */
const BLOCK: usize = 4096;

function countBlocks(): usize {
  return (get(Field.parameterBytes) + BLOCK - 1) / BLOCK;
}

/** Sums the squares of this thread's blocks. */
export function sumBlocks(thread: i32, threads: i32): void {
  const all = <i64>countBlocks();
  const first = <usize>((all * thread) / threads);
  const end = <usize>((all * (thread + 1)) / threads);
  const gradients = get(Field.parameters) + get(Field.toGradient);
  for (let block = first; block < end; block++) {
    const from = block * BLOCK;
    const to = gradients + min(from + BLOCK, get(Field.parameterBytes));
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    // What is laid out ends at a multiple of 64 bytes.
    for (let at = gradients + from; at < to; at += 64) {
      const g0 = v128.load(at), g1 = v128.load(at, 16), g2 = v128.load(at, 32), g3 = v128.load(at, 48);
      s0 = fma(g0, g0, s0);
      s1 = fma(g1, g1, s1);
      s2 = fma(g2, g2, s2);
      s3 = fma(g3, g3, s3);
    }
    const sum = sumOfLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
    store<f64>(get(Field.squares) + (block << 3), <f64>f32x4.extract_lane(sum, 0));
  }
}

/** The sum of all blocks. */
export function sumSquares(): f64 {
  let total: f64 = 0;
  for (let block: usize = 0; block < countBlocks(); block++) total += load<f64>(get(Field.squares) + (block << 3));
  return total;
}
