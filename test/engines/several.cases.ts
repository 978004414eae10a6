// What must hold on every engine that trains several models: each gets what it would get alone.

import { describe, expect, test } from 'vitest';
import type { Engine, EngineSpec, FloatArray, Member } from '../../src/engine/engine.ts';
import { eachAlone, membersOf, orderLength, partOf, specOf, statesOf } from '../../src/engine/models.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { initParameters } from '../../src/model/parameters.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError } from '../../src/util/errors.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { user, type Create } from './cases.ts';

const training = { ...DEFAULT_TRAINING, batchSize: 2, steps: 30 };
const { spec } = prepareRun({
  documents: ['anna', 'bea', 'christopher', 'dora', 'emil', 'fritz', 'g'],
  model: { nLayer: 2, nEmbd: 8, nHead: 2, blockSize: 6 },
  training,
});

/** Models that differ in all that they may differ in. */
export function severalOf(size: number, clip = 0): EngineSpec {
  const random = new PythonRandom(3);
  const members = Array.from({ length: size }, (_, i): Member => {
    const order = Array.from({ length: spec.documents.count }, (__, n) => n);
    random.shuffle(order);
    const own = {
      ...training,
      clip,
      learningRate: 0.003 * (i + 1),
      beta1: 0.8 + 0.02 * i,
      beta2: 0.95 + 0.01 * i,
      eps: 10 ** -(4 + i),
    };
    const parameters = initParameters(spec.model, random, 0.02 + 0.05 * i);
    return { training: own, order: Uint32Array.from(order), parameters };
  });
  return specOf(spec, members);
}

/** Expects the same bits, as far as those of the engine do not depend on how many models there are. */
export type ExpectSame = (got: unknown, expected: unknown, what: string) => void;

const equal: ExpectSame = (got, expected, what) => expect(got, what).toEqual(expected);

export function severalCases(name: string, create: Create, expectSame = equal): void {
  const withEngine = user(create);

  /** All that an engine gives, model by model. */
  const everything = async (engine: Engine) => {
    const { losses, gradients } = await engine.gradients();
    const results: FloatArray[] = [losses, gradients, await engine.advance(3), await engine.advance(27)];
    results.push(await engine.evaluate(spec.documents), await engine.parameters());
    results.push(await engine.prefill([1, 2]), await engine.decode(3));
    const states = statesOf(await engine.state(), engine.size);
    await engine.load({ ...(await engine.state()), step: 3 });
    results.push(await engine.decode(4), await engine.advance(2));
    return states.map((state, i) => ({
      state,
      results: results.map((all) => partOf(all, i, engine.size).slice()),
    }));
  };

  describe(`${name}, several models`, () => {
    test.each([0, 1.5])('each gets the bits that it gets alone, clip %d', async (clip) => {
      const several = severalOf(4, clip);
      await withEngine(several, async (engine) => {
        expect(engine.size).toBe(4);
        const together = await everything(engine);
        expect(new Set(together.map(({ results }) => results[3][26])).size).toBe(4);
        for (const [i, one] of eachAlone(several).entries()) {
          const [alone] = await withEngine(one, everything);
          expectSame(together[i], alone, `model ${i} of 4`);
        }
      });
    });

    test('no more of an order is needed than the steps take', async () => {
      const short = { ...training, steps: 2 };
      const members = membersOf(severalOf(2)).map((member) => ({ ...member, training: short }));
      const length = orderLength(spec.documents.count, short);
      expect(length).toBe(6);
      const cut = members.map((member) => ({ ...member, order: member.order.subarray(0, length) }));
      const trained = (some: readonly Member[]) =>
        withEngine(specOf(spec, some), async (engine) => [await engine.advance(2), await engine.state()]);
      expectSame(await trained(cut), await trained(members), 'a short order');
    });

    test('calls that come at the same time are kept apart', async () => {
      const calls = [
        (engine: Engine) => engine.advance(10),
        (engine: Engine) => engine.state(),
        (engine: Engine) => engine.advance(20),
      ];
      const expected = await withEngine(severalOf(3), async (engine) => {
        const results: unknown[] = [];
        for (const call of calls) results.push(await call(engine));
        return results;
      });
      await withEngine(severalOf(3), async (engine) => {
        expectSame(await Promise.all(calls.map((call) => call(engine))), expected, 'calls at once');
      });
    });

    test('what they must share is checked', async () => {
      const members = membersOf(severalOf(2));
      const refused = async (all: readonly Member[], message: string) => {
        const made = (async () => create(specOf(spec, all)))();
        await expect(made).rejects.toThrow(ConfigError);
        await expect(made).rejects.toThrow(message);
      };
      const other = (second: Partial<Member>) => [members[0], { ...members[1], ...second }];
      await refused(other({ training: { ...training, batchSize: 3 } }), 'models[1]: expected batch_size 2');
      await refused(other({ training: { ...training, steps: 31 } }), 'models[1]: expected steps 30');
      await refused(other({ training: { ...training, clip: 1 } }), 'models[1]: expected clip 0');
      await refused(
        other({ training: { ...training, beta1: 1 } }),
        'beta1: expected a number of at least 0 and below 1',
      );
      await refused(other({ order: members[1].order.subarray(1) }), 'an order of length 7');
      await refused(other({ order: members[1].order.map(() => 7) }), 'documents below 7, got 7');
      await refused(other({ parameters: new Float32Array(2) }), 'models[1].parameters');
      const short = members.map((member) => ({ ...member, order: member.order.subarray(0, 3) }));
      await refused(short, 'at least 7 documents');

      const engine = await create(specOf(spec, members));
      await expect(engine.advance(31)).rejects.toThrow(ConfigError);
      await expect(engine.advance(0)).rejects.toThrow(ConfigError);
      const { step, parameters, m, v } = await engine.state();
      await expect(engine.load({ step, parameters, m, v: v.subarray(1) })).rejects.toThrow(ConfigError);
      engine.dispose();
      engine.dispose();
      await expect(engine.advance(1)).rejects.toThrow(/dispose/);
    });
  });
}
