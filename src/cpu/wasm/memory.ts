// What the kernels must know of an engine's memory beside the arguments of their instructions: a list of u32 at FIELDS,
// which src/cpu/layout.ts writes. All rows start at a multiple of 16 bytes, and all dimensions are padded with zeros to multiples of 4
// so that no kernel has tails. Sizes in elements are i32, addresses and strides in bytes usize.

/** The order is that of `fields` in src/cpu/layout.ts. */
export const enum Field {
  // Documents of a step and of the corpus, the longest context, the vocabulary; the work of a row grows as `rowCost` + its document.
  B, N, T, V, rowCost,
  // The corpus (u32), and what JavaScript reads and writes: two f64 a step, see program.ts; one f64 a step.
  offsets, corpus, rates, losses,
  // The step's rows: tokens, targets, positions (u32), weights (f32), losses (f64).
  tokens, targets, positions, rowWeights, rowLosses,
  // All parameters, and from a parameter to its gradient and its moments; the squares of gradients (f64), see squares.ts.
  parameters, parameterBytes, toGradient, toM, toV, squares,
  // Where threads meet, see threads.ts.
  meeting,
  // Each thread's own: per document of the step the rows (i32) and the bytes of attention weights of a head (u32) before it;
  // scratch of attention.
  ownBytes, starts, pairStarts, scratchT, scratchP,
  // Programs; of decoding: what depends on nothing but the token and its position, the rest, and what only fills the cache.
  step, prefix, decode, cache,
  // Sampling, see decode.ts and generate.ts: the token and its position (u32); the rows that the prefix makes, a table of them by token
  // and position (none: 0 bytes) with a byte for each that is known.
  token, position, logits, logitsBytes, prefixRows, prefixBytes, table, known, knownBytes,
  // What goes in and out; logits after each first token of a document, then after each two and so on, with a byte for each that is
  // known and their count, V + V² + … or 0; the prompt (T) that they follow.
  texts, uniforms, weights, firstLogits, beginnings, beginningsKnown, beginningCount, keptPrompt,
}

const FIELDS: usize = 8192;

export function get(field: Field): usize {
  return load<u32>(FIELDS + (<usize>field << 2));
}

export function int(field: Field): i32 {
  return <i32>get(field);
}

export let meeting: usize = 0;
export let starts: usize = 0;
export let pairStarts: usize = 0;
export let scratchT: usize = 0;
export let scratchP: usize = 0;

/** Looks up what is of `thread`. Gives where the kernels' own tables end, which must be before FIELDS. */
export function configure(thread: i32): usize {
  const own = <usize>thread * get(Field.ownBytes);
  meeting = get(Field.meeting);
  starts = own + get(Field.starts);
  pairStarts = own + get(Field.pairStarts);
  scratchT = own + get(Field.scratchT);
  scratchP = own + get(Field.scratchP);
  return __heap_base;
}

/** Padded to four numbers. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function padded(count: i32): i32 {
  return (count + 3) & -4;
}

/**
 * Bytes from row to row of `count` numbers. Rows a multiple of 512 bytes apart would share a few sets of the first cache
 * (8 ways of 4 KB): such rows get one line more.
 */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function strideOf(count: i32): usize {
  const bytes = <usize>padded(count) << 2;
  return (bytes & 511) == 0 ? bytes + 64 : bytes;
}
