// Reverse-mode differentiation, graph to graph: walks the nodes backwards and lets each op add the
// nodes of its derivative. What comes out is one graph that computes the loss and every gradient.

import type { Graph, Node, Tensor } from './graph.ts';

/**
 * Gradients of the scalar that `loss` computes with respect to `wrt`, in its order; null where the
 * loss does not depend on one. The gradient of the scalar itself is 1: the op of `loss` is given
 * null in its place. Where a tensor is used several times, `add` sums the contributions to the gradient `of` it.
 */
export function gradients(
  graph: Graph,
  loss: Node,
  wrt: readonly Tensor[],
  add: (a: Tensor, b: Tensor, of: Tensor) => Tensor,
): (Tensor | null)[] {
  const forward = graph.nodes.slice(0, graph.nodes.indexOf(loss) + 1);
  const gradientOf = new Map<Tensor, Tensor>();

  for (const node of forward.toReversed()) {
    const douts = node.outputs.map((output) => gradientOf.get(output) ?? null);
    const reached = node === loss || douts.some((dout) => dout !== null);
    if (!reached || !node.op.vjp) continue;
    graph.where = node.where;
    node.op.vjp(graph, node, douts).forEach((contribution, i) => {
      if (contribution === null) return;
      const input = node.inputs[i];
      const sum = gradientOf.get(input);
      gradientOf.set(input, sum ? add(sum, contribution, input) : contribution);
    });
  }
  return wrt.map((tensor) => gradientOf.get(tensor) ?? null);
}
