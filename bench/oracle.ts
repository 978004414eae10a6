// How much faster is the oracle than microgpt.py under CPython, at microgpt.py's own configuration?
//
//   npm run bench -- oracle [--python FILE] [--rounds N] [--steps N]
//
// FILE is microgpt.py; without it only the oracle is timed. Both train from the first step on, on
// the same documents, so they do the same work step by step. A round is a fresh run of N steps.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createOracleEngine } from '../src/oracle/engine.ts';
import { loadGolden, prepareGolden } from '../test/support/golden.ts';
import { median } from './support/statistics.ts';
import { runRounds, show, type Contestant } from './support/rounds.ts';

const NAMES = fileURLToPath(new URL('../test/golden/names.txt', import.meta.url));
const PEER = fileURLToPath(new URL('./peers/cpython.py', import.meta.url));

/** 1e-12 relative: the project's bar for the oracle; measured 6.5e-16 over 1,000 steps. */
const TOLERANCE = 1e-12;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      python: { type: 'string' },
      rounds: { type: 'string', default: '9' },
      steps: { type: 'string', default: '20' },
    },
  });
  const steps = Number(values.steps);
  const golden = loadGolden('names');
  const { spec } = prepareGolden(golden);

  const contestants: Contestant[] = [
    {
      name: 'oracle',
      async round() {
        const engine = createOracleEngine(spec);
        const times: number[] = [];
        for (let step = 0; step < steps; step++) {
          const start = performance.now();
          const [loss] = await engine.advance(1);
          times.push(performance.now() - start);
          check('oracle', step, loss, golden.losses[step]);
        }
        return median(times);
      },
    },
  ];
  let python: string | undefined;
  if (values.python !== undefined) {
    const file = values.python;
    contestants.push({
      name: 'cpython',
      async round() {
        const output = execFileSync('python3', [PEER, file, NAMES, String(steps)], { encoding: 'utf8' });
        const result = JSON.parse(output) as { python: string; seconds: number[]; losses: number[] };
        python = result.python;
        for (const [step, loss] of result.losses.entries()) {
          check('cpython', step, loss, golden.losses[step]);
        }
        return median(result.seconds) * 1000;
      },
    });
  }

  for (const contestant of contestants) await contestant.round(); // checks, and warms up the compiler
  const [oracle, cpython] = await runRounds(contestants, Number(values.rounds), 42);
  console.log(`oracle   ${show(oracle)} ms per step (median ± MAD of ${oracle.rounds.length} rounds)`);
  if (cpython !== undefined) {
    console.log(`CPython  ${show(cpython)} ms per step (${python})`);
    console.log(`ratio    ${(cpython.median / oracle.median).toFixed(1)}`);
  }
  const ratio = cpython === undefined ? null : cpython.median / oracle.median;
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version, python };
  console.log(JSON.stringify({ bench: 'oracle', unit: 'ms/step', steps, oracle, cpython, ratio, machine }));
}

/** Throws where a loss is not microgpt.py's: a wrong answer has no speed. */
function check(name: string, step: number, loss: number, expected: number): void {
  if (!(Math.abs(loss - expected) <= TOLERANCE * expected)) {
    throw new Error(`${name}: loss of step ${step + 1} is ${loss}, expected ${expected}.`);
  }
}
