// metrics.jsonl: one step record a line, of every step, or of every n-th where a run has more steps than a file should
// have lines. Written and read in blocks.

import * as v from 'valibot';
import type { StepRecord } from './records.ts';
import { damaged, parseJson, readText } from './saved-file.ts';

const STEP = v.object({ type: v.literal('step'), step: v.number(), loss: v.number() });
/** A run's metrics have at most so many lines, about 6 MB. */
export const METRICS_LIMIT = 100_000;
const LINE_FEED = 0x0a;
const BLOCK_STEPS = 1 << 14;
const BLOCK_BYTES = 1 << 20;

/** Of a run of `steps` steps, the losses of steps n, 2n, 3n, … are kept: this is n. */
export function metricsStride(steps: number): number {
  return Math.ceil(steps / METRICS_LIMIT);
}

/** How many losses are kept of the first `step` steps. */
export function keptLosses(step: number, steps: number): number {
  return Math.floor(step / metricsStride(steps));
}

/** Those of all losses from the first step on that are kept of a run of `steps` steps. */
export function pickLosses(losses: Float64Array, steps: number): Float64Array {
  const stride = metricsStride(steps);
  return Float64Array.from(
    { length: keptLosses(losses.length, steps) },
    (_, i) => losses[(i + 1) * stride - 1],
  );
}

/** The bytes of metrics.jsonl, of the losses kept of a run of `steps` steps. */
export function encodeLosses(losses: ArrayLike<number>, steps: number): Uint8Array {
  const stride = metricsStride(steps);
  const encoder = new TextEncoder();
  const blocks: Uint8Array[] = [];
  let size = 0;
  for (let start = 0; start < losses.length; start += BLOCK_STEPS) {
    let lines = '';
    for (let s = start; s < Math.min(start + BLOCK_STEPS, losses.length); s++) {
      const record: StepRecord = { type: 'step', step: (s + 1) * stride, loss: losses[s] };
      lines += `${JSON.stringify(record)}\n`;
    }
    const block = encoder.encode(lines);
    blocks.push(block);
    size += block.length;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}

/** The losses kept of a run of `steps` steps. Throws CheckpointError where one is missing in between. */
export function readLosses(bytes: Uint8Array, steps: number, where: string): number[] {
  const stride = metricsStride(steps);
  const losses: number[] = [];
  let start = 0;
  while (start < bytes.length) {
    const limit = Math.min(start + BLOCK_BYTES, bytes.length);
    const end = bytes.lastIndexOf(LINE_FEED, limit - 1) + 1;
    if (end <= start) break; // a line without an end: the number of steps will tell
    const lines = readText(bytes.subarray(start, end - 1), where).split('\n');
    for (const line of lines) {
      const { step, loss } = parseJson(STEP, line, `${where} line ${losses.length + 1}`);
      const expected = (losses.length + 1) * stride;
      if (step !== expected) throw damaged(where, `expected step ${expected}, got ${step}`);
      losses.push(loss);
    }
    start = end;
  }
  return losses;
}
