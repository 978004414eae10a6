import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SweepSaver } from '../../src/cli/sweep-directory.ts';
import { RUN_FILES } from '../../src/train/run-files.ts';
import { decodeSweep } from '../../src/train/sweep-file.ts';
import { NODE_FLAGS, oneBuild } from '../support/cpu-builds.ts';
import { softwareVulkanUrl } from '../support/software-vulkan.mjs';
import { noAdapter } from '../support/device.ts';
import { microgpt, ofType, records, samples, temporaryDirectory, type Child } from './cli.ts';

const SMALL = ['--n-embd', '8', '--n-head', '2', '--block-size', '8'];
const CPU = ['sweep', ...SMALL, '--engine', 'cpu'];

function filesOf(directory: string): Record<string, string> {
  return Object.fromEntries(RUN_FILES.map((name) => [name, readFileSync(join(directory, name), 'latin1')]));
}

function sweepIn(directory: string) {
  return decodeSweep(readFileSync(join(directory, 'sweep.json')), directory);
}

describe('sweep --out', () => {
  it('saves the sweep, a plot, and the best model as the run that train would save', async () => {
    const directory = temporaryDirectory();
    const out = join(directory, 'new', 'sweep');
    const values = ['--seed', '3..4', '--lr', '1e-3..1e-1:3', '--init-scale', '0.08,0.2', '--steps', '150'];
    const clip = ['--clip', '1.5'];
    const args = [...CPU, ...values, ...clip, '--samples', '2', '--out', out];
    const { status, stdout } = await microgpt([...args, '--json']);
    expect(status).toBe(0);
    expect(readdirSync(out).toSorted()).toEqual(['best', 'sweep.json', 'sweep.svg']);

    const all = records(stdout);
    const settings = ofType(all, 'setting');
    expect(settings.map(({ rank, seeds }) => [rank, seeds])).toEqual(
      [1, 2, 3, 4, 5, 6].map((rank) => [rank, 2]),
    );
    expect(settings[0]).toMatchObject({
      best: true,
      ...(all.at(-1)!['setting'] as { setting: object }).setting,
    });
    expect(settings[5]).toMatchObject({
      behind: { mean: expect.any(Number) as number, low: expect.any(Number) as number },
    });
    expect(all[0]).toMatchObject({
      type: 'sweep',
      text: { documents: 2958, longest: 15 },
      training: { steps: 150, batchSize: 1, clip: 1.5 },
      axes: { seed: [3, 4], learningRate: [0.001, 0.01, 0.1], initScale: [0.08, 0.2], beta1: [0.85] },
      models: 12,
      engine: { engine: 'cpu' },
      smoothingWindow: 50,
    });
    const models = ofType(all, 'model');
    expect(models.map(({ rank }) => rank)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    const saved = sweepIn(out);
    expect(saved.results).toEqual(
      models.map(({ index, step, loss, error }) => ({ index, step, loss, error })),
    );
    const [best] = models;
    expect(all.at(-1)).toMatchObject({
      type: 'done',
      models: 12,
      diverged: 0,
      modelSteps: 1800,
      loss: best['loss'],
    });
    expect(ofType(all, 'checkpoint')).toEqual([
      { type: 'checkpoint', step: 150, directory: join(out, 'best') },
    ]);
    expect(readFileSync(join(out, 'sweep.svg'), 'utf8')).toContain('Final loss of 12 models');

    const { seed, learningRate, initScale } = best;
    const same = ['--seed', seed, '--lr', learningRate, '--init-scale', initScale].map(String);
    const alone = join(directory, 'alone');
    const train = [
      'train',
      ...SMALL,
      '--engine',
      'cpu',
      ...same,
      ...clip,
      '--steps',
      '150',
      '--samples',
      '2',
      '--out',
      alone,
    ];
    const trained = await microgpt([...train, '--json']);
    expect(filesOf(join(out, 'best'))).toEqual(filesOf(alone));
    expect(samples(all)).toEqual(samples(records(trained.stdout)));
    const again = await microgpt(['sample', join(out, 'best'), '--n', '2', '--json']);
    expect(samples(records(again.stdout))).toEqual(samples(all));
  });

  it('never replaces what is there', async () => {
    const directory = temporaryDirectory();
    for (const name of ['sweep.json', 'sweep.svg', 'best']) {
      const out = join(directory, name.replace('.', '-'));
      mkdirSync(out);
      writeFileSync(join(out, name), 'mine');
      const { status, stderr } = await microgpt([...CPU, '--steps', '1', '--out', out]);
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: `error: --out ${out}: it already holds a sweep (${name})${name === 'sweep.json' ? ' that cannot be read' : ''}. Choose another directory.\n`,
      });
      expect(readFileSync(join(out, name), 'utf8')).toBe('mine');
    }
  });

  it('says so where even the best is worse than chance', async () => {
    const args = [...CPU, '--steps', '60', '--lr', '100,1e9', '--samples', '0', '--json'];
    const { status, stdout, stderr } = await microgpt(args);
    expect(status).toBe(0);
    const problem =
      /^The best model ended at \S+, worse than chance \(ln 27 = 3\.30\)\. Try other learning rates or more steps\.$/m;
    expect(stderr).toMatch(problem);
    expect(records(stdout).at(-1)).toMatchObject({
      type: 'done',
      problem: expect.stringMatching(problem) as string,
    });
  });

  it('keeps what was measured at Ctrl-C, and the best goes on to the bits of a whole run', async () => {
    const directory = temporaryDirectory();
    const out = join(directory, 'sweep');
    const args = [...CPU, '--steps', '100000', '--seed', '5', '--lr', '0.01,0.02', '--out', out, '--json'];
    const during = (child: Child) => {
      // Standard error has a line each tenth of the sweep; two are within the first model.
      let seen = '';
      child.stderr.on('data', (text: string) => {
        const before = seen.includes('models 0/2');
        seen += text;
        if (!before && seen.includes('models 0/2')) child.kill('SIGINT');
      });
    };
    const { status, stdout, stderr } = await microgpt(args, { during });
    expect(status).toBe(130);
    expect(stderr).toMatch(/stopped: of 2 models 0 were trained to the end, [12] in part, [01] not at all/);
    const done = records(stdout).at(-1)!;
    expect(done).toMatchObject({ type: 'done', interrupted: true });
    const lr = String(ofType(records(stdout), 'model')[0]['learningRate']);
    const [result] = sweepIn(out).results;
    expect(result.step).toBeGreaterThan(0);
    expect(result.step).toBeLessThan(100_000);
    expect(readFileSync(join(out, 'sweep.svg'), 'utf8')).toContain(
      `stopped after step ${result.step} of 100000`,
    );

    const resumed = await microgpt(['train', '--resume', join(out, 'best'), '--samples', '20', '--json']);
    expect(resumed.status).toBe(0);
    const whole = join(directory, 'whole');
    const train = ['train', ...SMALL, '--engine', 'cpu', '--steps', '100000', '--seed', '5', '--lr', lr];
    await microgpt([...train, '--quiet', '--out', whole]);
    expect(filesOf(join(out, 'best'))).toEqual(filesOf(whole));
  });

  it('goes on where a killed one was ended, to the same files; one that is done stays', async () => {
    const directory = temporaryDirectory();
    const [out, whole] = [join(directory, 'sweep'), join(directory, 'whole')];
    const values = ['--seed', '1..10', '--lr', '0.01,0.02', '--steps', '20000', '--samples', '1'];
    const args = [...CPU, ...values, '--json', '--out'];
    const killed = await microgpt([...args, out], {
      during: (child) => {
        const sweepFile = join(out, 'sweep.json');
        const look = setInterval(() => {
          if (existsSync(join(out, 'best')) && existsSync(sweepFile)) child.kill('SIGKILL');
        }, 5);
        child.on('close', () => clearInterval(look));
      },
    });
    expect(killed.status).toBeNull();
    const left = sweepIn(out).results.length;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(20);

    const others = await microgpt([...CPU, ...values, '--lr', '0.03', '--out', out]);
    expect(others).toMatchObject({
      status: 2,
      stderr:
        `error: --out ${out}: it already holds a sweep with other values of --lr. ` +
        'Choose another directory, or give its values to resume it.\n',
    });
    const text = join(directory, 'text.txt');
    writeFileSync(text, 'another\ntext\n');
    const foreign = await microgpt([...CPU, ...values, '--data', text, '--out', out]);
    expect(foreign.status).toBe(1);
    expect(foreign.stderr).toContain('is not the text that this run began with');
    expect(sweepIn(out).results).toHaveLength(left);

    const again = await microgpt([...args, out]);
    expect(again.status).toBe(0);
    expect(again.stderr).toContain(`resuming: ${left} of 20 models in ${out} are done\n`);
    expect(ofType(records(again.stdout), 'done')[0]['modelSteps']).toBe(20_000 * (20 - left));
    const other = await microgpt([...args, whole]);
    const models = (stdout: string) => ofType(records(stdout), 'model');
    expect(models(again.stdout)).toEqual(models(other.stdout));
    expect(samples(records(again.stdout))).toEqual(samples(records(other.stdout)));
    expect(filesOf(join(out, 'best'))).toEqual(filesOf(join(whole, 'best')));
    for (const name of ['sweep.json', 'sweep.svg'])
      expect(readFileSync(join(out, name), 'utf8')).toBe(readFileSync(join(whole, name), 'utf8'));
    expect(readdirSync(out).toSorted()).toEqual(['best', 'sweep.json', 'sweep.svg']);

    // The best model's run can be lost alone: it is trained again, and nothing else.
    rmSync(join(out, 'best', 'model.safetensors'));
    const best = await microgpt([...args, out]);
    expect(best.stderr).toContain(`resuming: 20 of 20 models in ${out} are done`);
    expect(filesOf(join(out, 'best'))).toEqual(filesOf(join(whole, 'best')));
    const done = await microgpt([...args, out]);
    expect(done.status).toBe(2);
    expect(done.stderr).toContain(
      'it already holds this sweep, trained to its end. Choose another directory.',
    );
  });

  it('names the best run as saved only where there is one', async () => {
    const out = join(temporaryDirectory(), 'sweep');
    await microgpt([...CPU, '--steps', '20', '--seed', '1,2', '--samples', '0', '--out', out]);
    rmSync(join(out, 'best'), { recursive: true });
    const { results, ...sweep } = sweepIn(out);
    const saver = new SweepSaver(out, sweep, () => {
      throw new Error('there is no best model to save');
    });
    expect(await saver.finish({ results })).toEqual(
      ['sweep.json', 'sweep.svg'].map((name) => join(out, name)),
    );
  });

  it.skipIf(oneBuild !== undefined)(
    'says so where it goes on with another build of the CPU kernels',
    async () => {
      const out = join(temporaryDirectory(), 'sweep');
      const args = [...CPU, '--steps', '20', '--seed', '1,2', '--samples', '0', '--out', out];
      await microgpt(args, { flags: NODE_FLAGS['relaxed SIMD'] });
      rmSync(join(out, 'best'), { recursive: true });
      const { stderr } = await microgpt(args, { flags: NODE_FLAGS.SIMD128 });
      expect(stderr).toContain(
        'the sweep began with cpu (relaxed SIMD) and continues with cpu (SIMD128): the losses agree',
      );
    },
  );

  it('saves the results of a sweep whose models all diverge, and fails', async () => {
    const out = join(temporaryDirectory(), 'sweep');
    const args = [...CPU, '--steps', '20', '--lr', '1e30,1e38', '--out', out, '--json'];
    const { status, stdout, stderr } = await microgpt(args);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /\nerror: sweep: all 2 models diverged: .* Try smaller learning rates than 1e\+30\.\n$/,
    );
    expect(ofType(records(stdout), 'model')).toMatchObject([{ diverged: true }, { diverged: true }]);
    expect(readdirSync(out).toSorted()).toEqual(['sweep.json', 'sweep.svg']);
    expect(sweepIn(out).results).toHaveLength(2);
  });
});

