// Documents drawn one after the other, from numbers that lie in memory. Which token a number means is decided here in f32
// where it lies clear of the limits between tokens; where it does not, the caller decides, in f64, as microgpt.py would.
//
// Many documents begin alike. Small models of one layer keep the logits after every beginning of a few tokens. Its keys and
// values go into the cache when a longer one needs them.

import { decode, rememberToken } from './decode';
import { exp, larger, maxOfLanes, sumOfLanes } from './lanes';
import { Field, get, int, padded } from './memory';

/** Set by `beginTexts`. */
let documents: i32 = 0;
let prefix: i32 = 0;
let longest: i32 = 0;
let endToken: u32 = 0;
let inverse: f32 = 0;
let topK: i32 = 0;
/** Room for error in f32, as a share of the sum of weights. */
let margin: f32 = 0;

/** Documents done; tokens fed of the present one; numbers used; tokens written. */
let done: i32 = 0;
let fed: i32 = 0;
let used: i32 = 0;
let written: i32 = 0;

/** Tokens of the prefix that what is kept follows. */
let keptPrefix: i32 = 0;
/** Logits of the present document's next token. */
let logits: usize = 0;
/** Its beginning, a node of the tree of all: 0 before the first token; −1 where it is too long to be kept. */
let beginning: i32 = 0;
/** Its positions whose keys and values are in the cache. */
let cached: i32 = 0;

/** Beyond it f64 itself rounds scaled logits by more than `margin`. */
const LARGEST: f32 = 1e8;

const UNDECIDED: i32 = -1;

/** To be called after `prefixLength` tokens have been written to `texts`: every document begins with them. */
export function beginTexts(count: i32, prefixLength: i32, most: i32, end: u32, inverseTemperature: f64, k: i32): void {
  documents = count;
  prefix = prefixLength;
  longest = most;
  endToken = end;
  inverse = <f32>inverseTemperature;
  topK = k;
  // exp, its argument and the sums: 4e-6 for the weights, 1e-7 · 4 for each of the V that are added up.
  margin = 4e-6 + 4e-7 * <f32>int(Field.V);
  done = 0;
  used = 0;
  written = 0;
  const bytes = <usize>prefix << 2;
  for (let i = 0; i < prefix; i++) decode(load<u32>(get(Field.texts) + (<usize>i << 2)), i);
  memory.copy(get(Field.firstLogits), get(Field.logits), get(Field.logitsBytes));
  if (prefix != keptPrefix || memory.compare(get(Field.keptPrompt), get(Field.texts), bytes) != 0) {
    memory.fill(get(Field.beginningsKnown), 0, int(Field.beginningCount));
    memory.copy(get(Field.keptPrompt), get(Field.texts), bytes);
    keptPrefix = prefix;
  }
  beginDocument();
}

/** Keys, values and logits of the prefix are there. */
function beginDocument(): void {
  fed = prefix;
  cached = prefix;
  beginning = 0;
  logits = get(Field.firstLogits);
}

/** Numbers used so far. */
export function usedNumbers(): i32 {
  return used;
}

/**
 * Goes on until all documents are written, and gives true; or until a number has to be judged by the caller, who looks at
 * `logits` and calls `takeToken` and then this again. Tokens stand at `texts`, each document with its end token, if
 * it was drawn; a document of `longest` characters has none.
 */
export function writeTexts(): bool {
  while (done < documents) {
    const token = pick(load<f64>(get(Field.uniforms) + (<usize>used << 3)));
    if (token == UNDECIDED) {
      if (logits != get(Field.logits)) memory.copy(get(Field.logits), logits, get(Field.logitsBytes));
      return false;
    }
    takeToken(token);
  }
  return true;
}

/** The next token of the present document. */
export function takeToken(token: u32): void {
  used++;
  store<u32>(get(Field.texts) + (<usize>written << 2), token);
  written++;
  if (token != endToken && fed < longest) {
    fed++;
    feed(token);
    return;
  }
  done++;
  beginDocument();
}

