// microgpt.py under CPython as a rung of the ladder.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { BUILTIN_NAMES } from '../data/builtin-names.ts';
import type { ForeignRung } from '../report/measure/ladder-rungs.ts';
import { stepTokens } from '../report/measure/setting.ts';
import { ConfigError, MicrogptError } from '../util/errors.ts';
import { largestDifference } from '../verify/check.ts';
import timeSteps from './cpython.py?raw';
import { otherThanFile } from './files.ts';

const execute = promisify(execFile);

/** Few: CPython takes a quarter of a second for each. */
const CHECKED_STEPS = 10;
const TIMED_STEPS = 7;

/** What cpython.py prints. */
interface Timing {
  readonly seconds: readonly number[];
  readonly losses: readonly number[];
}

/** `file` is microgpt.py. It trains on the names that come with the project. Throws ConfigError where there is no such file. */
export function cpythonRung(file: string, signal: AbortSignal, python = 'python3'): ForeignRung {
  const stats = statSync(file, { throwIfNoEntry: false });
  const problem = stats === undefined ? 'there is no such file' : otherThanFile(stats);
  if (problem !== undefined) {
    throw new ConfigError(`--python ${file}: ${problem}. Expected Karpathy's microgpt.py.`);
  }
  const time = async (steps: number): Promise<Timing> => {
    const directory = await mkdtemp(join(tmpdir(), 'microgpt-python-'));
    try {
      const script = join(directory, 'time-steps.py');
      const data = join(directory, 'names.txt');
      await writeFile(script, timeSteps);
      await writeFile(data, BUILTIN_NAMES);
      const { stdout } = await execute(python, [script, resolve(file), data, String(steps)], { signal });
      return JSON.parse(stdout) as Timing;
    } catch (error) {
      if (signal.aborted) throw new MicrogptError('microgpt.py was stopped.', { cause: error });
      const reason = error instanceof Error ? error.message.trim().split('\n').at(-1)! : String(error);
      throw new MicrogptError(`--python ${file}: ${python} could not time its steps: ${reason}`, {
        cause: error,
      });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
  return {
    id: 'python',
    label: 'microgpt.py, CPython',
    kind: 'python',
    async start({ spec, shape }, reference) {
      const { losses } = await time(CHECKED_STEPS);
      return {
        lossDifference: largestDifference(losses, Array.from(reference).slice(0, CHECKED_STEPS)),
        // The first step warms the interpreter up. The time for the tokens of the steps after it stands for that of as many
        // tokens as a mean step has.
        async round() {
          const { seconds } = await time(TIMED_STEPS + 1);
          let tokens = 0;
          for (let step = 1; step <= TIMED_STEPS; step++) tokens += stepTokens(spec, step);
          const total = seconds.slice(1).reduce((a, b) => a + b, 0);
          return ((1e6 * total) / tokens) * shape.tokensPerStep;
        },
        stop() {},
      };
    },
  };
}
