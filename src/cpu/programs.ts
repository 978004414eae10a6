// The programs of an engine: training steps, their loss or gradients alone, and decoding; from the plans of a model.

import type { Plan } from '../graph/plan.ts';
import { Buffer, inTurns, operandsOf, withMeetings } from './instructions.ts';
import type { Code, Instruction, Operand, Word } from './instructions.ts';
import { all, Lowering, read } from './lower.ts';
import type { Given, GradientTerm } from './lower.ts';
import { IN_PANELS } from './weights.ts';
import type { Matrix, Weights } from './weights.ts';

/**
 * A step, its loss alone, its gradients alone, and what makes the transposed copies of weights. `squares` is where the norm of a clipped
 * gradient is summed, `losses` where the step's loss goes.
 */
export function stepPrograms(
  plan: Plan,
  weights: Weights,
  given: Given,
  sizes: { readonly rows: number; readonly pairs: number },
  { squares, losses }: { readonly squares: Buffer; readonly losses: Buffer },
) {
  const lowering = new Lowering(plan, weights, given, sizes.rows, sizes.pairs);
  const rows = lowering.instructions;
  const clips = plan.dispatches.some(({ node }) => node.op.name === 'adam_clipped');
  const loss = shared('first thread', 'loss', [], [all(given.losses), all(losses, 'write')]);
  const [kept, spent] = [false, true].map((adam) =>
    weightGradients(weights, lowering.gradients, adam && !clips),
  );
  if (clips) {
    const gradients = weights.matrices.map(({ gradient }) => all(gradient));
    spent.push(shared('blocks', 'squares', [], [...gradients, all(squares, 'write')]));
    spent.push(shared('all', 'clip', [], [all(squares)]), ...weights.matrices.map(spendKept));
  }
  const end = rows.findIndex(({ code }) => code === 'crossEntropy') + 1;
  const { rowWork, pairWork, headWidth } = lowering;
  return {
    step: withMeetings([...inTurns(rows), ...spent, loss]),
    gradients: withMeetings([...inTurns(rows), ...kept, loss]),
    loss: [...inTurns(rows.slice(0, end)), loss],
    refresh: weights.matrices
      .filter(({ stride }) => stride === IN_PANELS)
      .map(({ M, N, value, transposed }) => shared('all', 'transpose', [M, N, all(value), all(transposed)])),
    headWidth,
    /** How the work of a row and of a pair of rows of one document compare. */
    rowCost: Math.min(2 ** 31, Math.round(rowWork / Math.max(1, pairWork))),
  };
}

function shared(how: string, code: Code, words: readonly Word[], also: readonly Operand[] = []): Instruction {
  return { code, words, also, shared: how };
}

/** The gradients of all weights. With `adam` it spends them: at once where one instruction makes them. */
function weightGradients(
  weights: Weights,
  gradients: ReadonlyMap<number, readonly GradientTerm[]>,
  adam: boolean,
): Instruction[] {
  const instructions: Instruction[] = [];
  const late: Instruction[] = [];
  const done = new Set<Matrix>();
  for (const index of gradients.keys()) {
    const matrix = weights.at(index);
    if (done.has(matrix)) continue;
    done.add(matrix);
    // The gradients of q, k and v lie side by side: one product gives those of all their weights.
    const terms = gradients.get(matrix.members[0])!.map((term) => {
      return matrix.members.length === 1 ? term : { ...term, dout: { ...term.dout, offset: 0 } };
    });
    if (adam && terms.length === 1 && 'x' in terms[0]) {
      const { dout, x } = terms[0];
      const rows = [read(dout), dout.stride, read(x), x.stride];
      instructions.push(ofWeight(matrix, 'atOnce', all(matrix.value, 'update'), rows));
      continue;
    }
    terms.forEach((term, i) => {
      const to = i === 0 ? matrix.gradient : new Buffer(matrix.gradient.bytes);
      instructions.push(keep(matrix, term, to));
      if (i === 0) return;
      const words = [to.bytes, all(matrix.gradient, 'update'), all(to)];
      instructions.push(shared('bytes', 'sum', words));
    });
    if (adam)
      (terms.length === 1 && matrix.stride !== IN_PANELS ? instructions : late).push(spendKept(matrix));
  }
  return [...instructions, ...late];
}

/** What becomes of the gradient of a weight: Spend of src/cpu/wasm/program.ts. */
const SPEND = { atOnce: 0, not: 1, kept: 2 } as const;

function ofWeight(
  { M, N, transposed }: Matrix,
  how: keyof typeof SPEND,
  to: Operand,
  rows: readonly Word[],
  also: readonly Operand[] = [],
): Instruction {
  const copy = how === 'not' ? 0 : all(transposed, 'write');
  const words = [0, SPEND[how], M, N, to, copy, ...rows];
  return { ...shared(`weight ${how}`, 'weight', words, also), work: (M * N) / 16 };
}

function keep(matrix: Matrix, term: GradientTerm, to: Buffer): Instruction {
  const { M, N, stride } = matrix;
  const dout = [read(term.dout), term.dout.stride];
  if ('ids' in term)
    return shared('columns', 'scatter', [4 * N, all(to, 'write'), M, stride, all(term.ids), ...dout]);
  return ofWeight(matrix, 'not', all(to, 'write'), [...dout, read(term.x), term.x.stride]);
}

function spendKept(matrix: Matrix): Instruction {
  const { M, N, stride, value, gradient } = matrix;
  const [w, also] = [all(value, 'update'), [all(gradient)]];
  if (stride !== IN_PANELS) return shared('columns', 'table', [4 * N, w, M, stride], also);
  return ofWeight(matrix, 'kept', w, [], also);
}

/**
 * A token in two programs: `prefix`, what depends on nothing but the token and its position, and the rest; `between` are the rows that
 * the first makes for the second. `cache` only puts keys and values into the cache; undefined where they depend on more than the prefix.
 */
export function decodePrograms(plan: Plan, weights: Weights, given: Given) {
  const lowering = new Lowering(plan, weights, given, 1);
  const prefix: Instruction[] = [];
  const rest: Instruction[] = [];
  const made = new Set<Buffer>();
  const late = new Set<Buffer>();
  for (const instruction of lowering.instructions) {
    const operands = operandsOf(instruction);
    const remembers = instruction.code === 'remember' || instruction.code === 'attend';
    const after = remembers || operands.some(({ buffer }) => late.has(buffer));
    (after ? rest : prefix).push(instruction);
    for (const { buffer, use } of operands) if (use !== 'read') (after ? late : made).add(buffer);
  }
  const { node } = plan.dispatches.find(({ outputs }) => plan.buffers[outputs[0]?.buffer]?.name === 'logits')!; // prettier-ignore
  const logits = lowering.place(node.outputs[0]).buffer;
  const wanted = [logits, ...rest.flatMap(operandsOf).map(({ buffer }) => buffer)];
  const between = new Set(wanted.filter((buffer) => made.has(buffer)));
  const cache = rest.filter(({ code }) => code === 'remember');
  const early = cache.flatMap(operandsOf).every(({ buffer, use }) => use !== 'read' || between.has(buffer));
  return { prefix, rest, between: [...between], cache: early ? cache : undefined, logits };
}
