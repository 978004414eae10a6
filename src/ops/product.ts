// Kernels around shaders/lib/product.wgsl: the tiles there are, the text of a kernel for one of them, and which to take.

import productLib from '../../shaders/lib/product.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import type { Attrs, Kernel, KernelLimits, Launch, Shape } from '../graph/op.ts';

/** How a workgroup shares a product: `rows` × `columns` elements in slabs of `depth`, `high` × `wide` of them an invocation's. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly high: number;
  readonly wide: number;
  /** 2: the next slab is stored while this one is read, for twice the memory and half the barriers. */
  readonly buffers: 1 | 2;
  /** How many of `depth` are written out. */
  readonly unroll: number;
  /** Elements an invocation-slot makes in a given time, against the largest tile: how well it reuses what it loads. */
  readonly rate: number;
}

function tile(rows: number, columns: number, depth: number, high: number, wide: number, rate: number): Tile {
  return { rows, columns, depth, high, wide, buffers: 1, unroll: depth, rate };
}

/**
 * From small to large. Each invocation fetches at most one piece of 4 × 4 per slab, so there are at least as many
 * invocations as pieces; and at most 256 of them, in rows of a multiple of 8 and columns of a multiple of 4.
 */
export const TILES: readonly Tile[] = [
  { ...tile(32, 32, 16, 4, 4, 0.35), unroll: 2 },
  tile(64, 64, 16, 4, 4, 0.6),
  tile(64, 64, 16, 8, 4, 0.7),
  tile(64, 64, 8, 8, 8, 0.75),
  { ...tile(64, 64, 8, 8, 8, 0.75), buffers: 2 },
  tile(128, 64, 8, 8, 8, 0.85),
  tile(64, 128, 8, 8, 8, 0.85),
  { ...tile(128, 128, 8, 8, 8, 0.95), buffers: 2 },
  tile(128, 128, 16, 8, 8, 1),
  { ...tile(128, 128, 16, 8, 8, 1), buffers: 2 },
];

/** What is taken unmeasured: one tile of each size. */
const DEFAULT_TILES: readonly Tile[] = [TILES[0], TILES[2], TILES[8]];

/** `128x128x16/8x8`, with `x2` where there are two buffers. */
export function tileName({ rows, columns, depth, high, wide, buffers }: Tile): string {
  return `${rows}x${columns}x${depth}${buffers === 2 ? 'x2' : ''}/${high}x${wide}`;
}

/** Bytes of workgroup memory. */
function tileMemory({ rows, columns, depth, buffers }: Tile): number {
  return 4 * (rows + columns) * depth * buffers;
}

/** Workgroups that a GPU is assumed to run at a time, one on each of its cores; large ones have more, small ones fewer. */
const CORES = 128;

/** The tile for products of these sizes, `[M, N, times]`, in one dispatch: the shortest by waves of workgroups. */
export function tileFor(products: readonly (readonly [M: number, N: number, times?: number])[]): Tile {
  const time = (t: Tile) => {
    let groups = 0;
    for (const [M, N, times = 1] of products) groups += times * groupsOf(M, t.rows) * groupsOf(N, t.columns);
    return (Math.ceil(groups / CORES) * t.rows * t.columns) / t.rate;
  };
  return DEFAULT_TILES.reduce((best, t) => (time(t) < time(best) ? t : best));
}

/** Tiles along a dimension. */
export function groupsOf(length: number, tileLength: number): number {
  return Math.ceil(length / tileLength);
}

/**
 * In how many parts to sum the weight gradient of (O, I) over `rows` rows: enough that a GPU has work for all its cores
 * several times over, and each part long enough that the pass which adds them up costs little (two transfers of a sum
 * for every 2 · 512 operations that made it; small ones stay in the cache). It follows from shapes alone, so
 * that all machines sum in one order.
 */
export function partsFor(O: number, I: number, rows: number): number {
  if (rows < 1024) return 1;
  const groups = groupsOf(O, 128) * groupsOf(I, 128);
  const shortest = groups === 1 ? 128 : 512;
  return Math.max(1, Math.min(16, Math.floor((4 * CORES) / groups), Math.floor(rows / shortest)));
}

/** What a kernel says of the matrix product that it is. */
export interface ProductKernel {
  readonly entry: string;
  /** Its WGSL and what it includes, but for step.wgsl and product.wgsl. */
  readonly source: string;
  readonly bindings?: readonly string[];
  /** Matrices by WGSL name, with the width of a row: an override, or a multiple of one such as `3 * C`. */
  readonly reads: Readonly<Record<string, string>>;
  readonly writes: Readonly<Record<string, string>>;
  /** Whether rows of a are normed: shaders/lib/normed_rows.wgsl is in the source. */
  readonly norm?: boolean;
  /** The values of the shader's overrides. */
  constants(shapes: readonly Shape[], attrs: Attrs, tile: Tile): Launch['constants'];
  /** The products in the dispatch: M, N, and how many of them. */
  products(
    shapes: readonly Shape[],
    attrs: Attrs,
  ): readonly (readonly [M: number, N: number, times?: number])[];
  /** Workgroups, where they are not those of one product in x and y and its parts in z. */
  workgroups?(shapes: readonly Shape[], attrs: Attrs, tile: Tile): Launch['workgroups'];
}

