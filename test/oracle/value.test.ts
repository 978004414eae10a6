import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NodePool, Value } from '../../src/oracle/value.ts';

/** 1e-8 relative: a central difference with h = 1e-5 has an error near h² plus rounding / h. */
const DIFFERENCE_TOLERANCE = 1e-8;

const unary: [name: string, f: (a: Value) => Value, expected: (a: number) => number, at: number[]][] = [
  ['add a number', (a) => a.add(3), (a) => a + 3, [-2, 0.5]],
  ['sub a number', (a) => a.sub(3), (a) => a - 3, [-2, 0.5]],
  ['mul a number', (a) => a.mul(-3), (a) => a * -3, [-2, 0.5]],
  ['div a number', (a) => a.div(4), (a) => a / 4, [-2, 0.5]],
  ['pow -0.5', (a) => a.pow(-0.5), (a) => 1 / Math.sqrt(a), [0.3, 2]],
  ['pow 3', (a) => a.pow(3), (a) => a * a * a, [-2, 0.5]],
  ['log', (a) => a.log(), Math.log, [0.3, 2]],
  ['exp', (a) => a.exp(), Math.exp, [-2, 0.5]],
  ['relu', (a) => a.relu(), (a) => (a > 0 ? a : 0), [-2, 0.5]],
  ['neg', (a) => a.neg(), (a) => -a, [-2, 0.5]],
];

const binary: [name: string, f: (a: Value, b: Value) => Value, expected: (a: number, b: number) => number][] =
  [
    ['add', (a, b) => a.add(b), (a, b) => a + b],
    ['sub', (a, b) => a.sub(b), (a, b) => a - b],
    ['mul', (a, b) => a.mul(b), (a, b) => a * b],
    ['div', (a, b) => a.div(b), (a, b) => a / b],
  ];

describe('operations', () => {
  it.each(unary)('%s', (_, f, expected, at) => {
    for (const x of at) {
      const a = new Value(x);
      const y = f(a);
      y.backward();
      expect(y.data).toBeCloseTo(expected(x), 14);
      expectClose(a.grad, centralDifference(expected, x));
    }
  });

  it.each(binary)('%s', (_, f, expected) => {
    for (const [x, z] of [
      [1.5, -0.7],
      [-0.2, 2.5],
    ]) {
      const a = new Value(x);
      const b = new Value(z);
      const y = f(a, b);
      y.backward();
      expect(y.data).toBeCloseTo(expected(x, z), 14);
      expectClose(
        a.grad,
        centralDifference((t) => expected(t, z), x),
      );
      expectClose(
        b.grad,
        centralDifference((t) => expected(x, t), z),
      );
    }
  });

  it('relu lets nothing through at 0', () => {
    const a = new Value(0);
    a.relu().backward();
    expect(a.grad).toBe(0);
  });
});

