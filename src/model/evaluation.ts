// The loss of given documents, training nothing: documents are packed into rows, as in a training step, and the model's graph
// gives the surprise of each row.

import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { ModelConfig } from '../config/config.ts';

/** Some documents as rows, one for each predicted token. */
export interface DocumentRows {
  /** Rows in use; the arrays hold more. */
  rows: number;
  /** (R) each. */
  readonly tokens: Uint32Array;
  readonly targets: Uint32Array;
  readonly positions: Uint32Array;
  /** (R, 2): the first row of each row's document, and the one after its last. */
  readonly spans: Uint32Array;
}

/** Rows at a time: one document at least, and no more logits than 64 MiB hold. */
export function rowsAtOnce({ blockSize: T, vocabSize: V }: ModelConfig): number {
  return Math.max(T, Math.min(1024, Math.floor(2 ** 24 / V)));
}

/**
 * The loss of each document in nats per token: the mean over its predicted tokens, of which there are at most block_size.
 * `surprises` gives those of the rows (R) that it is given.
 */
export async function evaluateRows(
  model: ModelConfig,
  { count, tokens, offsets }: TokenizedDocuments,
  surprises: (rows: DocumentRows) => Promise<FloatArray> | FloatArray,
): Promise<Float64Array> {
  const R = rowsAtOnce(model);
  const lengthOf = (d: number) => Math.min(model.blockSize, offsets[d + 1] - offsets[d] - 1);
  const array = (size: number) => new Uint32Array(size);
  const rows = { rows: 0, tokens: array(R), targets: array(R), positions: array(R), spans: array(2 * R) };
  const losses = new Float64Array(count);
  for (let first = 0, end = 0; first < count; first = end) {
    rows.rows = 0;
    for (; end < count && rows.rows + lengthOf(end) <= R; end++) {
      const [from, n] = [rows.rows, lengthOf(end)];
      for (let t = 0; t < n; t++) {
        rows.tokens[from + t] = tokens[offsets[end] + t];
        rows.targets[from + t] = tokens[offsets[end] + t + 1];
        rows.positions[from + t] = t;
        rows.spans.set([from, from + n], 2 * (from + t));
      }
      rows.rows += n;
    }
    const nll = await surprises(rows);
    for (let d = first, row = 0; d < end; d++) {
      const n = lengthOf(d);
      let total = 0;
      for (let t = 0; t < n; t++) total += nll[row++];
      losses[d] = total / n;
    }
  }
  return losses;
}