describe('what a sweep prints', () => {
  it('is a table of the best models and the worst', async () => {
    const args = [...CPU, '--steps', '80', '--seed', '1..7', '--lr', '0.001,0.02,1e38', '--samples', '1'];
    const { status, stdout, stderr } = await microgpt(args);
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'num docs: 2958',
      'vocab size: 27',
      'num params: 1264',
      'models: 21 = 7 seed × 3 lr',
    ]);
    expect(lines[4]).toMatch(/^rank +final loss +lr +seed$/);
    for (const [i, line] of lines.slice(5, 15).entries()) {
      expect(line).toMatch(new RegExp(`^ +${i + 1} +\\d\\.\\d{4} ± 0\\.\\d{4} +0\\.(02|001) +[1-7]$`));
    }
    expect(lines.slice(15, 17)).toEqual([
      '   … 10 more',
      expect.stringMatching(/^ {2}21 +diverged at step \d+ +1e\+38 +[1-7]$/) as string,
    ]);
    expect(lines.slice(17, 25)).toEqual([
      '',
      'by setting: mean over 7 seeds',
      expect.stringMatching(/^ +lr +loss +behind the best$/) as string,
      expect.stringMatching(
        /^0\.001 +\d\.\d{4} +\d\.\d{4} \(95%: \d\.\d{4} to \d\.\d{4}\) {2}█{24}$/,
      ) as string,
      expect.stringMatching(/^ 0\.02 +\d\.\d{4} +best {2}█$/) as string,
      '1e+38  diverged',
      '',
      expect.stringMatching(
        /^lr 0\.02 \(\d\.\d{4}\) is the best, ahead of lr 0\.001 \(\d\.\d{4}\) by \d\.\d{4} \(95% interval .*\); mean loss over 7 seeds, paired by seed\.$/,
      ) as string,
    ]);
    expect(lines[25]).toBe('final loss: mean over the last 50 steps ± its standard error');
    expect(lines[26]).toBe('--- inference of the best model ---');
    expect(lines[28]).toMatch(
      /^[01] of 1 samples repeats? a training document, cut to the block, word for word$/,
    );
    expect(lines).toHaveLength(29);
    expect(stderr).toMatch(
      /^514 of 2958 documents are longer than the block of 8 tokens .*\nTo use more, raise --block-size .*\nengine: cpu \(f32, .*\nmodels \d\/21 \| step \d+\/80 \| [\d.]+k? model-steps\/s \| \d:\d\d left/,
    );
    expect(stderr).toMatch(/\n1680 model-steps in [\d.]+ s: [\d.]+k? model-steps\/s\n$/);

    const quiet = await microgpt([...args, '--quiet']);
    expect(quiet.stderr).toBe('');
    expect(quiet.stdout.trimEnd().split('\n')).toEqual([...lines.slice(4, 25), lines[27]]);
  });

  it('is one model where nothing varies', async () => {
    const { status, stdout } = await microgpt([...CPU, '--steps', '3', '--samples', '0', '--quiet']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^rank +final loss\n +1 +\d\.\d{4} ± \d\.\d{4}\n$/);
  });
});

