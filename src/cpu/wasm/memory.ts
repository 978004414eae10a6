// Where everything lies. `layOutMemory` lays out one engine's memory; it is called once. All rows start at a multiple of
// 16 bytes, and all dimensions are padded with zeros to multiples of 4 so that no kernel has tails. A head of D channels
// takes Dp = D padded; A = H·Dp. Sizes in elements are i32, addresses and strides in bytes usize.

export let L: i32 = 0;
export let C: i32 = 0;
export let H: i32 = 0;
export let T: i32 = 0;
export let V: i32 = 0;
export let B: i32 = 0;
/** Documents. */
export let N: i32 = 0;
export let Dp: i32 = 0;
export let A: i32 = 0;
export let F: i32 = 0;
/** C and V padded. */
export let Cp: i32 = 0;
export let Vp: i32 = 0;
export let scale: f32 = 0;

/** Strides of rows of C, A, 4C, 3A and V numbers. */
export let strideC: usize = 0;
export let strideA: usize = 0;
export let strideF: usize = 0;
export let strideQ: usize = 0;
export let strideV: usize = 0;

// Parameters: wte (V, C), wpe (T, C) in rows, then in panels lm_head (V, C) and per layer wqkv (3A, C), wo (C, A),
// fc1 (4C, C), fc2 (C, 4C).
export let wte: usize = 0;
export let wpe: usize = 0;
export let lmHead: usize = 0;
export let layers: usize = 0;
/** Within a layer. */
export let wo: usize = 0;
export let fc1: usize = 0;
export let fc2: usize = 0;
export let layerBytes: usize = 0;
export let parameterBytes: usize = 0;
/** From a parameter to its gradient and its moments. */
export let toGradient: usize = 0;
export let toM: usize = 0;
export let toV: usize = 0;

// Transposed copies, in the same places of a layer: lm_head (C, V), then per layer (C, 3A), (A, C), (C, 4C), (4C, C).
export let lmHeadT: usize = 0;
export let layersT: usize = 0;

// The corpus (u32), and what JavaScript reads and writes.
export let offsets: usize = 0;
export let corpus: usize = 0;
/** Two f64 a step, see step.ts; one f64 a step. */
export let rates: usize = 0;
export let losses: usize = 0;

// The step's rows: tokens, targets (u32), weights (f32), losses (f64).
export let tokens: usize = 0;
export let targets: usize = 0;
export let rowWeights: usize = 0;
export let rowLosses: usize = 0;

// Activations that the backward pass needs. xn is the embedding after its norm, s its factors.
export let xn: usize = 0;
export let sEmbed: usize = 0;
export let x: usize = 0;
export let logits: usize = 0;
/** Per layer: normed inputs a and b with their factors, q|k|v, p, the heads' outputs, the hidden layer. */
export let saved: usize = 0;
export let savedBytes: usize = 0;
export let toSa: usize = 0;
export let toQkv: usize = 0;
export let toP: usize = 0;
export let toHeads: usize = 0;
export let toB: usize = 0;
export let toSb: usize = 0;
export let toHidden: usize = 0;

// Gradients of activations, kept until the weights have used them: of the embedding's norm, and per layer of the layer's
// result, of the hidden layer, of the sum after attention, of q|k|v.
export let dEmbed: usize = 0;
export let slopes: usize = 0;
export let slopeBytes: usize = 0;
export let toDHidden: usize = 0;
export let toDMiddle: usize = 0;
export let toDQkv: usize = 0;
export let dNormed: usize = 0;
export let dHeads: usize = 0;

/** The sum of the squares (f64) of every `SQUARES_BLOCK` bytes of gradients. */
export let squares: usize = 0;
export let squaresCount: i32 = 0;

/** Where threads meet, see threads.ts. */
export let meeting: usize = 0;

// Each thread's own: per document of the step the rows (i32) and the bytes of p (u32) before it; scratch of attention.
export let starts: usize = 0;
export let pairStarts: usize = 0;
export let scratchT: usize = 0;
export let scratchP: usize = 0;

// Sampling, see decode.ts and generate.ts: the cache of each layer, the table of the first one with a byte for each row
// that is known, and what goes in and out.
export let cache: usize = 0;
export let cacheBytes: usize = 0;
export let strideT: usize = 0;
/** From a layer's keys to its values. */
export let toValues: usize = 0;
export let table: usize = 0;
export let known: usize = 0;
/** 0 where there is no table. */
export let knownBytes: usize = 0;
export let texts: usize = 0;
export let uniforms: usize = 0;
export let weights: usize = 0;
export let firstLogits: usize = 0;
/** Logits after each first token of a document, then after each two and so on, with a byte for each that is known. */
export let beginnings: usize = 0;
export let beginningsKnown: usize = 0;
/** V + V² + …, or 0 where none are kept. */
export let beginningCount: i32 = 0;
/** The prefix (T) that they follow. */
export let keptPrefix: usize = 0;

let top: usize = 0;
/** `top` as it would be with more than 32 bits. */
let total: f64 = 0;

/** Enough for every size that a CPU trains; beyond 4 GB addresses would wrap around. */
const MOST_BYTES: f64 = 3.5e9;

/** A table of the first layer that does not fit the second cache would save little. */
const MOST_TABLE_BYTES: f64 = 1_048_576;

/** Three tokens of 27: what is kept is asked for again and again, and to make it takes longer than a read from any cache. */
const MOST_BEGINNINGS_BYTES: f64 = 4_194_304;

/** Small enough that threads share the blocks evenly, and f32 loses nothing in one. */
export const SQUARES_BLOCK: usize = 4096;

