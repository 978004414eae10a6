// Automatic differentiation, one number at a time.
//
// A Value is a number that remembers how it was computed: from which other Values (its children),
// and how strongly it reacts to a small change of each (the local derivatives). A whole model,
// loss included, is then one graph of Values, and `loss.backward()` walks it from the loss towards
// the parameters, multiplying local derivatives along the way. That is the chain rule, and all of
// backpropagation.
//
// This folder is the oracle of the project: the engine that the others are measured against. It
// reads like microgpt.py, in the same order and under the same names, computes in f64, and shares
// only configuration, initial values and data with the rest. It stays this simple for ever:
// whatever makes it faster and harder to read belongs in another engine.

// Marks the nodes that the present walk has met. Numbers only grow, so nothing needs unmarking.
let lastMark = 0;

export class Value {
  // A node has at most two children, so plain fields take the place of lists. Each field begins as
  // what it will be, a number or null, so that V8 keeps numbers in place; left undefined first, they
  // make a step 1.3 to 1.8 times as long.
  /** The number itself, from the forward pass. */
  data = 0;
  /** Derivative of the loss with respect to this number, from the backward pass. */
  grad = 0;
  private left: Value | null = null;
  private right: Value | null = null;
  private leftGrad = 0; // derivative of this node with respect to `left`
  private rightGrad = 0;
  private mark = 0;

  /** A leaf: a number that was not computed, such as a parameter. */
  constructor(data: number) {
    this.data = data;
  }

  /** What an operation gives: `data`, made of `left` and perhaps of `right`. */
  private static from(
    data: number,
    left: Value,
    leftGrad: number,
    right: Value | null = null,
    rightGrad = 0,
  ): Value {
    const v = activePool === null ? new Value(0) : activePool.take();
    v.data = data;
    v.grad = 0;
    v.left = left;
    v.right = right;
    v.leftGrad = leftGrad;
    v.rightGrad = rightGrad;
    return v;
  }

  // Each operation gives its result and its local derivatives. A plain number on the right is a
  // constant: nobody asks for its gradient, so it gets no node.

  /** d(a + b)/da = 1, d(a + b)/db = 1 */
  add(other: Value | number): Value {
    if (typeof other === 'number') return Value.from(this.data + other, this, 1);
    return Value.from(this.data + other.data, this, 1, other, 1);
  }

  /** d(a b)/da = b, d(a b)/db = a */
  mul(other: Value | number): Value {
    if (typeof other === 'number') return Value.from(this.data * other, this, other);
    return Value.from(this.data * other.data, this, other.data, other, this.data);
  }

  /** d(a^n)/da = n a^(n - 1), for a constant n */
  pow(n: number): Value {
    return Value.from(this.data ** n, this, n * this.data ** (n - 1));
  }

  /** d(ln a)/da = 1 / a */
  log(): Value {
    return Value.from(Math.log(this.data), this, 1 / this.data);
  }

  /** d(e^a)/da = e^a */
  exp(): Value {
    const y = Math.exp(this.data);
    return Value.from(y, this, y);
  }

  /** max(0, a): the derivative is 1 where a > 0, else 0 */
  relu(): Value {
    return Value.from(Math.max(0, this.data), this, this.data > 0 ? 1 : 0);
  }

  /** d tanh(a)/da = 1 - tanh(a)^2 */
  tanh(): Value {
    const y = Math.tanh(this.data);
    return Value.from(y, this, 1 - y * y);
  }

  // The rest is made of those, exactly as in microgpt.py, so that every rounding is the same.

  neg(): Value {
    return this.mul(-1);
  }

  sub(other: Value | number): Value {
    return typeof other === 'number' ? this.add(-other) : this.add(other.neg());
  }

  div(other: Value | number): Value {
    return typeof other === 'number' ? this.mul(other ** -1) : this.mul(other.pow(-1));
  }

  /**
   * Adds to every Value below this one the derivative of this one with respect to it.
   * A gradient that is already there is added to: that is how the documents of a batch share one
   * update, and why the optimizer sets the gradients of the parameters back to 0.
   */
  backward(): void {
    const order = this.childrenFirst();
    this.grad = 1;
    // Parents first: by the time a node passes its gradient on, all that flows into it has arrived.
    for (let i = order.length - 1; i >= 0; i--) {
      const v = order[i];
      if (v.left !== null) v.left.grad += v.leftGrad * v.grad;
      if (v.right !== null) v.right.grad += v.rightGrad * v.grad;
    }
  }

  /**
   * The nodes below this one and itself, each after its children: microgpt.py's depth-first
   * `build_topo`, whose order decides in which order gradients are added up, hence their last bits.
   * The walk keeps its own stack, because a graph may be deeper than calls can nest. Leaves (the
   * parameters) are left out: they have nothing to pass on.
   */
  private childrenFirst(): Value[] {
    const entered = ++lastMark;
    const finished = ++lastMark;
    const order: Value[] = [];
    const stack: Value[] = [this];
    while (stack.length > 0) {
      const v = stack[stack.length - 1];
      if (v.mark < entered) {
        v.mark = entered;
        // The stack gives back what came last, so the left child, which goes first, is pushed last.
        const { left, right } = v;
        if (right !== null && right.left !== null && right.mark < entered) stack.push(right);
        if (left !== null && left.left !== null && left.mark < entered) stack.push(left);
      } else {
        stack.pop();
        // A node with two parents can wait on the stack twice; only the first time counts.
        if (v.mark === entered) order.push(v);
        v.mark = finished;
      }
    }
    return order;
  }
}

let activePool: NodePool | null = null;

/**
 * Values to be used again. A training step makes tens of thousands of them, all alive until its
 * end. With new ones for every step, collecting the old ones took half of the time at microgpt.py's
 * size, and three quarters with twice the layers and 1.5 times the width.
 */
export class NodePool {
  private readonly nodes: Value[] = [];
  private used = 0;

  /**
   * Runs `body` with the results of all operations taken from this pool. They are valid until it
   * returns: what is to stay must be taken out as plain numbers, or put into leaves (`new Value`).
   */
  run<T>(body: () => T): T {
    const poolBefore = activePool;
    const usedBefore = this.used;
    activePool = this;
    try {
      return body();
    } finally {
      activePool = poolBefore;
      this.used = usedBefore;
    }
  }

  /** The next free Value, with the contents of its last use. */
  take(): Value {
    if (this.used === this.nodes.length) this.nodes.push(new Value(0));
    return this.nodes[this.used++];
  }
}
