// Several models on the CPU: what each of them gets alone, in this thread and in workers.

import { describe, expect, it, onTestFinished } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { canShareMemory, startWorkers } from '../../src/cpu/workers.ts';
import { reorderDocuments } from '../../src/data/tokenizer.ts';
import { DEFAULT_TRAINING } from '../../src/model/config.ts';
import { initParameters } from '../../src/model/parameters.ts';
import type { EngineSpec, Member } from '../../src/engine/engine.ts';
import { membersOf, orderLength, partOf, specOf, statesOf } from '../../src/engine/models.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError, DeviceError } from '../../src/util/errors.ts';
import { PythonRandom } from '../../src/util/python-random.ts';

const training = { ...DEFAULT_TRAINING, batchSize: 2, steps: 30 };
const { spec } = prepareRun({
  documents: ['anna', 'bea', 'christopher', 'dora', 'emil', 'fritz', 'g'],
  model: { nLayer: 2, nEmbd: 8, nHead: 2, blockSize: 6 },
  training,
});

function severalOf(size: number, clip = 0): EngineSpec {
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

describe.each(['plain', 'simd'] as const)('several models on the CPU, %s', (variant) => {
  it.each([0, 1.5])('gives every model the bits that it gets alone, clip %d', async (clip) => {
    const all = severalOf(4, clip);
    const engine = createCpuEngine(all, { variant });
    expect(engine.size).toBe(4);
    const losses = [await engine.advance(3), await engine.advance(27)];
    const states = statesOf(await engine.state(), 4);
    for (const [i, { order, ...member }] of membersOf(all).entries()) {
      const documents = reorderDocuments(spec.documents, order);
      const alone = createCpuEngine({ ...spec, ...member, documents }, { variant });
      expect(losses.flatMap((part) => [...partOf(part, i, 4)])).toEqual([...(await alone.advance(30))]);
      expect(states[i]).toEqual(await alone.state());
      expect(engine.info).toEqual(alone.info);
    }
    expect(new Set([26, 53, 80, 107].map((last) => losses[1][last])).size).toBe(4);
  });

  it('needs no more of an order than its steps take', async () => {
    const short = { ...training, steps: 2 };
    const members = membersOf(severalOf(2)).map((member) => ({ ...member, training: short }));
    const length = orderLength(spec.documents.count, short);
    expect(length).toBe(6);
    const cut = members.map((member) => ({ ...member, order: member.order.subarray(0, length) }));
    const [whole, less] = [members, cut].map((some) => createCpuEngine(specOf(spec, some), { variant }));
    expect(await less.advance(2)).toEqual(await whole.advance(2));
    expect(await less.state()).toEqual(await whole.state());
  });
});

describe.skipIf(!canShareMemory())('several models on workers', () => {
  const startedWorkers = (count: number) => {
    const workers = startWorkers(count);
    onTestFinished(() => workers.forEach((worker) => worker.end()));
    return workers;
  };

  it('gives the same bits with any number of them', async () => {
    const all = severalOf(4);
    const alone = createCpuEngine(all);
    const expected = [
      await alone.advance(3),
      await alone.state(),
      await alone.advance(27),
      await alone.state(),
    ];
    for (const count of [1, 3, 6]) {
      const workers = startedWorkers(count);
      for (let again = 0; again < 2; again++) {
        const engine = createCpuEngine(all, { workers });
        expect(engine.info).toEqual(alone.info);
        const got = [engine.advance(3), engine.state(), engine.advance(27), engine.state()];
        expect(await Promise.all(got)).toEqual(expected);
        engine.dispose(); // the workers stay, for the next one
      }
    }
  });

  it('trains in them, and not in this thread', async () => {
    const workers = startedWorkers(2);
    const engine = createCpuEngine(severalOf(2), { workers });
    await engine.advance(1);
    workers[1].end();
    await expect(engine.advance(1)).rejects.toThrow('cpu: worker thread 2: it was ended');
    await expect(engine.advance(1)).rejects.toThrow(DeviceError);
  });
});

describe('several models on the CPU', () => {
  it('keeps calls that come at the same time apart', async () => {
    const [one, two] = [createCpuEngine(severalOf(3)), createCpuEngine(severalOf(3))];
    const expected = [await one.advance(10), await one.state(), await one.advance(20)];
    expect(await Promise.all([two.advance(10), two.state(), two.advance(20)])).toEqual(expected);
  });

  it('refuses what is wrong', async () => {
    const members = membersOf(severalOf(2));
    const create = (second: Partial<Member>) => () =>
      createCpuEngine(specOf(spec, [members[0], { ...members[1], ...second }]));
    expect(create({ training: { ...training, steps: 31 } })).toThrow('models[1]: expected steps 30');
    expect(create({ training: { ...training, clip: 1 } })).toThrow('models[1]: expected clip 0');
    expect(create({ training: { ...training, beta1: 1 } })).toThrow('beta1: expected at least 0 and below 1');
    expect(create({ order: members[1].order.subarray(1) })).toThrow('an order of length 7');
    expect(create({ order: members[1].order.map(() => 7) })).toThrow('documents below 7, got 7');
    expect(create({ parameters: new Float32Array(2) })).toThrow('models[1].parameters');
    const short = members.map((member) => ({ ...member, order: member.order.subarray(0, 3) }));
    expect(() => createCpuEngine(specOf(spec, short))).toThrow('at least 7 documents');

    const engine = createCpuEngine(specOf(spec, members));
    await expect(engine.advance(31)).rejects.toThrow(ConfigError);
    await expect(engine.advance(0)).rejects.toThrow(ConfigError);
    engine.dispose();
    engine.dispose();
    await expect(engine.advance(1)).rejects.toThrow(/dispose/);
  });
});