/** Of all lengths that fit; none but with the table of a single layer, which has all keys and values. */
function countBeginnings(): i32 {
  if (L > 1 || knownBytes == 0) return 0;
  const most = <i32>(MOST_BEGINNINGS_BYTES / <f64>strideV);
  let count = 0;
  for (let length = 1; length < T && (count + 1) * V <= most; length++) count = (count + 1) * V;
  return count;
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

/** `count` pieces of `bytes`, from a multiple of 64 on. */
function take(count: usize, bytes: usize): usize {
  const at = top;
  top = (top + count * bytes + 63) & ~63;
  total += <f64>count * <f64>bytes + 64;
  return at;
}

/** The same for each thread; gives that of `thread`. */
function takeEach(count: usize, bytes: usize, thread: i32, threads: i32): usize {
  const each = (count * bytes + 63) & ~63;
  return take(threads, each) + each * thread;
}

/**
 * Lays out the memory as `thread` of `threads` sees it, and gives its size in bytes, or 0 where WebAssembly has not as much.
 * `rows` is the largest number of rows in a step, `longest` of rows in a document, `pairs` the largest sum over a step's
 * documents of `weightBytes`; `chunk` of steps in a call, `draws` of tokens in a call of `generate`.
 */
export function layOutMemory(
  nLayer: i32, nEmbd: i32, nHead: i32, blockSize: i32, vocabSize: i32, batch: i32, documents: i32, corpusLength: i32,
  rows: i32, longest: i32, pairs: i32, chunk: i32, draws: i32, thread: i32, threads: i32,
): usize {
  L = nLayer;
  C = nEmbd;
  H = nHead;
  T = blockSize;
  V = vocabSize;
  B = batch;
  N = documents;
  const D = C / H;
  Dp = padded(D);
  A = H * Dp;
  F = 4 * C;
  Cp = padded(C);
  Vp = padded(V);
  scale = 1 / sqrt<f32>(<f32>D);
  strideC = strideOf(C);
  strideA = strideOf(A);
  strideF = strideOf(F);
  strideQ = strideOf(3 * A);
  strideV = strideOf(V);

  const widthC = <usize>Cp << 2;

  top = (__heap_base + 63) & ~63;
  total = 0;
  wte = take(V, strideC);
  wpe = take(T, strideC);
  lmHead = take(Vp, widthC);
  layers = top;
  const qkvBytes = <usize>(3 * A) * widthC;
  const woBytes = <usize>A * widthC;
  const fcBytes = <usize>F * widthC;
  wo = qkvBytes;
  fc1 = wo + woBytes;
  fc2 = fc1 + fcBytes;
  layerBytes = fc2 + fcBytes;
  take(L, layerBytes);
  parameterBytes = top - wte;
  toGradient = take(1, parameterBytes) - wte;
  toM = take(1, parameterBytes) - wte;
  toV = take(1, parameterBytes) - wte;

  lmHeadT = take(Vp, widthC);
  layersT = take(L, layerBytes);

  offsets = take(N + 1, 4);
  corpus = take(corpusLength, 4);
  rates = take(chunk, 16);
  losses = take(chunk, 8);

  const R = <usize>rows;
  tokens = take(R, 4);
  targets = take(R, 4);
  rowWeights = take(R, 4);
  rowLosses = take(R, 8);
  xn = take(R, strideC);
  sEmbed = take(R, 4);
  x = take(R, strideC);
  logits = take(R, strideV);

  saved = take(R, strideC);
  toSa = take(R, 4) - saved;
  toQkv = take(R, strideQ) - saved;
  toP = take(H, pairs) - saved;
  toHeads = take(R, strideA) - saved;
  toB = take(R, strideC) - saved;
  toSb = take(R, 4) - saved;
  toHidden = take(R, strideF) - saved;
  savedBytes = top - saved;
  take(L - 1, savedBytes);

  dEmbed = take(R, strideC);
  slopes = take(R, strideC);
  toDHidden = take(R, strideF) - slopes;
  toDMiddle = take(R, strideC) - slopes;
  toDQkv = take(R, strideQ) - slopes;
  slopeBytes = top - slopes;
  take(L - 1, slopeBytes);
  dNormed = take(R, strideC);
  dHeads = take(R, strideA);

  squaresCount = <i32>((parameterBytes + SQUARES_BLOCK - 1) / SQUARES_BLOCK);
  squares = take(squaresCount, 8);

  meeting = take(1, 128);
  const most = max(longest, T);
  starts = takeEach(B + 1, 4, thread, threads);
  pairStarts = takeEach(B + 1, 4, thread, threads);
  scratchT = takeEach(Dp, strideOf(most), thread, threads);
  scratchP = takeEach(longest, strideOf(longest), thread, threads);
  strideT = strideOf(T);
  toValues = <usize>A * strideT;
  cacheBytes = toValues + <usize>T * strideA;
  cache = take(L, cacheBytes);
  const tableBytes = <f64>V * T * (strideC + strideQ);
  knownBytes = tableBytes <= MOST_TABLE_BYTES ? <usize>(V * T) : 0;
  known = take(1, knownBytes);
  table = take(knownBytes, strideC + strideQ);
  texts = take(draws, 4);
  uniforms = take(draws, 8);
  weights = take(1, strideV);
  firstLogits = take(1, strideV);
  beginningCount = countBeginnings();
  beginningsKnown = take(beginningCount, 1);
  beginnings = take(beginningCount, strideV);
  keptPrefix = take(T, 4);

  return total > MOST_BYTES ? 0 : top;
}
