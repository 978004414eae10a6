// The documents of a step, and which thread computes which. Rows of all documents lie packed, one after the other.

import { weightBytes } from './attention';
import { Field, get, int, pairStarts, starts } from './memory';

/** Rows of the step. */
export let R: i32 = 0;
/** The chunk of this thread's documents that is being processed: first, end (exclusive); its first row and how many there are. */
export let firstDocument: i32 = 0;
export let endDocument: i32 = 0;
export let firstRow: usize = 0;
export let rows: i32 = 0;
/** The document behind the thread's last. */
let endOfThread: i32 = 0;

/** Rows at a time, so that what instructions hand on to the next ones is in the second cache still. */
const ROWS_AT_ONCE: i32 = 512;

export function startOf(b: i32): i32 {
  return load<i32>(starts + (<usize>b << 2));
}

/** Rows of document `d` of the corpus: its tokens but the last, cut to T. */
function rowsOf(d: i32): i32 {
  const at = get(Field.offsets) + (<usize>d << 2);
  return min(int(Field.T), <i32>(load<u32>(at, 4) - load<u32>(at)) - 1);
}

/** Work of n rows of one document: products grow as n, attention as n². */
function costOf(n: i32): u64 {
  return <u64>n * (get(Field.rowCost) + n);
}

/** One row, the first, as decoding has it. */
export function oneRow(): void {
  firstRow = 0;
  rows = 1;
}

/**
 * Lays out the documents (index·B … index·B + B−1) mod N: where each begins, which are those of `thread`, and tokens, targets,
 * positions and weights of their rows.
 */
export function layOut(index: u32, thread: i32, threads: i32): void {
  const B = int(Field.B);
  const N = int(Field.N);
  const first = <i32>((<u64>index * B) % N);
  let pairs: usize = 0;
  let cost: u64 = 0;
  R = 0;
  for (let b = 0, d = first; b < B; b++) {
    const n = rowsOf(d);
    store<i32>(starts + (<usize>b << 2), R);
    store<usize>(pairStarts + (<usize>b << 2), pairs);
    R += n;
    pairs += weightBytes(n);
    cost += costOf(n);
    if (++d == N) d = 0;
  }
  store<i32>(starts + (<usize>B << 2), R);

  firstDocument = 0;
  endDocument = B;
  if (threads > 1) share(thread, threads, cost);

  for (let b = firstDocument; b < endDocument; b++) {
    const n = startOf(b + 1) - startOf(b);
    const weight = <f32>(1 / (<f64>B * n));
    let text = get(Field.corpus) + (<usize>load<u32>(get(Field.offsets) + (<usize>((first + b) % N) << 2)) << 2);
    let at = <usize>startOf(b) << 2;
    for (let t = 0; t < n; t++, at += 4, text += 4) {
      store<u32>(get(Field.tokens) + at, load<u32>(text));
      store<u32>(get(Field.targets) + at, load<u32>(text, 4));
      store<u32>(get(Field.positions) + at, t);
      store<f32>(get(Field.rowWeights) + at, weight);
    }
  }
  endOfThread = endDocument;
  endDocument = firstDocument;
  rows = 0;
  nextDocuments();
}

/** Goes on to this thread's next documents. False where there are none. */
export function nextDocuments(): bool {
  if (endDocument == endOfThread) return false;
  firstDocument = endDocument;
  firstRow = startOf(firstDocument);
  while (endDocument < endOfThread && (rows = startOf(++endDocument) - <i32>firstRow) < ROWS_AT_ONCE);
  return true;
}

/** A document is the thread's in whose part of all work its middle lies. */
function share(thread: i32, threads: i32, total: u64): void {
  let before: u64 = 0;
  let b = 0;
  for (let t = 0; t <= thread; t++) {
    firstDocument = b;
    while (b < int(Field.B)) {
      const cost = costOf(startOf(b + 1) - startOf(b));
      if ((2 * before + cost) * threads >= 2 * total * (t + 1)) break;
      before += cost;
      b++;
    }
  }
  endDocument = b;
}
