/** Numbers of a tensor: f32 in every engine but the oracle, f64 where a reference is wanted. */
export type FloatArray = Float32Array | Float64Array;

/** What a tensor can hold on the CPU: numbers, or ids and row numbers. */
export type TensorArray = FloatArray | Uint32Array;

/** The length of all of them as one vector: √(Σ x²). */
export function norm(values: FloatArray): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}
