// Gradients and losses of the oracle, on every engine.

import { describe, expect, test } from 'vitest';
import type { EngineSpec, FloatArray } from '../../src/engine/engine.ts';
import { DEFAULT_TRAINING, type ModelOptions } from '../../src/config/config.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { largestDifference } from '../../src/verify/check.ts';
import { expectTensors, tensorsOf, user, type Bars, type Create } from './cases.ts';

export function oracleCases(name: string, create: Create, bars: Bars): void {
  const withEngine = user(create);

  describe(`${name} against the oracle`, () => {
    test.each(CONFIGS)('$title', async (config) => {
      const { spec, reference, losses } = await oracleRun(config);
      const { steps } = config;
      await withEngine(spec, async (engine) => {
        const {
          gradients,
          losses: [loss],
        } = await engine.gradients();
        expect(Math.abs(loss - reference.losses[0])).toBeLessThanOrEqual(bars.loss);
        expectTensors(spec, gradients, tensorsOf(spec, reference.gradients), bars.gradient);
        expect(largestDifference(await engine.advance(steps), losses)).toBeLessThanOrEqual(bars.loss);
      });
    });
  });
}

/** The oracle is slow, so these take few steps; the recorded runs take many. Configurations that share no factor with any tile, in scripts of one, two and four UTF-8 bytes. */
const CONFIGS: readonly OracleConfig[] = [
  {
    title: '2 layers, 20 wide, 4 heads of 5, with the parts of GPT-2',
    documents: ['the quick brown fox', 'jumps over', 'a lazy dog', 'and sleeps'],
    model: { nLayer: 2, nEmbd: 20, nHead: 4, blockSize: 11, activation: 'gelu', norm: 'layernorm', bias: true, tie: true }, // prettier-ignore
    batchSize: 3,
    steps: 8,
  },
  {
    title: '1 layer, 18 wide, 3 heads, GELU and biases',
    documents: ['abcdefghij', 'bcd', 'cdefg'],
    model: { nLayer: 1, nEmbd: 18, nHead: 3, blockSize: 8, activation: 'gelu', bias: true },
    batchSize: 2,
    steps: 8,
  },
  {
    title: '2 layers, 16 wide, 2 heads, LayerNorm; a tied head',
    documents: ['abcdefghij', 'bcd', 'cdefg'],
    model: { nLayer: 2, nEmbd: 16, nHead: 2, blockSize: 8, norm: 'layernorm', tie: true },
    batchSize: 2,
    steps: 8,
  },
  {
    title: '3 layers, 20 wide, 5 heads, block 7, batch 4, Greek, Chinese and emoji',
    documents: ['ἀλφάβητος', '你好世界', '🦊🐍🦊', 'ж', 'данные и текст', 'a', 'ΩΩΩΩΩΩΩΩΩΩΩΩΩΩΩ'],
    model: { nLayer: 3, nEmbd: 20, nHead: 5, blockSize: 7 },
    batchSize: 4,
    steps: 8,
  },
  {
    title: '1 layer, 33 wide, 1 head, block 70, batch 2, sentences',
    documents: [
      'the quick brown fox jumps over the lazy dog and runs into the woods, where it is dark and quiet',
      'pack my box with five dozen liquor jugs',
      'how vexingly quick daft zebras jump!',
    ],
    model: { nLayer: 1, nEmbd: 33, nHead: 1, blockSize: 70 },
    batchSize: 2,
    steps: 2,
  },
  {
    title: '4 layers, 12 wide, 6 heads, block 3, batch 9 of 5 documents',
    documents: ['ab', 'ba', 'abba', 'b', 'aaaa'],
    model: { nLayer: 4, nEmbd: 12, nHead: 6, blockSize: 3 },
    batchSize: 9,
    steps: 8,
  },
];

/** First gradients and losses of a configuration by the oracle; made once. */
function oracleRun(config: OracleConfig): Promise<OracleRun> {
  const made = oracleRuns.get(config) ?? makeOracleRun(config);
  oracleRuns.set(config, made);
  return made;
}

interface OracleConfig {
  readonly title: string;
  readonly documents: readonly string[];
  readonly model: Partial<ModelOptions>;
  readonly batchSize: number;
  readonly steps: number;
}

interface OracleRun {
  readonly spec: EngineSpec;
  readonly reference: { readonly losses: Float64Array; readonly gradients: FloatArray };
  readonly losses: Float64Array;
}
const oracleRuns = new Map<OracleConfig, Promise<OracleRun>>();

async function makeOracleRun({ documents, model, batchSize, steps }: OracleConfig): Promise<OracleRun> {
  const training = { ...DEFAULT_TRAINING, batchSize, steps: steps + 5, seed: 11 };
  const { spec } = prepareRun({ documents, model, training });
  const oracle = createOracleEngine(spec);
  return { spec, reference: await oracle.gradients(), losses: await oracle.advance(steps) };
}
