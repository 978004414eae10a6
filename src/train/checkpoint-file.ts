// A checkpoint: everything a run needs to go on, in one safetensors file, so that it is there as a whole or not at all.
// The metadata holds step, configuration, vocabulary and a checksum; the tensors are the parameters under microgpt.py's
// names, Adam's m.* and v.*, the stream of random numbers, and the losses kept (`metrics.loss`).
//
// The checksum is the SHA-256 of the SHA-256s of: all bytes up to the numbers, with the checksum's 64 digits as zeros;
// then the numbers, in pieces of 256 MiB.

import { CheckpointError } from '../util/errors.ts';
import { damaged } from './saved-file.ts';
import { keptLosses } from './metrics-file.ts';
import {
  decodeConfig,
  decodeTokenizer,
  encodeConfig,
  encodeTokenizer,
  type RunConfig,
  type SavedRun,
} from './run-files.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  readMetadata,
  type SafeTensors,
  type Tensor,
} from './safetensors.ts';
import {
  checkNames,
  flatParameters,
  parameterTensors,
  RANDOM_TENSORS,
  randomTensors,
  readRandom,
  readStep,
} from './state-tensors.ts';

const FORMAT = 'microgpt-checkpoint-1';
const NO_CHECKSUM = '0'.repeat(64);
const PIECE = 1 << 28;
const LOSSES = 'metrics.loss';
const CHECKSUM_FIELD = '"sha256":"';

export interface Checkpoint extends SavedRun {
  /** Decaying mean of the losses when it was written: tells the best checkpoint. */
  readonly smoothedLoss: number;
}

export async function encodeCheckpoint(checkpoint: Checkpoint): Promise<Uint8Array<ArrayBuffer>> {
  const { config, tokenizer, state, random, losses, smoothedLoss } = checkpoint;
  const tensors = new Map<string, Tensor>([
    ...parameterTensors(config.model, state.parameters),
    ...parameterTensors(config.model, state.m, 'm.'),
    ...parameterTensors(config.model, state.v, 'v.'),
    ...randomTensors(random),
    [LOSSES, { shape: [losses.length], data: Float64Array.from(losses) }],
  ]);
  const bytes = encodeSafetensors({
    tensors,
    metadata: {
      // First, so that a text in the rest cannot be taken for it.
      sha256: NO_CHECKSUM,
      format: FORMAT,
      step: String(state.step),
      smoothed_loss: String(smoothedLoss),
      config: encodeConfig(config),
      tokenizer: encodeTokenizer(tokenizer),
    },
  });
  new TextEncoder().encodeInto(await checksum(bytes), bytes.subarray(checksumPlace(bytes)));
  return bytes;
}

/** Throws CheckpointError unless `bytes` are a whole checkpoint, bit for bit as it was written. */
export async function decodeCheckpoint(bytes: Uint8Array<ArrayBuffer>, where: string): Promise<Checkpoint> {
  const file = decodeSafetensors(bytes, where);
  const { metadata } = file;
  checkFormat(metadata, where);
  const place = checksumPlace(bytes);
  if (place < 0) throw damaged(where, 'it has no checksum');
  if ((await checksum(bytes)) !== metadata['sha256']) throw damaged(where, 'its checksum does not match');

  const config = decodeConfig(metadata['config'] ?? '', `${where} config`);
  const { model, training } = config;
  const tokenizer = decodeTokenizer(metadata['tokenizer'] ?? '', model, `${where} tokenizer`);
  const step = readStep(file, where, training.steps);
  checkNames(model, file, ['', 'm.', 'v.'], [...RANDOM_TENSORS, LOSSES], where);
  return {
    config,
    tokenizer,
    state: {
      step,
      parameters: flatParameters(model, file, '', where),
      m: flatParameters(model, file, 'm.', where),
      v: flatParameters(model, file, 'v.', where),
    },
    random: readRandom(file, where),
    losses: readLosses(file, keptLosses(step, training.steps), where),
    smoothedLoss: Number(metadata['smoothed_loss'] ?? NaN),
  };
}

/** What the head of a checkpoint says: its first bytes, up to the numbers at least. The checksum is not looked at. */
export function peekCheckpoint(
  head: Uint8Array,
  where: string,
): { config: RunConfig; step: number; smoothedLoss: number } {
  const metadata = readMetadata(head, where);
  checkFormat(metadata, where);
  const config = decodeConfig(metadata['config'] ?? '', `${where} config`);
  const step = readStep({ metadata }, where, config.training.steps);
  return { config, step, smoothedLoss: Number(metadata['smoothed_loss'] ?? NaN) };
}

function checkFormat(metadata: SafeTensors['metadata'], where: string): void {
  const { format } = metadata;
  if (format === FORMAT) return;
  throw new CheckpointError(
    `${where}: it is not a checkpoint: expected format ${FORMAT}, got ${format?.slice(0, 100) ?? 'none'}. ` +
      "A run's model.safetensors is not one: `microgpt sample` reads it from the run's directory.",
  );
}

function readLosses({ tensors }: SafeTensors, expected: number, where: string): Float64Array {
  const data = tensors.get(LOSSES)?.data;
  if (data instanceof Float64Array && data.length === expected) return data;
  throw damaged(where, `tensor ${LOSSES}: expected ${expected} losses, got ${data?.length ?? 'none'}`);
}

/** Where the digits of the checksum stand, or -1. */
function checksumPlace(bytes: Uint8Array): number {
  // The metadata come first in the header, and the checksum first in them.
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 256)).indexOf(CHECKSUM_FIELD);
  return start < 0 ? -1 : start + CHECKSUM_FIELD.length;
}

async function checksum(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const start = 8 + Number(length);
  const header = bytes.slice(0, start);
  new TextEncoder().encodeInto(NO_CHECKSUM, header.subarray(checksumPlace(bytes)));
  const digests = [await sha256(header)];
  for (let at = start; at < bytes.length; at += PIECE) {
    digests.push(await sha256(bytes.subarray(at, Math.min(at + PIECE, bytes.length))));
  }
  const all = new Uint8Array(32 * digests.length);
  digests.forEach((digest, i) => all.set(digest, 32 * i));
  return Array.from(await sha256(all), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}
