// From a plan to instructions on rows. Each op of the graph becomes one instruction, or none: what follows a product (a sum, relu, the
// derivative of relu) is applied when the result is stored, an instruction adds its gradient to those already there, and weights that
// share a matrix take one product. Gradients of weights, which sum over rows, are only noted: see programs.ts.

import type { Node, Tensor } from '../graph/graph.ts';
import type { Plan } from '../graph/plan.ts';
import { LoweringError } from './axes.ts';
import { Buffer } from './instructions.ts';
import type { Code, Instruction, Operand, Word } from './instructions.ts';
import { strideOf } from './weights.ts';
import type { Matrix, Weights } from './weights.ts';

/** What is done to a result before it is stored, by the op that says so: Finish of src/cpu/wasm/matmul.ts; from 4 on of elements.ts. */
const FINISH = { store: 0, add: 1, relu: 2, relu_grad: 3, gelu: 4, gelu_grad: 5 } as const;
type Finish = keyof typeof FINISH;

/** Rows of numbers in memory. Offsets, strides and widths are in bytes. */
export interface Rows {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly stride: number;
  readonly width: number;
}

export const all = (buffer: Buffer, use: Operand['use'] = 'read'): Operand => ({ buffer, offset: 0, use });
export const read = ({ buffer, offset }: Rows): Operand => ({ buffer, offset, use: 'read' });
const write = (rows: Rows): Operand => ({ ...read(rows), use: 'write' });
/** Read, and perhaps overwritten by the result. */
const spend = (rows: Rows): Operand => ({ ...read(rows), spent: rows.offset === 0 });

/** What is there before a program runs, by name: regions of the plan and outputs of `batch`; and `losses` of the rows, for the result. */
export type Given = Readonly<Record<string, Buffer>>;

/** A part of the gradient of a parameter: an outer product over rows, or rows summed by the ids of a table. */
export type GradientTerm =
  { readonly dout: Rows; readonly x: Rows } | { readonly dout: Rows; readonly ids: Buffer };

/** Attention with q, k and v side by side, and their gradients as well. */
interface Heads {
  readonly H: number;
  /** Channels of a head. */
  readonly D: number;
  /** Of all heads, padded, in bytes. */
  readonly width: number;
  readonly qkv: Rows;
  readonly dqkv: Rows;
  /** Weights of every pair of rows, which the derivative wants. */
  readonly p: Buffer;
}

/** q, k or v (0, 1, 2) of rows of all three. */
function part({ width }: Heads, rows: Rows, i: number): Rows {
  return { ...rows, offset: i * width, width };
}

export class Lowering {
  readonly instructions: Instruction[] = [];
  /** By parameter, in the order in which they are made. */
  readonly gradients = new Map<number, readonly GradientTerm[]>();
  /** Multiply-adds of a row, and of a row for each other of its document. */
  rowWork = 0;
  pairWork = 0;
  /** Channels of the widest head, padded. */
  headWidth = 0;

  readonly #users = new Map<Tensor, Node[]>();
  readonly #kept = new Set<Tensor>();
  readonly #places = new Map<Tensor, Rows>();
  readonly #ids = new Map<Tensor, Buffer>();
  readonly #terms = new Map<Tensor, readonly GradientTerm[]>();
  readonly #norms = new Map<Tensor, { readonly out: Rows; readonly factors: Buffer }>();
  /** By the tensor of its rows' means and factors: what went into a norm with weights, and the terms of the weights' gradient. */
  readonly #affineNorms = new Map<Tensor, { readonly x: Rows; readonly stats: Buffer; products?: Rows }>();
  #zeros: Buffer | undefined;
  /** What relu has made of a tensor. */
  readonly #relus = new Map<Tensor, Tensor>();
  readonly #heads = new Map<Node, Heads>();
  readonly #multiplied = new Set<Matrix>();
  readonly #weights: Weights;
  readonly #given: Given;
  readonly #rows: number;
  readonly #pairs: number;