describe.skipIf(noAdapter)('sweep on WebGPU', () => {
  const env = {
    NODE_OPTIONS: `--import ${softwareVulkanUrl}`,
    MICROGPT_DAWN_FLAGS: 'enable-dawn-features=disable_workgroup_init',
  };

  it('trains a workgroup per model; the best is the run of launch resident', async () => {
    const directory = temporaryDirectory();
    const [out, alone] = [join(directory, 'sweep'), join(directory, 'alone')];
    const common = [...SMALL, '--engine', 'webgpu', '--steps', '12', '--samples', '1'];
    const args = ['sweep', ...common, '--seed', '1..3', '--beta1', '0.5..0.9:3', '--out', out, '--json'];
    const { status, stdout, stderr } = await microgpt(args, { env });
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/\nengine: webgpu \(resident, a workgroup per model\) on /) as string,
    });
    const [best] = ofType(records(stdout), 'model');
    const same = ['--seed', String(best['seed']), '--beta1', String(best['beta1'])];
    const launch = ['--launch', 'resident', '--out', alone, '--json'];
    const trained = await microgpt(['train', ...common, ...same, ...launch], { env });
    expect(filesOf(join(out, 'best'))).toEqual(filesOf(alone));
    expect(samples(records(stdout))).toEqual(samples(records(trained.stdout)));
  });

  it('refuses models that are too large for a workgroup; auto takes the CPU and says why', async () => {
    const large = ['sweep', '--n-embd', '256', '--batch-size', '8', '--steps', '1', '--samples', '0'];
    const refused = await microgpt([...large, '--engine', 'webgpu'], { env });
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(
      /^error: --engine webgpu: a step of \d+ MFLOP is too much for one workgroup, .*\. Use --engine cpu\.\n$/,
    );
    const { status, stderr } = await microgpt(large, { env });
    expect(status).toBe(0);
    expect(stderr).toMatch(/^engine: cpu \(f32, .*\): a step of \d+ MFLOP is too much for one workgroup/);
  });
});
