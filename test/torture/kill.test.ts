// SIGKILL at random instants: what was reported as written is there afterwards, the run goes on, and it ends with the
// bits of a run that was left alone.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNewest } from '../../src/cli/run-store.ts';
import { RUN_FILES } from '../../src/train/run-files.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { microgpt, ofType, records, temporaryDirectory, type Child } from '../cli/cli.ts';
import { FULL } from './full.ts';

const KILLS = FULL ? 200 : 15;
/** Milliseconds for a life, and for what is looked at after it: two processes begin, on a machine that may be busy. */
const PATIENCE = 15_000;
/** Checkpoints come every few milliseconds, so that many a kill falls into the writing of one. */
const TRAIN = ['--n-embd', '8', '--n-head', '2', '--block-size', '8', '--engine', 'cpu', '--steps', '60000'];
const EVERY = ['--checkpoint-every', '300', '--json'];

/** What a life has said before its time runs: nothing while it starts, then its settings, then a checkpoint. */
const WRITTEN = '"type":"checkpoint"';
const AFTER = ['', '"type":"config"', WRITTEN, WRITTEN, WRITTEN] as const;

function killAfter(child: Child, said: string, milliseconds: number): void {
  let timer: NodeJS.Timeout | undefined;
  const start = () => (timer ??= setTimeout(() => child.kill('SIGKILL'), milliseconds));
  if (said === '') start();
  child.stdout.on('data', (text: string) => text.includes(said) && start());
  child.on('exit', () => clearTimeout(timer));
}

describe('a run that is killed again and again', () => {
  it(
    `survives ${KILLS} times`,
    async () => {
      const directory = temporaryDirectory();
      const whole = join(directory, 'whole');
      expect((await microgpt(['train', ...TRAIN, ...EVERY, '--out', whole])).status).toBe(0);

      const random = new PythonRandom(1);
      const out = join(directory, 'run');
      let promised = 0;
      let kills = 0;
      let finished = 0;
      let lives = 0;
      while (kills < KILLS) {
        const resume = existsSync(out) && promised > 0;
        if (!resume) rmSync(out, { recursive: true, force: true });
        const args = resume ? ['--resume', out] : [...TRAIN, '--out', out];
        const after = AFTER[kills % AFTER.length];
        const delay = 300 * random.random();
        const { status, stdout, stderr } = await microgpt(['train', ...args, ...EVERY], {
          during: (child) => killAfter(child, after, delay),
        });
        const said = records(stdout.slice(0, stdout.lastIndexOf('\n') + 1));
        const began = ofType(said, 'config')[0]?.['step'] as number | undefined;
        if (began !== undefined)
          expect(began, 'goes on from what was promised').toBeGreaterThanOrEqual(promised);
        for (const { step } of ofType(said, 'checkpoint') as { step?: number }[])
          promised = Math.max(promised, step!);
        if (stdout.includes(WRITTEN)) lives++;
        if (promised > 0) expect((await readNewest(out)).run.state.step).toBeGreaterThanOrEqual(promised);
        if (status === 0) {
          for (const name of RUN_FILES) {
            expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
          }
          finished++;
          promised = 0;
        } else {
          expect({
            status,
            stderr: stderr.replace(
              /^(\d+ of \d+ documents are longer .*|To use more, .*|engine: .*|.*the run was cut short.*|saved in .*|.*steps in .*)\n/gm,
              '',
            ),
          }).toEqual({ status: null, stderr: '' });
          kills++;
        }
      }
      // The last one is left alone.
      if (promised > 0) {
        expect((await microgpt(['train', '--resume', out, '--json'])).status).toBe(0);
        for (const name of RUN_FILES) {
          expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
        }
      }
      expect(lives).toBeGreaterThan(KILLS / 2);
      console.info(
        `${kills} kills, ${lives} lives that wrote checkpoints; ${finished} runs ended in between, with the same bits`,
      );
    },
    KILLS * PATIENCE,
  );
});
