// Where everything lies. `allocate` lays out one engine's memory; it is called once. All rows start at a multiple of
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

// Parameters: wte (V, C), wpe (T, C), lm_head (V, C), then per layer wqkv (3A, C), wo (C, A), fc1 (4C, C), fc2 (C, 4C).
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

// Transposed copies, the same way: lm_head (C, V), then per layer (C, 3A), (A, C), (C, 4C), (4C, C).
export let lmHeadT: usize = 0;
export let layersT: usize = 0;
export let woT: usize = 0;
export let fc1T: usize = 0;
export let fc2T: usize = 0;
export let layerBytesT: usize = 0;

// The corpus (u32), and what JavaScript reads and writes.
export let offsets: usize = 0;
export let corpus: usize = 0;
/** Two f64 a step, see step.ts; one f64 a step. */
export let rates: usize = 0;
export let losses: usize = 0;

// The step's rows: tokens, targets (u32), weights (f32); documents: rows before it (i32).
export let tokens: usize = 0;
export let targets: usize = 0;
export let rowWeights: usize = 0;
export let starts: usize = 0;

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

// Gradients of activations, and scratch.
export let dx: usize = 0;
export let dNormed: usize = 0;
export let dHidden: usize = 0;
export let dQkv: usize = 0;
export let dHeads: usize = 0;
export let scratchT: usize = 0;
export let scratchP: usize = 0;

/** Keys and values of the positions before, as rows q|k|v, per layer (T, 3A); one row of each activation. */
export let cache: usize = 0;
export let cacheBytes: usize = 0;

let top: usize = 0;
/** `top` as it would be with more than 32 bits. */
let total: f64 = 0;

/** Enough for every size that a CPU trains; beyond 4 GB addresses would wrap around. */
const MOST_BYTES: f64 = 3.5e9;

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

function take(bytes: usize): usize {
  const at = top;
  top = (top + bytes + 63) & ~63;
  total += <f64>bytes + 64;
  return at;
}

/**
 * `rows` is the largest number of rows in a step, `longest` of rows in a document, `pairs` the largest sum over a step's
 * documents of `weightBytes`. False where the memory cannot be had.
 */
export function allocate(
  nLayer: i32, nEmbd: i32, nHead: i32, blockSize: i32, vocabSize: i32, batch: i32, documents: i32, corpusLength: i32,
  rows: i32, longest: i32, pairs: i32, chunk: i32,
): bool {
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

  top = (__heap_base + 63) & ~63;
  wte = take(<usize>V * strideC);
  wpe = take(<usize>T * strideC);
  lmHead = take(<usize>Vp * strideC);
  layers = top;
  const wqkvBytes = <usize>(3 * A) * strideC;
  const woBytes = <usize>Cp * strideA;
  const fc1Bytes = <usize>F * strideC;
  wo = wqkvBytes;
  fc1 = wo + woBytes;
  fc2 = fc1 + fc1Bytes;
  layerBytes = fc2 + <usize>Cp * strideF;
  take(layerBytes * L);
  parameterBytes = top - wte;
  toGradient = take(parameterBytes) - wte;
  toM = take(parameterBytes) - wte;
  toV = take(parameterBytes) - wte;

  lmHeadT = take(<usize>Cp * strideV);
  woT = <usize>Cp * strideQ;
  fc1T = woT + <usize>A * strideC;
  fc2T = fc1T + <usize>Cp * strideF;
  layerBytesT = fc2T + <usize>F * strideC;
  layersT = take(layerBytesT * L);

  offsets = take(<usize>(N + 1) << 2);
  corpus = take(<usize>corpusLength << 2);
  rates = take(<usize>chunk << 4);
  losses = take(<usize>chunk << 3);

  // Three rows more than rounding to four needs: attention may write behind the last document.
  const R = <usize>(padded(rows) + 4);
  tokens = take(R << 2);
  targets = take(R << 2);
  rowWeights = take(R << 2);
  starts = take(<usize>(B + 1) << 2);
  xn = take(R * strideC);
  sEmbed = take(R << 2);
  x = take(R * strideC);
  logits = take(R * strideV);

  saved = take(R * strideC);
  toSa = take(R << 2) - saved;
  toQkv = take(R * strideQ) - saved;
  toP = take(<usize>pairs * H) - saved;
  toHeads = take(R * strideA) - saved;
  toB = take(R * strideC) - saved;
  toSb = take(R << 2) - saved;
  toHidden = take(R * strideF) - saved;
  savedBytes = top - saved;
  take(savedBytes * (L - 1));

  dx = take(R * strideC);
  dNormed = take(R * strideC);
  dHidden = take(R * strideF);
  dQkv = take(R * strideQ);
  dHeads = take(R * strideA);
  const most = max(longest, T);
  scratchT = take(<usize>Dp * strideOf(most));
  scratchP = take(<usize>padded(longest) * strideOf(longest));
  cacheBytes = <usize>(T + 4) * strideQ;
  cache = take(cacheBytes * L);

  if (total > MOST_BYTES) return false;
  const pages = (top + 65535) >>> 16;
  const have = <usize>memory.size();
  return pages <= have || memory.grow(<i32>(pages - have)) >= 0;
}
