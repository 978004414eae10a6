// Who may import whom in src/. Every import, type or value, static or dynamic, must point down this list;
// folders and modules on one line do not know each other.

import { posix } from 'node:path';
import { parseSync } from 'vite';

export const LAYERS: readonly (readonly string[])[] = [
  ['util'],
  ['config'],
  ['data', 'graph'],
  ['ops'],
  ['model'],
  ['engine/engine.ts'],
  ['engine/models.ts'],
  ['oracle', 'cpu', 'webgpu'],
  ['engine'],
  ['train'],
  ['verify'],
  ['report/schema.ts'],
  ['report/read.ts', 'report/measure', 'report/judge'],
  ['report/render'],
  ['cli', 'web'],
];

/** The one module that loads Dawn: a page must not, and the engines take the GPU object they are given. */
export const DAWN_LOADER = 'webgpu/node-gpu.ts';

/** What the build puts into the page, and a dev dependency therefore. */
export const BUNDLED = ['preact', '@preact/signals', 'uplot'];

/** Stands for the specifier of import(expression), which nobody can check. */
const COMPUTED = '(computed)';

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** All specifiers that a module imports: import, export … from, import(), import('…') types, new URL('…'). */
export function importsOf(file: string, source: string): Import[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const found: Import[] = [];
  const add = (node: unknown, from: AstNode) => {
    const { value } = (node ?? {}) as { value?: unknown };
    const specifier = typeof value === 'string' ? value : COMPUTED;
    found.push({ specifier, line: source.slice(0, from.start).split('\n').length });
  };
  walk(program, (node) => {
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'ImportExpression':
      case 'TSImportType':
        add(node.source, node);
        break;
      case 'ExportNamedDeclaration':
        if (node.source) add(node.source, node);
        break;
      case 'NewExpression': {
        // new URL('./worker.ts', import.meta.url) is how a worker is loaded
        const [path, base] = node.arguments ?? [];
        const relative = base && source.slice(base.start, base.end) === 'import.meta.url';
        if (node.callee?.name === 'URL' && relative) add(path, node);
        break;
      }
    }
  });
  return found;
}

/**
 * What is wrong with the imports of one module; each entry reads `file:line: what is wrong`.
 * `file` is relative to src/, `dependencies` are package.json's: the packages that a user's install has.
 */
export function layerViolations(file: string, source: string, dependencies: readonly string[]): string[] {
  const own = layerOf(file);
  if (own === undefined) return [`${file}: belongs to no layer of test/support/layers.ts`];
  const violations: string[] = [];
  for (const { specifier, line } of importsOf(file, source)) {
    let problem: string | undefined;
    if (specifier === COMPUTED) problem = 'imports what only run time knows: write the path out';
    else if (specifier.startsWith('.')) problem = relativeProblem(file, own, specifier);
    else problem = packageProblem(file, own, specifier, dependencies);
    if (problem) violations.push(`${file}:${line}: ${problem}`);
  }
  return violations;
}

function relativeProblem(file: string, own: Layer, specifier: string): string | undefined {
  const path = specifier.replace(/\?.*$/, ''); // Vite's ?raw, ?worker, ?url
  const target = posix.normalize(posix.join(posix.dirname(file), path));
  if (target.startsWith('../')) {
    if (target.startsWith('../shaders/') || target === '../package.json') return undefined;
    return `imports ${specifier}, which is outside src/`;
  }
  const other = layerOf(target);
  if (other === undefined) return `imports ${specifier}, which belongs to no layer`;
  if (other.name === own.name || other.rank < own.rank) return undefined;
  return `${own.name} imports ${specifier}: ${other.name} is ${other.rank > own.rank ? 'above' : 'beside'} it`;
}

function packageProblem(
  file: string,
  own: Layer,
  specifier: string,
  dependencies: readonly string[],
): string | undefined {
  if (specifier.startsWith('node:')) {
    return own.name === 'cli' ? undefined : `imports ${specifier}: only cli/ may use Node's modules`;
  }
  if (specifier === 'webgpu' && file !== DAWN_LOADER) return `imports webgpu: only ${DAWN_LOADER} loads Dawn`;
  const parts = specifier.split('/');
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
  return dependencies.includes(name) || (own.name === 'web' && BUNDLED.includes(name))
    ? undefined
    : `imports ${specifier}, which is not in package.json's dependencies`;
}

interface Layer {
  readonly name: string;
  readonly rank: number;
}

function layerOf(file: string): Layer | undefined {
  for (const [rank, names] of LAYERS.entries()) {
    const name = names.find((own) => file === own || file.startsWith(`${own}/`));
    if (name !== undefined) return { name, rank };
  }
  return undefined;
}

interface AstNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly source?: unknown;
  readonly callee?: { readonly name?: string };
  readonly arguments?: readonly AstNode[];
}

function walk(node: unknown, visit: (node: AstNode) => void): void {
  if (node === null || typeof node !== 'object') return;
  if ('type' in node && typeof node.type === 'string') visit(node as AstNode);
  for (const child of Object.values(node)) walk(child, visit);
}
