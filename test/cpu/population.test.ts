// A population on the CPU: what each of its models gets alone.

import { describe, expect, it, onTestFinished } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { createCpuPopulation, startPopulationWorkers } from '../../src/cpu/population.ts';
import { canShareMemory } from '../../src/cpu/workers.ts';
import { reorderDocuments } from '../../src/data/tokenizer.ts';
import { DEFAULT_TRAINING } from '../../src/model/config.ts';
import { initParameters } from '../../src/model/parameters.ts';
import { orderLength, type PopulationMember, type PopulationSpec } from '../../src/engine/population.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError, DeviceError } from '../../src/util/errors.ts';
import { PythonRandom } from '../../src/util/python-random.ts';

const training = { ...DEFAULT_TRAINING, batchSize: 2, steps: 30 };
const { spec } = prepareRun({
  documents: ['anna', 'bea', 'christopher', 'dora', 'emil', 'fritz', 'g'],
  model: { nLayer: 2, nEmbd: 8, nHead: 2, blockSize: 6 },
  training,
});

function populationSpec(size: number, clip = 0): PopulationSpec {
  const random = new PythonRandom(3);
  const members = Array.from({ length: size }, (_, i): PopulationMember => {
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
  return { ...spec, members };
}

describe.each(['plain', 'simd'] as const)('a population on the CPU, %s', (variant) => {
  it.each([0, 1.5])('gives every model the bits that it gets alone, clip %d', async (clip) => {
    const all = populationSpec(4, clip);
    const population = createCpuPopulation(all, { variant });
    expect(population.size).toBe(4);
    const losses = [await population.advance(3), await population.advance(27)];
    const states = await population.states();
    for (const [i, { order, ...member }] of all.members.entries()) {
      const documents = reorderDocuments(spec.documents, order);
      const alone = createCpuEngine({ ...spec, ...member, documents }, { variant });
      expect([...losses[0][i], ...losses[1][i]]).toEqual([...(await alone.advance(30))]);
      expect(states[i]).toEqual(await alone.state());
      expect(population.info).toEqual(alone.info);
    }
    expect(new Set(losses[1].map((own) => own[26])).size).toBe(4);
  });

  it('needs no more of an order than its steps take', async () => {
    const short = { ...training, steps: 2 };
    const members = populationSpec(2).members.map((member) => ({ ...member, training: short }));
    const length = orderLength(spec.documents.count, short);
    expect(length).toBe(6);
    const cut = members.map((member) => ({ ...member, order: member.order.subarray(0, length) }));
    const [whole, less] = [members, cut].map((some) =>
      createCpuPopulation({ ...spec, members: some }, { variant }),
    );
    expect(await less.advance(2)).toEqual(await whole.advance(2));
    expect(await less.states()).toEqual(await whole.states());
  });
});

describe.skipIf(!canShareMemory())('a population on workers', () => {
  const startWorkers = (count: number) => {
    const workers = startPopulationWorkers(count);
    onTestFinished(() => workers.forEach((worker) => worker.end()));
    return workers;
  };

  it('gives the same bits with any number of them', async () => {
    const all = populationSpec(4);
    const alone = createCpuPopulation(all);
    const expected = [
      await alone.advance(3),
      await alone.states(),
      await alone.advance(27),
      await alone.states(),
    ];
    for (const count of [1, 3, 6]) {
      const workers = startWorkers(count);
      for (let again = 0; again < 2; again++) {
        const population = createCpuPopulation(all, { workers });
        expect(population.info).toEqual(alone.info);
        const got = [population.advance(3), population.states(), population.advance(27), population.states()];
        expect(await Promise.all(got)).toEqual(expected);
        population.dispose(); // the workers stay, for the next one
      }
    }
  });

  it('trains in them, and not in this thread', async () => {
    const workers = startWorkers(2);
    const population = createCpuPopulation(populationSpec(2), { workers });
    await population.advance(1);
    workers[1].end();
    await expect(population.advance(1)).rejects.toThrow('cpu: worker thread 2: it was ended');
    await expect(population.advance(1)).rejects.toThrow(DeviceError);
  });
});

describe('a population on the CPU', () => {
  it('keeps calls that come at the same time apart', async () => {
    const [one, two] = [createCpuPopulation(populationSpec(3)), createCpuPopulation(populationSpec(3))];
    const expected = [await one.advance(10), await one.states(), await one.advance(20)];
    expect(await Promise.all([two.advance(10), two.states(), two.advance(20)])).toEqual(expected);
  });

  it('refuses what is wrong', async () => {
    const { members } = populationSpec(2);
    const create = (second: Partial<PopulationMember>) => () =>
      createCpuPopulation({ ...spec, members: [members[0], { ...members[1], ...second }] });
    expect(create({ training: { ...training, steps: 31 } })).toThrow('population[1]: expected steps 30');
    expect(create({ training: { ...training, clip: 1 } })).toThrow('population[1]: expected clip 0');
    expect(create({ training: { ...training, beta1: 1 } })).toThrow('beta1: expected at least 0 and below 1');
    expect(create({ order: members[1].order.subarray(1) })).toThrow('an order of length 7');
    expect(create({ order: members[1].order.map(() => 7) })).toThrow('documents below 7, got 7');
    expect(create({ parameters: new Float32Array(2) })).toThrow('population[1].parameters');
    const short = members.map((member) => ({ ...member, order: member.order.subarray(0, 3) }));
    expect(() => createCpuPopulation({ ...spec, members: short })).toThrow('at least 7 documents');
    expect(() => createCpuPopulation({ ...spec, members: [] })).toThrow('at least 1 model, got 0');

    const population = createCpuPopulation({ ...spec, members });
    await expect(population.advance(31)).rejects.toThrow(ConfigError);
    await expect(population.advance(0)).rejects.toThrow(ConfigError);
    population.dispose();
    population.dispose();
    await expect(population.advance(1)).rejects.toThrow(/dispose/);
  });
});
