// Rewriting a graph by rules. A rule is an equation between two small graphs, `plain = fused`: wherever the nodes of the
// left side occur in a graph, those of the right side replace them. Each rule is defined beside the op that it introduces.

import { Graph, nodeLabel } from './graph.ts';
import type { Node, Tensor } from './graph.ts';
import { operandNames, resultNames } from './op.ts';
import type { Op } from './op.ts';

/** Adds an op's node to a graph, or to a pattern, which has no shapes; gives its outputs. */
type Apply = (op: Op, ...inputs: Tensor[]) => readonly Tensor[];

export interface Rule {
  /** Names of the inputs of both sides. */
  readonly inputs: readonly string[];

  /** The nodes to replace. Gives the outputs that nodes outside may use; no other output may be used outside. */
  plain(apply: Apply, inputs: readonly Tensor[]): readonly Tensor[];

  /** The replacement, with the same results. `matched` are the nodes that match those of `plain`, in its order. */
  fused(graph: Graph, inputs: readonly Tensor[], matched: readonly Node[]): readonly Tensor[];

  /** Whether to apply the rule to a match; always, if absent. */
  when?(matched: readonly Node[]): boolean;
}

/** A rule that replaces the nodes of one op for which `when` holds by `other`, which gives the same outputs. */
export function exchange(
  op: Op,
  when: (node: Node) => boolean,
  other: (graph: Graph, node: Node) => readonly Tensor[],
): Rule {
  return {
    inputs: operandNames(op),
    plain: (apply, inputs) => apply(op, ...inputs),
    when: ([node]) => when(node),
    fused: (graph, _inputs, [node]) => other(graph, node),
  };
}

/**
 * Applies `rules` to `graph`, one after the other, each wherever it matches. Results keep their tensors, so references from outside
 * stay valid (`kept`: tensors that must not disappear, such as gradients).
 */
export function fuse(graph: Graph, rules: readonly Rule[], kept: ReadonlySet<Tensor>): void {
  for (const rule of rules) applyRule(graph, rule, kept);
}

interface Pattern {
  readonly inputs: readonly Tensor[];
  readonly nodes: readonly Node[];
  readonly results: readonly Tensor[];
}

/** The left side of `rule`, as nodes whose tensors are placeholders for those of a graph. */
function patternOf(rule: Rule): Pattern {
  const nodes: Node[] = [];
  const symbol = (name: string, node: Node | null): Tensor => ({ name, shape: [], dtype: 'f32', node });
  const inputs = rule.inputs.map((name) => symbol(name, null));
  const apply: Apply = (op, ...operands) => {
    const outputs: Tensor[] = [];
    const node: Node = { op, where: '', inputs: operands, outputs, attrs: {} };
    outputs.push(...resultNames(op).map((name) => symbol(name, node)));
    nodes.push(node);
    return outputs;
  };
  const results = rule.plain(apply, inputs);
  return { inputs, nodes, results };
}

function applyRule(graph: Graph, rule: Rule, kept: ReadonlySet<Tensor>): void {
  const pattern = patternOf(rule);
  const place = new Map(graph.nodes.map((node, i) => [node, i]));
  const users = usersOf(graph.nodes);
  const gone = new Set<Node>();
  /** By the last node of a match: the nodes that replace the match there. */
  const instead = new Map<Node, readonly Node[]>();

  for (const node of graph.nodes) {
    const match = findMatch(pattern, node, users, gone);
    if (!match) continue;
    const matched = pattern.nodes.map((symbol) => match.nodes.get(symbol)!);
    const results = pattern.results.map((symbol) => match.tensors.get(symbol)!);
    const swallowed = matched.flatMap(({ outputs }) => outputs.filter((tensor) => !results.includes(tensor)));
    const needed = (tensor: Tensor) =>
      kept.has(tensor) || users.get(tensor)?.some((user) => !matched.includes(user));
    if (swallowed.some(needed) || rule.when?.(matched) === false) continue;

    const inputs = pattern.inputs.map((symbol) => match.tensors.get(symbol)!);
    const own = new Graph();
    own.where = node.where;
    own.rename(rule.fused(own, inputs, matched), results);
    for (const old of matched) gone.add(old);
    instead.set(
      matched.reduce((a, b) => (place.get(a)! > place.get(b)! ? a : b)),
      own.nodes,
    );
  }
  if (gone.size === 0) return;
  const nodes = inOrder(graph.nodes, gone, instead);
  graph.nodes.length = 0;
  for (const node of nodes) graph.nodes.push(node); // one by one: a call does not take a hundred thousand arguments
}

