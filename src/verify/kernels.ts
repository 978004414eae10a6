// Every op on random shapes against its own CPU code in f64: the WebGPU kernels, and the CPU code in f32.

import type { Op, OpCase } from '../graph/op.ts';
import { runReference } from '../graph/reference.ts';
import type { OpResult } from '../graph/reference.ts';
import { OPS } from '../ops/index.ts';
import { PythonRandom } from '../util/python-random.ts';
import { failedCheck, KERNEL_BAR, relativeError, Worst } from './check.ts';
import type { Check } from './check.ts';

/** Random cases of each op, unless told. */
export const KERNEL_CASES = 6;

export interface KernelOptions {
  /** All there are unless told. */
  readonly ops?: readonly Op[];
  readonly cases?: number;
  readonly seed?: number;
}

/** One check for each op, as `run` computes it (`runOnDevice`, or a `runReference` in f32). */
export async function* verifyKernels(
  group: string,
  run: (op: Op, example: OpCase) => OpResult | Promise<OpResult>,
  { ops = OPS, cases = KERNEL_CASES, seed = 1 }: KernelOptions = {},
): AsyncGenerator<Check> {
  for (const op of ops) {
    const random = new PythonRandom(seed);
    const worst = new Worst();
    try {
      for (let i = 0; i < cases; i++) {
        const example = op.example(random);
        const got = await run(op, example);
        compare(runReference(op, example), got, worst, JSON.stringify(example.shapes));
      }
      yield worst.check(group, op.name, cases === 1 ? '1 case' : `${cases} cases`, KERNEL_BAR);
    } catch (error) {
      yield failedCheck(group, op.name, error);
    }
  }
}

function compare(reference: OpResult, got: OpResult, worst: Worst, shapes: string): void {
  for (const [name, expected] of reference.tensors) {
    if (name === 'step') continue; // compared as numbers below
    worst.see(relativeError(got.tensors.get(name) ?? [], expected), `${name} at ${shapes}`);
  }
  for (const field of ['index', 'rows', 'learningRate', 'correction1', 'correction2'] as const) {
    worst.see(relativeError([got.step[field]], [reference.step[field]]), `step.${field}`);
  }
}