/** Logits after `token`, which is the last of the `fed` tokens of the present document: kept ones, or made. */
function feed(token: u32): void {
  if (beginning >= 0) beginning = beginning * int(Field.V) + 1 + <i32>token;
  if (beginning > int(Field.beginningCount)) beginning = -1;
  const index = <usize>(beginning - 1);
  if (beginning > 0) {
    logits = get(Field.beginnings) + index * get(Field.logitsBytes);
    if (load<u8>(get(Field.beginningsKnown) + index) != 0) return;
  }
  for (; cached < fed - 1; cached++) {
    rememberToken(load<u32>(get(Field.texts) + (<usize>(written - fed + cached) << 2)), cached);
  }
  decode(token, cached);
  cached++;
  if (beginning > 0) {
    memory.copy(logits, get(Field.logits), get(Field.logitsBytes));
    store<u8>(get(Field.beginningsKnown) + index, 1);
  } else {
    logits = get(Field.logits);
  }
}

/** The token that the number u in [0, 1) draws by the logits, or UNDECIDED. */
function pick(u: f64): i32 {
  const weights = get(Field.weights);
  const width = <usize>padded(int(Field.V)) << 2;
  const padding = padded(int(Field.V)) - int(Field.V);
  for (let i = 0; i < padding; i++) store<f32>(logits + (<usize>(int(Field.V) + i) << 2), -f32.MAX_VALUE);
  let most = v128.load(logits);
  let least = most;
  for (let i: usize = 16; i < width; i += 16) {
    const some = v128.load(logits + i);
    most = larger(most, some);
    least = f32x4.pmin(least, some);
  }
  most = maxOfLanes(most);
  if (!i32x4.all_true(f32x4.gt(least, f32x4.splat(-Infinity)))) return UNDECIDED;
  if (!(abs<f32>(f32x4.extract_lane(most, 0)) * inverse < LARGEST)) return UNDECIDED;

  const scales = f32x4.splat(inverse);
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < width; i += 16) {
    const distance = f32x4.mul(f32x4.sub(v128.load(logits + i), most), scales);
    const e = v128.or(exp(distance), f32x4.ne(distance, distance)); // NaN stays NaN
    v128.store(weights + i, e);
    sum = f32x4.add(sum, e);
  }
  if (topK < int(Field.V)) sum = keepLargest(weights);
  const total = f32x4.extract_lane(sumOfLanes(sum), 0);
  const room = total * margin;
  const target = <f32>u * total;

  let low: f32 = 0;
  let i: usize = 0;
  for (; i < width; i += 16) {
    const next = low + f32x4.extract_lane(sumOfLanes(v128.load(weights + i)), 0);
    if (next > target) break;
    low = next;
  }
  for (const end = min(i + 16, width); i < end; i += 4) {
    const high = low + load<f32>(weights + i);
    // A comparison with NaN is false: then it is undecided as well.
    if (high > target) return target - low > room && high - target > room ? <i32>(i >>> 2) : UNDECIDED;
    low = high;
  }
  return UNDECIDED;
}

/** Makes all weights 0 but those of the `topK` largest logits, of equal ones the first; gives the sums of the rest by lanes. */
function keepLargest(weights: usize): v128 {
  // The k-th largest, bit by bit: the largest number that at least k keys reach.
  let kth: i32 = i32.MIN_VALUE;
  if (reached(0) >= topK) kth = 0;
  for (let bit: i32 = 1 << 30; bit != 0; bit >>>= 1) {
    if (reached(kth | bit) >= topK) kth |= bit;
  }
  let room = topK - (kth == i32.MAX_VALUE ? 0 : reached(kth + 1));
  for (let i = 0; i < int(Field.V); i++) {
    const key = keyOf(load<f32>(logits + (<usize>i << 2)));
    if (key > kth) continue;
    if (key == kth && room > 0) room--;
    else store<f32>(weights + (<usize>i << 2), 0);
  }
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < <usize>padded(int(Field.V)) << 2; i += 16) sum = f32x4.add(sum, v128.load(weights + i));
  return sum;
}

/** Logits whose key is at least `key`. */
function reached(key: i32): i32 {
  let count = 0;
  for (let i = 0; i < int(Field.V); i++) count += <i32>(keyOf(load<f32>(logits + (<usize>i << 2))) >= key);
  return count;
}

/** A whole number that grows with x; −0 and 0 have the same. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function keyOf(x: f32): i32 {
  const bits = reinterpret<i32>(x + 0);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}