describe('backward', () => {
  it('adds up what comes along several ways', () => {
    const a = new Value(3);
    const b = a.mul(a); // both children are the same node
    const y = b.add(a).add(b.mul(a)); // a² + a + a³
    y.backward();
    expect(a.grad).toBe(2 * 3 + 1 + 3 * 3 * 3);
  });

  it('adds to gradients that are there, and walks a graph a second time', () => {
    const a = new Value(3);
    a.mul(2).backward();
    a.mul(5).backward();
    expect(a.grad).toBe(7);
    const shared = a.mul(2);
    shared.add(1).backward();
    shared.grad = 0;
    shared.mul(4).backward(); // `shared` was met by the first walk already
    expect(a.grad).toBe(7 + 2 + 8);
  });

  it('of a leaf gives 1', () => {
    const a = new Value(3);
    a.backward();
    expect(a.grad).toBe(1);
  });

  it('goes down a million nodes', () => {
    const depth = 1_000_000;
    const a = new Value(1);
    let y = a;
    for (let i = 0; i < depth; i++) y = y.add(1);
    expect(y.data).toBe(depth + 1);
    y.backward();
    expect(a.grad).toBe(1);
  }, 60_000);

  it('goes down right children as deep', () => {
    const depth = 100_000;
    const a = new Value(1);
    const one = new Value(1);
    let y = a.mul(1);
    for (let i = 0; i < depth; i++) y = one.add(y);
    y.backward();
    expect([y.data, a.grad, one.grad]).toEqual([depth + 1, 1, depth]);
  }, 60_000);

  it('adds gradients in the order of a recursive depth-first walk, bit for bit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 6 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { minLength: 1, maxLength: 80 }),
        (numbers, operations) => {
          const graph = new RecordedGraph(numbers, operations);
          graph.values.at(-1)!.backward();
          expect(graph.values.map((value) => value.grad)).toEqual(graph.recursiveGradients());
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('NodePool', () => {
  it('gives the same results as new Values, the second time too', () => {
    const pool = new NodePool();
    const [a, b] = [new Value(1.5), new Value(-0.5)];
    const loss = () => a.mul(b).exp().add(a.relu()).div(b.pow(2).add(1)).sub(b.neg());
    const run = () => {
      a.grad = b.grad = 0;
      const y = loss();
      y.backward();
      return [y.data, a.grad, b.grad];
    };
    const expected = run();
    expect(pool.run(run)).toEqual(expected);
    pool.run(() => b.log().mul(a).add(3).mul(b)); // leaves other contents, and more nodes, behind
    expect(pool.run(run)).toEqual(expected);
  });

  it('reuses results after a run, and never leaves or what an outer run still needs', () => {
    const pool = new NodePool();
    const a = new Value(2);
    const first = pool.run(() => a.add(1));
    pool.run(() => {
      const outer = a.add(5);
      expect(outer).toBe(first);
      const inner = pool.run(() => a.add(6));
      const leaf = pool.run(() => new Value(a.add(8).data));
      expect(a.add(7)).toBe(inner);
      expect([outer.data, leaf.data, a.data]).toEqual([7, 10, 2]);
    });
    expect(a.add(9)).not.toBe(first);
  });

  it('is left when the body throws', () => {
    const pool = new NodePool();
    const a = new Value(2);
    expect(() =>
      pool.run(() => {
        throw new Error('stop');
      }),
    ).toThrow('stop');
    const kept = a.add(1);
    pool.run(() => a.add(2));
    expect(kept.data).toBe(3);
  });
});

/** A random graph, kept twice: as Values, and as a list that a plain recursive walk can follow. */
class RecordedGraph {
  readonly values: Value[];
  private readonly nodes: { children: number[]; localGrads: number[] }[];

  constructor(numbers: readonly number[], operations: readonly (readonly [number, number, boolean])[]) {
    this.values = numbers.map((x) => new Value(x));
    this.nodes = numbers.map(() => ({ children: [], localGrads: [] }));
    for (const [first, second, isProduct] of operations) {
      const a = first % this.values.length;
      const b = second % this.values.length;
      const [va, vb] = [this.values[a], this.values[b]];
      this.values.push(isProduct ? va.mul(vb) : va.add(vb));
      this.nodes.push({ children: [a, b], localGrads: isProduct ? [vb.data, va.data] : [1, 1] });
    }
  }

  recursiveGradients(): number[] {
    const order: number[] = [];
    const visited = new Set<number>();
    const visit = (node: number): void => {
      if (visited.has(node)) return;
      visited.add(node);
      for (const child of this.nodes[node].children) visit(child);
      order.push(node);
    };
    const root = this.nodes.length - 1;
    visit(root);
    const grads = this.nodes.map(() => 0);
    grads[root] = 1;
    for (const node of order.reverse()) {
      const { children, localGrads } = this.nodes[node];
      children.forEach((child, i) => (grads[child] += localGrads[i] * grads[node]));
    }
    return grads;
  }
}

function centralDifference(f: (x: number) => number, x: number): number {
  const h = 1e-5;
  return (f(x + h) - f(x - h)) / (2 * h);
}

function expectClose(got: number, expected: number): void {
  expect(Math.abs(got - expected)).toBeLessThanOrEqual(
    DIFFERENCE_TOLERANCE * Math.max(1, Math.abs(expected)),
  );
}
