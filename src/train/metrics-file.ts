// metrics.jsonl: one step record a line. Written and read in blocks, since a run of ten million steps is more than one
// string can hold.

import * as v from 'valibot';
import type { StepRecord } from './records.ts';
import { damaged, parseJson, readText } from './saved-file.ts';

const STEP = v.object({ type: v.literal('step'), step: v.number(), loss: v.number() });
const LINE_FEED = 0x0a;
const BLOCK_STEPS = 1 << 14;
const BLOCK_BYTES = 1 << 20;

/** The bytes of metrics.jsonl. */
export function encodeLosses(losses: ArrayLike<number>): Uint8Array {
  const encoder = new TextEncoder();
  const blocks: Uint8Array[] = [];
  let size = 0;
  for (let start = 0; start < losses.length; start += BLOCK_STEPS) {
    let lines = '';
    for (let s = start; s < Math.min(start + BLOCK_STEPS, losses.length); s++) {
      const record: StepRecord = { type: 'step', step: s + 1, loss: losses[s] };
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

/** The losses of consecutive steps from 1 on. Throws CheckpointError. */
export function readLosses(bytes: Uint8Array, where: string): number[] {
  const losses: number[] = [];
  let start = 0;
  while (start < bytes.length) {
    const limit = Math.min(start + BLOCK_BYTES, bytes.length);
    const end = bytes.lastIndexOf(LINE_FEED, limit - 1) + 1;
    if (end <= start) break; // a line without an end: the number of steps will tell
    const lines = readText(bytes.subarray(start, end - 1), where).split('\n');
    for (const line of lines) {
      const { step, loss } = parseJson(STEP, line, `${where} line ${losses.length + 1}`);
      if (step !== losses.length + 1) throw damaged(where, `expected step ${losses.length + 1}, got ${step}`);
      losses.push(loss);
    }
    start = end;
  }
  return losses;
}
