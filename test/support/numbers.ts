// How far numbers are from what they should be.

/** ‖got − reference‖ / ‖reference‖, or ‖got‖ where the reference is all 0. NaN anywhere gives NaN. */
export function relativeError(got: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (got.length !== reference.length) throw new Error(`${got.length} numbers against ${reference.length}`);
  let difference = 0;
  let size = 0;
  for (let i = 0; i < got.length; i++) {
    difference += (got[i] - reference[i]) ** 2;
    size += reference[i] ** 2;
  }
  return Math.sqrt(size === 0 ? difference : difference / size);
}