function usersOf(nodes: readonly Node[]): Map<Tensor, Node[]> {
  const users = new Map<Tensor, Node[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const known = users.get(input);
      if (known) known.push(node);
      else users.set(input, [node]);
    }
  }
  return users;
}

/** The nodes and tensors of a graph that match those of a pattern. */
interface Match {
  readonly nodes: ReadonlyMap<Node, Node>;
  readonly tensors: ReadonlyMap<Tensor, Tensor>;
}

/** A match of the pattern whose last node is `end`, or null. Nodes that are `gone` do not count. */
function findMatch(
  pattern: Pattern,
  end: Node,
  users: ReadonlyMap<Tensor, readonly Node[]>,
  gone: ReadonlySet<Node>,
): Match | null {
  const search = (match: Match): Match | null => {
    const open = pattern.nodes.filter((node) => !match.nodes.has(node));
    if (open.length === 0) return match;
    // The next node that a matched tensor leads to: the one that made it, or one of those that take it.
    for (const symbol of open) {
      const made = symbol.outputs.find((tensor) => match.tensors.has(tensor));
      const taken = symbol.inputs.find((tensor) => match.tensors.has(tensor));
      if (!made && !taken) continue;
      const candidates = made
        ? [match.tensors.get(made)!.node]
        : (users.get(match.tensors.get(taken!)!) ?? []);
      for (const node of candidates) {
        for (const extended of node ? bind(match, symbol, node, gone) : []) {
          const found = search(extended);
          if (found) return found;
        }
      }
      return null;
    }
    const names = pattern.nodes.map(({ op }) => op.name).join(', ');
    throw new Error(`fuse: a rule's nodes ${names} are not connected`);
  };
  for (const match of bind({ nodes: new Map(), tensors: new Map() }, pattern.nodes.at(-1)!, end, gone)) {
    const found = search(match);
    if (found) return found;
  }
  return null;
}

/** `match` extended by `node` as `symbol`: in no way, one, or (if operands may be swapped) two. */
function bind(match: Match, symbol: Node, node: Node, gone: ReadonlySet<Node>): Match[] {
  if (node.op !== symbol.op || gone.has(node) || [...match.nodes.values()].includes(node)) return [];
  const orders = node.op.commutative ? [node.inputs, node.inputs.toReversed()] : [node.inputs];
  return orders.flatMap((inputs) => {
    const tensors = new Map(match.tensors);
    const symbols = [...symbol.inputs, ...symbol.outputs];
    const fits = [...inputs, ...node.outputs].every((tensor, i) => {
      const known = tensors.get(symbols[i]);
      if (!known) tensors.set(symbols[i], tensor);
      return !known || known === tensor;
    });
    return fits ? [{ nodes: new Map(match.nodes).set(symbol, node), tensors }] : [];
  });
}

/**
 * The nodes of a graph without those that are `gone`, and with their replacements: each before the first node that needs it, at
 * the latest where the last node that it replaces stood.
 */
function inOrder(
  nodes: readonly Node[],
  gone: ReadonlySet<Node>,
  instead: ReadonlyMap<Node, readonly Node[]>,
): Node[] {
  const fresh = new Set([...instead.values()].flat());
  const begun = new Set<Node>();
  const order = new Set<Node>();
  const emit = (node: Node): void => {
    begun.add(node);
    for (const { node: maker } of node.inputs) {
      if (!maker || !fresh.has(maker)) continue;
      if (!begun.has(maker)) emit(maker);
      else if (!order.has(maker)) throw new Error(`fuse: ${nodeLabel(node)} needs what comes after it`);
    }
    order.add(node);
  };
  for (const node of nodes) {
    if (!gone.has(node)) emit(node);
    for (const own of instead.get(node) ?? []) if (!begun.has(own)) emit(own);
  }
  return [...order];
}