export function productKernel(kernel: ProductKernel): Kernel {
  const launch = (shapes: readonly Shape[], attrs: Attrs, t: Tile): Launch => {
    const constants = kernel.constants(shapes, attrs, t);
    const [[M, N, times = 1]] = kernel.products(shapes, attrs);
    const quads = (width: string) => constants[/\w+$/.exec(width)![0]] % 4 === 0;
    const widths = [...Object.values(kernel.reads), ...Object.values(kernel.writes)];
    const access = widths.every(quads) ? 'vec4' : widths.some(quads) ? 'partly vec4' : 'scalar';
    return {
      constants,
      workgroups: kernel.workgroups?.(shapes, attrs, t) ?? [
        groupsOf(N, t.columns),
        groupsOf(M, t.rows),
        times,
      ],
      variant: `${tileName(t)} ${access}`,
      source: productSource(kernel, t, quads),
    };
  };
  return {
    source: productSource(kernel, TILES[0], () => false),
    entry: kernel.entry,
    ...(kernel.bindings && { bindings: kernel.bindings }),
    launch: (shapes, attrs) => launch(shapes, attrs, tileFor(kernel.products(shapes, attrs))),
    variants: (shapes, attrs, limits) =>
      TILES.filter((t) => fits(t, limits)).map((t) => launch(shapes, attrs, t)),
  };
}

function fits(t: Tile, limits: KernelLimits): boolean {
  return tileMemory(t) <= limits.maxComputeWorkgroupStorageSize;
}

/** The kernel's text for a tile; `quads` says whether rows of a width are whole vec4, in shape and so in memory. */
function productSource(kernel: ProductKernel, t: Tile, quads: (width: string) => boolean): string {
  const large = t.unroll === t.depth ? 1 : 0;
  const numbers = {
    BM: t.rows,
    BN: t.columns,
    BK: t.depth,
    RQ: t.high / 4,
    CQ: t.wide / 4,
    BUFFERS: t.buffers,
    UNROLL: t.unroll,
    FLAT: large,
    ROLLED: 1 - large,
    AHEAD: large,
    NOT_AHEAD: 1 - large,
    NORM: kernel.norm ? 1 : 0,
    SQUARES: kernel.norm ? 16 / t.depth : 0,
  };
  const consts = Object.entries(numbers).map(([name, value]) => `const ${name} = ${value}u;\n`);
  const reads = Object.entries(kernel.reads).map(([name, width]) => readMatrix(name, width, quads(width)));
  const writes = Object.entries(kernel.writes).map(([name, width]) => writeMatrix(name, width, quads(width)));
  const product = unroll(productLib, numbers);
  return consts.join('') + stepLib + reads.join('') + writes.join('') + product + kernel.source;
}

/** `x_quad(row, column)`: four neighbours of a row from a multiple of 4 on; beyond its end its last element again. */
function readMatrix(name: string, width: string, quads: boolean): string {
  const body = quads
    ? `  return ${name}[(row * ${width} + column) / 4];`
    : `  let i = row * ${width} + column;
  let last = row * ${width} + ${width} - 1;
  return vec4f(${name}[i], ${name}[min(i + 1, last)], ${name}[min(i + 2, last)], ${name}[min(i + 3, last)]);`;
  return `
alias ${name}_item = ${quads ? 'vec4f' : 'f32'};
fn ${name}_quad(row: u32, column: u32) -> vec4f {
${body}
}
`;
}

/** `out_put(row, column, quad)`: stores four neighbours of a row, or as many as it still has. */
function writeMatrix(name: string, width: string, quads: boolean): string {
  const body = quads
    ? `  ${name}[(row * ${width} + column) / 4] = quad;`
    : `  let i = row * ${width} + column;
  let count = ${width} - column;
  ${name}[i] = quad.x;
  if (count > 1) { ${name}[i + 1] = quad.y; }
  if (count > 2) { ${name}[i + 2] = quad.z; }
  if (count > 3) { ${name}[i + 3] = quad.w; }`;
  return `
alias ${name}_item = ${quads ? 'vec4f' : 'f32'};
fn ${name}_put(row: u32, column: u32, quad: vec4f) {
${body}
}
`;
}

/** Writes out the lines between `//each i < N` and `//end` N times, innermost last, with `{i}` = 0, 1, … */
export function unroll(text: string, numbers: Readonly<Record<string, number>>): string {
  const lines = text.split('\n');
  const out: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const head = /^\s*\/\/each (\w+) < (\w+)$/.exec(lines[at]);
    if (!head) {
      out.push(lines[at]);
      continue;
    }
    const [, name, limit] = head;
    const start = at + 1;
    for (let depth = 1; depth > 0;) {
      const line = lines[++at]?.trim();
      if (line === undefined) throw new Error(`unroll: //each ${name} < ${limit} has no //end`);
      if (line.startsWith('//each ')) depth++;
      else if (line === '//end') depth--;
    }
    const body = lines.slice(start, at).join('\n');
    const times = numbers[limit] ?? Number(limit);
    for (let i = 0; i < times; i++) out.push(unroll(body.replaceAll(`{${name}}`, String(i)), numbers));
  }
  return out.join('\n');
}
