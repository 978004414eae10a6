// Whole models against the scalar oracle: gradients per tensor, training, and decoding.

import { BUILTIN_DOCUMENTS } from '../data/builtin-names.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING, optionsOf } from '../config/config.ts';
import type { Engine, EngineSpec } from '../engine/engine.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { createOracleEngine } from '../oracle/engine.ts';
import { prepareRun } from '../train/prepare.ts';
import { PythonRandom } from '../util/python-random.ts';
import { GRADIENT_BAR, largestDifference, LOSS_BAR, relativeError, tensorErrors, Worst } from './check.ts';
import type { Check } from './check.ts';

/** What an engine under test is made with. */
export type CreateEngine = (spec: EngineSpec) => Engine | Promise<Engine>;

export interface ModelOptions {
  /** Random configurations whose gradients are compared. */
  readonly configs?: number;
  /** Steps of the trajectory at microgpt.py's defaults. */
  readonly steps?: number;
  readonly seed?: number;
}

const CONFIGS = 4;

/** How many checks `OracleAnswers.verify` yields: gradients of each configuration, the trajectory, decoding. */
export function checksPerEngine({ configs = CONFIGS }: ModelOptions): number {
  return configs + 2;
}

/** The oracle's answers, computed once and compared with every engine. */
export class OracleAnswers {
  readonly #cases: GradientCase[] = [];
  readonly #trajectory: TrajectoryCase;

  private constructor(trajectory: TrajectoryCase) {
    this.#trajectory = trajectory;
  }

  static async compute({
    configs = CONFIGS,
    steps = 200,
    seed = 1,
  }: ModelOptions = {}): Promise<OracleAnswers> {
    const answers = new OracleAnswers(await trajectoryCase(steps));
    const random = new PythonRandom(seed);
    for (let i = 0; i < configs; i++) answers.#cases.push(await gradientCase(random));
    return answers;
  }

  /** Checks one engine; `name` stands in the table. */
  async *verify(name: string, create: CreateEngine): AsyncGenerator<Check> {
    for (const { title, spec, loss, gradients } of this.#cases) {
      const worst = new Worst();
      await withEngine(create, spec, async (engine) => {
        const got = await engine.gradients();
        worst.see(Math.abs(got.losses[0] - loss), 'loss');
        for (const { name: tensor, error } of tensorErrors(spec.model, got.gradients, gradients)) {
          worst.see(error, tensor);
        }
      });
      yield worst.check(
        'gradients',
        `${name}: ${title}`,
        `${parameterSpecs(spec.model).length} tensors`,
        GRADIENT_BAR,
      );
    }

    const { spec, losses, tokens, logits } = this.#trajectory;
    const trained = new Worst();
    const decoded = new Worst();
    await withEngine(create, spec, async (engine) => {
      const got = await engine.advance(losses.length);
      for (let i = 0; i < losses.length; i++)
        trained.see(largestDifference([got[i]], [losses[i]]), `step ${i + 1}`);
      // One token at a time through the KV cache, with the trained parameters.
      for (const [i, token] of tokens.entries()) {
        const now = i === 0 ? await engine.prefill([token]) : await engine.decode(token);
        decoded.see(relativeError(now, logits[i]), `position ${i}`);
      }
    });
    yield trained.check('trajectory', `${name}: microgpt.py's defaults`, `${losses.length} losses`, LOSS_BAR);
    yield decoded.check(
      'decode',
      `${name}: microgpt.py's defaults`,
      `${tokens.length} tokens`,
      TRAINED_LOGITS_BAR,
    );
  }
}

/** 1e-4, relative: what f32 has done to the parameters in 200 steps, seen through the logits. */
const TRAINED_LOGITS_BAR = 1e-4;

interface GradientCase {
  readonly title: string;
  readonly spec: EngineSpec;
  readonly loss: number;
  readonly gradients: Float64Array;
}

interface TrajectoryCase {
  readonly spec: EngineSpec;
  readonly losses: Float64Array;
  readonly tokens: readonly number[];
  /** Logits after each token. */
  readonly logits: readonly ArrayLike<number>[];
}

/** A random model that shares no factor with any tile, on random text. */
async function gradientCase(random: PythonRandom): Promise<GradientCase> {
  const integer = (low: number, high: number) => low + Math.floor(random.random() * (high - low + 1));
  const nHead = integer(1, 4);
  const size = { nLayer: integer(1, 3), nHead, nEmbd: nHead * integer(1, 9), blockSize: integer(2, 20) };
  const batchSize = integer(1, 5);
  const letters = Array.from({ length: integer(2, 40) }, (_, i) => String.fromCodePoint(0x61 + i));
  const documents = Array.from({ length: integer(1, 9) }, () => {
    return Array.from({ length: integer(1, 25) }, () => letters[integer(0, letters.length - 1)]).join('');
  });
  const training = { ...DEFAULT_TRAINING, batchSize, seed: integer(0, 1e6) };
  const { parts, said } = randomParts(integer);
  const model = { ...DEFAULT_MODEL, ...size, ...parts };
  const { spec } = prepareRun({ documents, model, training });
  const { nLayer, nEmbd, blockSize } = model;
  const { losses, gradients } = await withEngine(createOracleEngine, spec, (oracle) => oracle.gradients());
  return {
    title: `layers ${nLayer}, width ${nEmbd}, heads ${nHead}, block ${blockSize}, batch ${batchSize}${said}`,
    spec,
    loss: losses[0],
    gradients: Float64Array.from(gradients),
  };
}

/** What else a model can have, drawn from the table of options: its choices and its yes or no. */
function randomParts(integer: (low: number, high: number) => number): { parts: object; said: string } {
  const parts = optionsOf('model').flatMap((option) => {
    if (option.type !== 'choice' && option.type !== 'boolean') return [];
    const values = option.type === 'choice' ? option.choices : [false, true];
    return [[option.name, values[integer(0, values.length - 1)]] as const];
  });
  return {
    parts: Object.fromEntries(parts),
    said: parts.map(([name, value]) => `, ${name} ${value}`).join(''),
  };
}

async function trajectoryCase(steps: number): Promise<TrajectoryCase> {
  const { spec, tokenizer } = prepareRun({
    documents: BUILTIN_DOCUMENTS,
    model: DEFAULT_MODEL,
    training: DEFAULT_TRAINING,
  });
  const tokens = [tokenizer.bos, ...tokenizer.encode('maria')];
  return withEngine(createOracleEngine, spec, async (oracle) => {
    const losses = await oracle.advance(steps);
    const logits: ArrayLike<number>[] = [];
    for (const [i, token] of tokens.entries()) {
      logits.push(i === 0 ? await oracle.prefill([token]) : await oracle.decode(token));
    }
    return { spec, losses, tokens, logits };
  });
}

async function withEngine<T>(
  create: CreateEngine,
  spec: EngineSpec,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = await create(spec);
  try {
    return await use(engine);
  } finally {
    engine.dispose();
  }
}
