import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SAMPLING, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from '../../src/train/checkpoint-file.ts';
import { metricsStride, METRICS_LIMIT } from '../../src/train/metrics-file.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { decodeSafetensors } from '../../src/train/safetensors.ts';
import { CheckpointError } from '../../src/util/errors.ts';

let checkpoint: Checkpoint;
let bytes: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  const { spec, tokenizer, random } = prepareRun({
    documents: ['anna', '"sha256":"', 'é𝒜'],
    model: { nLayer: 1, nEmbd: 2, nHead: 1, blockSize: 3 },
    training: { ...DEFAULT_TRAINING, steps: 9 },
  });
  const engine = createOracleEngine(spec);
  const losses = await engine.advance(4);
  checkpoint = {
    config: {
      model: spec.model,
      training: spec.training,
      data: { source: '"sha256":"0000', documents: 3, sha256: 'a'.repeat(64) },
      engine: { name: 'oracle' },
      sampling: DEFAULT_SAMPLING,
    },
    tokenizer,
    state: await engine.state(),
    random: random.getState(),
    losses,
    smoothedLoss: 1.25,
  };
  bytes = await encodeCheckpoint(checkpoint);
});

describe('a checkpoint', () => {
  it('comes back whole', async () => {
    const { tokenizer, losses, ...rest } = await decodeCheckpoint(bytes, 'c');
    const { tokenizer: was, losses: lossesWere, ...restWas } = checkpoint;
    expect(rest).toEqual(restWas);
    expect(Array.from(losses)).toEqual(Array.from(lossesWere));
    expect(tokenizer.chars).toEqual(was.chars);
  });

  it('is the same file for the same state, and a safetensors file', async () => {
    expect(await encodeCheckpoint(checkpoint)).toEqual(bytes);
    const { tensors, metadata } = decodeSafetensors(bytes, 'c');
    expect(tensors.get('layer0.mlp_fc1')?.shape).toEqual([8, 2]);
    expect(metadata['step']).toBe('4');
    expect(metadata['sha256']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is refused wherever one bit differs', async () => {
    const wrong: number[] = [];
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice();
      changed[i] ^= 1 << (i % 8);
      const error: unknown = await decodeCheckpoint(changed, 'c').then(() => null, (e: unknown) => e); // prettier-ignore
      if (!(error instanceof CheckpointError)) wrong.push(i);
    }
    expect(wrong).toEqual([]);
  });

  it('is refused where it is cut short or goes on', async () => {
    for (let length = 0; length < bytes.length; length++) {
      await expect(decodeCheckpoint(bytes.slice(0, length), 'c')).rejects.toThrow(CheckpointError);
    }
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    await expect(decodeCheckpoint(longer, 'c')).rejects.toThrow(CheckpointError);
  });

  it('is refused where it is anything else', async () => {
    const anything = fc.uint8Array({ maxLength: 400 }).map((array) => Uint8Array.from(array));
    await fc.assert(
      fc.asyncProperty(anything, async (file) => {
        await expect(decodeCheckpoint(file, 'c')).rejects.toThrow(CheckpointError);
      }),
    );
  });
});

it('keeps so many losses that a file stays small', () => {
  expect(metricsStride(1)).toBe(1);
  expect(metricsStride(METRICS_LIMIT)).toBe(1);
  expect(metricsStride(METRICS_LIMIT + 1)).toBe(2);
  expect(metricsStride(1e9)).toBe(10_000);
});
