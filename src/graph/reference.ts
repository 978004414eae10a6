// One op on its own, on the CPU: the reference in f64 that kernels are checked against.

import { operandNames, sizeOf } from './op.ts';
import type { Op, OpCase, StepScalars } from './op.ts';
import type { TensorArray } from '../util/arrays.ts';

/** What a call of an op changed: its outputs and the tensors it updates, by name, and the step. */
export interface OpResult {
  readonly tensors: ReadonlyMap<string, TensorArray>;
  readonly step: StepScalars;
}

/**
 * Runs the op's CPU code in f64, the reference, or in f32. Outputs start as 0, so rows out of use stay 0. Inputs are
 * rounded to f32 first: what remains of a difference is the arithmetic's.
 */
export function runReference(
  op: Op,
  example: OpCase,
  Float: Float64ArrayConstructor | Float32ArrayConstructor = Float64Array,
): OpResult {
  const inputs = example.inputs.map((input) => {
    return input instanceof Uint32Array ? input.slice() : new Float(Float32Array.from(input));
  });
  const outputs = op.infer(example.shapes, example.attrs, '').map((shape, i) => {
    const size = sizeOf(shape);
    return op.integers?.includes(op.outputs[i]) ? new Uint32Array(size) : new Float(size);
  });
  const step = { ...example.step };
  op.cpu({ inputs, outputs, shapes: example.shapes, attrs: example.attrs, step });
  const tensors = new Map<string, TensorArray>();
  operandNames(op).forEach((name, i) => {
    if (op.updates?.includes(name)) tensors.set(name, inputs[i]);
  });
  op.outputs.forEach((name, i) => tensors.set(name, outputs[i]));
  return { tensors, step };
}