  /** At most `rows` rows, and in all documents `pairs` bytes of attention weights of a head; none where one row after another is decoded. */
  constructor(plan: Plan, weights: Weights, given: Given, rows: number, pairs = 0) {
    this.#weights = weights;
    this.#given = given;
    this.#rows = rows;
    this.#pairs = pairs;
    const nodes = plan.dispatches.map(({ node }) => node);
    const note = (tensor: Tensor, name: string) => {
      if (given[name] !== undefined) this.#ids.set(tensor, given[name]);
    };
    const gradients = new Map<Tensor, number>();
    for (const { node, inputs, outputs } of plan.dispatches) {
      if (node.op.name === 'relu') this.#relus.set(node.inputs[0], node.outputs[0]);
      if (node.op.name === 'batch') node.outputs.forEach((tensor, i) => note(tensor, node.op.outputs[i]));
      node.inputs.forEach((tensor, i) => note(tensor, plan.buffers[inputs[i].buffer].name));
      outputs.forEach(({ buffer, offset }, i) => {
        const { kind, name } = plan.buffers[buffer];
        if (kind === 'region') this.#kept.add(node.outputs[i]);
        if (name === 'gradients') gradients.set(node.outputs[i], weights.indexAt(offset));
      });
    }
    for (const node of nodes) {
      for (const tensor of this.#inputs(node)) {
        const users = this.#users.get(tensor);
        if (users) users.push(node);
        else this.#users.set(tensor, [node]);
      }
    }
    for (const node of nodes) if (/^attention(_decode)?$/.test(node.op.name)) this.#placeHeads(node);
    for (const node of nodes) {
      if (!this.#waits(node)) this.#lower(node);
      for (const tensor of node.outputs) {
        const index = gradients.get(tensor);
        if (index !== undefined) this.gradients.set(index, this.#terms.get(tensor)!);
      }
    }
  }

  /** Where the rows of a tensor lie, which get a place when they are first asked for. */
  place(tensor: Tensor): Rows {
    let rows = this.#places.get(tensor);
    if (rows === undefined) {
      rows = this.#take(4 * this.#weights.axes.of(tensor).columns.padded);
      this.#places.set(tensor, rows);
    }
    return rows;
  }

  #take(width: number): Rows {
    const stride = strideOf(width / 4);
    return { buffer: new Buffer(this.#rows * stride, `rows of ${stride}`), offset: 0, stride, width };
  }

  #emit(code: Code, words: readonly Word[], also: readonly Operand[] = []): void {
    this.instructions.push({ code, words, also });
  }

  /** The inputs of a node; the derivative of relu looks at what relu made, which is positive where its input is. */
  #inputs({ op, inputs }: Node): readonly Tensor[] {
    if (op.name !== 'relu_grad') return inputs;
    return [this.#relus.get(inputs[0]) ?? inputs[0], ...inputs.slice(1)];
  }

  /** True where a node is lowered together with the only one that takes what it makes. */
  #waits({ op, inputs, outputs: [out] }: Node): boolean {
    const users = this.#users.get(out);
    if (users?.length !== 1 || this.#kept.has(out) || this.#terms.has(inputs[0])) return false;
    const user = users[0].op.name;
    if (op.name === 'linear') return user === 'add' || user === 'relu';
    if (op.name === 'linear_grad_x' && user === 'relu_grad') return users[0].inputs[1] === out;
    return (op.name === 'linear_grad_x' || op.name === 'rmsnorm_grad' || op.name === 'add') && user === 'add';
  }

  #lower(node: Node): void {
    const inputs = this.#inputs(node);
    const [first, second, third] = inputs;
    const [out] = node.outputs;
    switch (node.op.name) {
      case 'batch': {
        const { tokens, targets, positions, weights } = this.#given;
        const made = [tokens, targets, positions, weights].map((buffer) => all(buffer, 'write'));
        this.#emit('batch', [], made);
        break;
      }
      case 'embedding':
        this.#gather(first, third, this.place(out), false);
        this.#gather(second, inputs[3], this.place(out), true);
        break;
      case 'rmsnorm': {
        const to = this.place(out);
        const factors = new Buffer(4 * this.#rows, 'factors');
        this.#norms.set(first, { out: to, factors });
        const x = this.#alike(this.place(first), to);
        this.#emit('norm', [first.shape[1], to.width, all(factors, 'write'), spend(x), to.stride, write(to)]);
        break;
      }
      case 'layernorm': {
        const to = this.place(out);
        const stats = new Buffer(8 * this.#rows, 'stats');
        const x = this.#alike(this.place(first), to);
        this.#weights.axes.of(first).columns.expectHeads(1);
        this.#affineNorms.set(node.outputs[1], { x, stats });
        const affine = [second, third].map((tensor) => all(this.#weights.of(tensor).value));
        const words = [first.shape[1], to.width, all(stats, 'write'), spend(x), to.stride, write(to)];
        this.#emit('affineNorm', [...words, ...affine]);
        break;
      }
      case 'layernorm_grad': {
        const norm = this.#affineNorms.get(second);
        if (norm === undefined) throw new LoweringError('the derivative of a norm that is not there');
        const to = this.place(out);
        const [x, dout] = [norm.x, this.place(inputs[3])].map((rows) => this.#alike(rows, to));
        norm.products = this.#take(to.width);
        const words = [first.shape[1], to.width, all(norm.stats), read(x), to.stride, read(dout), write(to)];
        const weight = all(this.#weights.of(third).value);
        this.#emit('affineNormGrad', [...words, write(norm.products), weight]);
        break;
      }
      case 'layernorm_grad_w': {
        const products = this.#affineNorms.get(second)?.products;
        if (products === undefined) throw new LoweringError('a gradient by the weights of a norm alone');
        this.#terms.set(out, this.#sumOfRows(products));
        this.#terms.set(node.outputs[1], this.#sumOfRows(this.place(third)));
        break;
      }
      case 'bias': {
        const [x, to] = [this.place(first), this.place(out)];
        const b: Rows = { buffer: this.#weights.of(second).value, offset: 0, stride: 0, width: to.width };
        this.#elements(x, to, 'add', b);
        break;
      }
      case 'bias_grad':
        this.#terms.set(out, this.#sumOfRows(this.place(first)));
        break;
      case 'gelu':
        this.#elements(this.place(first), this.place(out), 'gelu');
        break;
      case 'gelu_grad':
        this.#elements(this.place(second), this.place(out), 'gelu_grad', this.place(first));
        break;
      case 'linear':
      case 'linear_grad_x':
      case 'rmsnorm_grad':
        this.#make(node, this.place(out), 'store');
        break;
      case 'relu':
        this.#then(first, this.place(out), 'relu');
        break;
      case 'relu_grad':
        this.#then(second, this.place(out), 'relu_grad', this.place(first));
        break;
      case 'add':
        if (this.#terms.has(first))
          this.#terms.set(out, [first, second].flatMap((tensor) => this.#terms.get(tensor)!)); // prettier-ignore
        else this.#sum(this.#summands(node), this.place(out));
        break;
      case 'linear_grad_w':
        this.#terms.set(out, [{ dout: this.place(first), x: this.place(second) }]);
        break;
      case 'embedding_grad':
        this.#terms.set(out, [{ dout: this.place(second), ids: this.#idsOf(first) }]);
        break;
      case 'attention':
        this.#attention(node);
        break;
      case 'attention_grad_q':
      case 'attention_grad_kv':
        this.#attentionGrad(node);
        break;
      case 'attention_decode':
        this.#attentionDecode(node);
        break;
      case 'softmax_loss': {
        const { targets, weights, losses } = this.#given;
        const rows = this.place(third);
        if (this.#idsOf(first) !== targets || this.#idsOf(second) !== weights)
          throw new LoweringError('a loss of other rows');
        this.#weights.axes.of(third).columns.expectHeads(1);
        const also = [all(targets), all(weights), all(losses, 'write')];
        this.#emit('crossEntropy', [third.shape[1], { ...read(rows), use: 'update' }, rows.stride], also);
        this.#places.set(node.outputs[1], rows);
        break;
      }
      case 'attention_grad_stats': // the weights were kept
      case 'loss':
      case 'sum_squares':
      case 'adam':
      case 'adam_clipped':
        break;
      default:
        throw new LoweringError(`no instruction for ${node.op.name}`);
    }
  }

  /** The gradient of a vector that was added to every row: that of a table of one row, which all rows took. */
  #sumOfRows(dout: Rows): readonly GradientTerm[] {
    this.#zeros ??= new Buffer(4 * this.#rows);
    return [{ dout, ids: this.#zeros }];
  }

  #idsOf(tensor: Tensor): Buffer {
    const ids = this.#ids.get(tensor);
    if (ids === undefined) throw new LoweringError(`${tensor.name} is not given`);
    return ids;
  }

  #gather(table: Tensor, ids: Tensor, to: Rows, adds: boolean): void {
    const { M, stride, value } = this.#weights.of(table);
    const out = { ...write(to), use: adds ? 'update' : 'write' } as const;
    const words = [to.width, Number(adds), all(value), M, stride, all(this.#idsOf(ids))];
    this.#emit('gather', [...words, out, to.stride]);
  }

  /** The same rows with the stride of `like`. */
  #alike(rows: Rows, like: Rows): Rows {
    if (rows.stride === like.stride) return rows;
    const copy = this.#take(rows.width);
    if (copy.stride !== like.stride) throw new LoweringError('rows of two strides');
    this.#elements(rows, copy, 'store');
    return copy;
  }

  #elements(from: Rows, to: Rows, finish: Finish, other = from): void {
    const operands = [spend(from), from.stride, spend(other), other.stride, write(to), to.stride];
    this.#emit('elements', [FINISH[finish], to.width, ...operands]);
  }

  /** What is done to a tensor, by the instruction that makes it if its node has waited. */
  #then(tensor: Tensor, to: Rows, finish: Finish, other?: Rows): void {
    const { node } = tensor;
    if (node && this.#waits(node)) this.#make(node, to, finish, other && this.#alike(other, to));
    else this.#elements(this.place(tensor), to, finish, other);
  }

  /** The tensors that a sum of sums adds up. */
  #summands({ inputs }: Node): Tensor[] {
    return inputs.flatMap((tensor) => {
      const { node } = tensor;
      return node?.op.name === 'add' && this.#waits(node) ? this.#summands(node) : [tensor];
    });
  }

  /** Adds up tensors: those that are there, then those whose nodes have waited. */
  #sum(tensors: readonly Tensor[], to: Rows): void {
    const waiting = tensors.flatMap(({ node }) => (node && this.#waits(node) ? [node] : []));
    const ready = tensors.filter(({ node }) => !node || !waiting.includes(node));
    let sum = ready.length > 0 ? this.place(ready[0]) : undefined;
    const rest = [...ready.slice(1), ...this.#onceEach(waiting).map(({ outputs }) => outputs[0])];
    rest.forEach((tensor, i) => {
      const target = i === rest.length - 1 ? to : this.#take(to.width);
      this.#then(tensor, target, sum ? 'add' : 'store', sum);
      sum = target;
    });
  }

  /** Of products by weights that stand in one matrix, the first: it does them all. */
  #onceEach(nodes: readonly Node[]): Node[] {
    const matrixOf = ({ op, inputs }: Node) =>
      op.name === 'linear_grad_x' ? this.#weights.of(inputs[1]) : undefined;
    return nodes.filter((node) => {
      const matrix = matrixOf(node);
      if (matrix === undefined || matrix.members.length === 1) return true;
      if (nodes.filter((other) => matrixOf(other) === matrix).length < matrix.members.length)
        throw new LoweringError('gradients of one matrix apart');
      return matrix.members[0] === this.#weights.index(node.inputs[1]);
    });
  }

  /** A product or the derivative of a norm, finished. */
  #make({ op, inputs: [first, second] }: Node, to: Rows, finish: Finish, other?: Rows): void {
    if (op.name === 'rmsnorm_grad') {
      const norm = this.#norms.get(first);
      if (norm === undefined) throw new LoweringError('the derivative of a norm that is not there');
      const [out, dout] = [norm.out, this.place(second)].map((rows) => this.#alike(rows, to));
      const rows = [read(out), to.stride, spend(dout), write(to), other ? spend(other) : 0];
      this.#emit('normGrad', [first.shape[1], to.width, all(norm.factors), ...rows]);
      return;
    }
    const forward = op.name === 'linear';
    const matrix = this.#weights.of(second);
    const { M, N, transposed, value } = matrix;
    let a = this.place(first);
    if (matrix.members.length > 1) {
      // q|k|v at once, where the first of them begins.
      if (forward && this.#multiplied.has(matrix)) return;
      this.#multiplied.add(matrix);
      if (forward) to = { ...to, offset: 0 };
      else a = { ...a, offset: 0 };
    }
    const sizes = forward ? [M, N] : [N, M];
    const operands = [read(a), a.stride, all(forward ? transposed : value), write(to), to.stride];
    this.rowWork += M * N;
    this.#emit(this.#pairs > 0 ? 'product' : 'rowProduct', [
      ...sizes,
      ...operands,
      FINISH[finish],
      spend(other ?? to),
    ]);
  }

  #headsOf(node: Node): Heads {
    let heads = this.#heads.get(node);
    if (heads === undefined) {
      const { columns } = this.#weights.axes.of(node.outputs[0]);
      const H = node.attrs.heads;
      columns.expectHeads(H);
      const [qkv, dqkv] = [0, 1].map(() => this.#take(12 * columns.padded));
      const p = new Buffer(H * this.#pairs, `weights of ${H} heads`);
      heads = { H, D: columns.size / H, width: 4 * columns.padded, qkv, dqkv, p };
      this.#heads.set(node, heads);
      this.headWidth = Math.max(this.headWidth, columns.padded / H);
    }
    return heads;
  }

  /** Has q, k and v made where attention wants them: what is no product, or wanted elsewhere as well, will be copied there. */
  #placeHeads(node: Node): void {
    const heads = this.#headsOf(node);
    node.inputs.slice(0, 3).forEach((tensor, i) => {
      if (tensor.node?.op.name === 'linear' && !this.#places.has(tensor))
        this.#places.set(tensor, part(heads, heads.qkv, i));
    });
  }

  #copyHeads(node: Node): Heads {
    const heads = this.#headsOf(node);
    node.inputs.slice(0, 3).forEach((tensor, i) => {
      const [from, to] = [this.place(tensor), part(heads, heads.qkv, i)];
      if (from.buffer !== to.buffer || from.offset !== to.offset) this.#elements(from, to, 'store');
    });
    return heads;
  }

  #attention(node: Node): void {
    const { H, D, qkv, p, width } = this.#copyHeads(node);
    const out = this.place(node.outputs[0]);
    this.pairWork += width / 4;
    this.#emit('attention', [H, D, all(p, 'write'), read(qkv), qkv.stride, write(out), out.stride, 0]);
  }

  /** The gradients of q, k and v, all three with the first. */
  #attentionGrad({ op, inputs, outputs }: Node): void {
    // By way of the stats and lse: the node whose derivative it is.
    const heads = this.#headsOf(inputs[4].node!.inputs[0].node!);
    const { H, D, qkv, dqkv, p, width } = heads;
    const first = op.name === 'attention_grad_q' ? 0 : 1;
    outputs.forEach((tensor, i) => this.#places.set(tensor, part(heads, dqkv, first + i)));
    if (first > 0) return;
    const dout = this.place(inputs[3]);
    this.pairWork += (5 * width) / 8;
    this.#emit('attention', [H, D, all(p), read(qkv), qkv.stride, read(dout), dout.stride, write(dqkv)]);
  }

  #attentionDecode(node: Node): void {
    const heads = this.#copyHeads(node);
    const { H, D, qkv, width } = heads;
    const [T] = node.inputs[4].shape;
    const out = this.place(node.outputs[0]);
    const [ofKeys, ofValues] = [strideOf(T), strideOf(width / 4)];
    const [keys, values] = [(width / 4) * ofKeys, T * ofValues].map((bytes) => new Buffer(bytes));
    const [q, k, v] = [0, 1, 2].map((i) => read(part(heads, qkv, i)));
    this.#emit('remember', [H, D, all(keys, 'update'), ofKeys, all(values, 'update'), ofValues, k, v]);
    this.#emit('attend', [H, D, all(keys), ofKeys, all(values), ofValues, q, write(out)]);
  }
}
