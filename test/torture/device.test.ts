// Devices that are lost at random moments of a training: before a step, during one, while a new device is being opened.
// The run ends with the bits of a run that nothing happened to.

import { describe, expect, it, onTestFinished } from 'vitest';
import type { Engine, LaunchStrategy } from '../../src/engine/engine.ts';
import { createEngine } from '../../src/engine/choose.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ResilientEngine } from '../../src/engine/resilient.ts';
import { sampleDocuments } from '../../src/train/sampler.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { noAdapter } from '../support/device.ts';
import { frailGpu } from '../support/lose-device.ts';
import { FULL } from './full.ts';

const LAUNCHES: readonly LaunchStrategy[] = FULL
  ? ['graph', 'fused', 'resident', 'eager']
  : ['graph', 'resident'];
/** Of all launch strategies together. */
const LOSSES = FULL ? 50 : 2;
const STEPS = 120;
/** Of one loss and what follows: shaders are compiled anew, on a machine that may be busy. */
const PATIENCE = 60_000;

const {
  spec,
  tokenizer,
  random: sampling,
} = prepareRun({
  documents: ['anna', 'bea', 'carl', 'dora', 'emil'],
  model: { nLayer: 1, nEmbd: 8, nHead: 2, blockSize: 8 },
  training: { ...DEFAULT_TRAINING, steps: STEPS },
});

/** All that a run gives; `between` is called before each of its calls. */
async function run(engine: Engine, between: () => void) {
  const random = new PythonRandom(0);
  const losses: number[] = [];
  while (losses.length < STEPS) {
    between();
    const k = 1 + Math.floor(12 * random.random());
    losses.push(...(await engine.advance(Math.min(k, STEPS - losses.length))));
  }
  between();
  const state = await engine.state();
  const names: string[] = [];
  const stream = new PythonRandom(0);
  stream.setState(sampling.getState());
  const options = { temperature: 0.5, blockSize: 8 };
  for await (const name of sampleDocuments(engine, tokenizer, stream, options, 3)) {
    between();
    names.push(name);
  }
  return { losses, state, names };
}

describe.skipIf(noAdapter !== '')('a device that is lost again and again', () => {
  const each = Math.ceil(LOSSES / LAUNCHES.length);
  it.each(LAUNCHES)(
    `%s: ${each} times`,
    async (launch) => {
      const frail = frailGpu();
      const choice = { engine: 'webgpu', launch, gpu: frail.gpu } as const;
      const whole = await createEngine(choice, spec);
      const expected = await run(whole.engine, () => undefined);
      whole.close();

      const random = new PythonRandom(LAUNCHES.indexOf(launch));
      // One loss is planned at a time, and a device that follows one lost young is spared: three in a row end a run, as they should.
      let planned: NodeJS.Timeout | undefined;
      onTestFinished(() => clearTimeout(planned));
      const later = (milliseconds: number, lose: () => void) => {
        planned ??= setTimeout(() => {
          planned = undefined;
          lose();
        }, milliseconds * random.random());
      };
      let lost = 0;
      let runs = 0;
      while (lost < each) {
        const notes: string[] = [];
        const engine = new ResilientEngine(await createEngine(choice, spec), choice, spec, (text) =>
          notes.push(text),
        );
        const began = frail.opened;
        let doomed = false;
        frail.onOpen = (device) => {
          // Up to a second after it was opened: its shaders are being compiled, or its first steps run.
          doomed = !doomed && random.random() < 0.2;
          if (doomed) later(1000, () => device.destroy());
        };
        const got = await run(engine, () => {
          if (planned !== undefined || random.random() > 0.15 || lost + frail.opened - began >= each) return;
          if (random.random() < 0.5) frail.lose();
          else later(20, () => frail.lose());
        });
        frail.onOpen = () => undefined;
        clearTimeout(planned);
        planned = undefined;
        engine.dispose();
        expect(got).toEqual(expected);
        lost += frail.opened - began;
        runs++;
      }
      console.info(`${launch}: ${lost} losses in ${runs} runs, all with the same bits`);
    },
    PATIENCE * (each + 4),
  );
});
