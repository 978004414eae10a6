// The contract of an op: everything the graph, the engines and the tests need to know about one
// operation stands in one object, in one file of src/ops/ with its shader in shaders/.
//
// Rows. A batch of B documents of at most T tokens is packed without padding into R ≤ B·T rows, one
// per predicted token, document after document. Shapes hold the largest R; `step.rows` holds the R of
// the step at hand, and only those rows are computed. Rows beyond it hold whatever was there before.

import type { FloatArray, TensorArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import type { Body } from './body.ts';
import type { Graph, Node, Tensor } from './graph.ts';

export type DType = 'f32' | 'u32';
export type Shape = readonly number[];
export type Attrs = Readonly<Record<string, number>>;

/** The scalars of one training step. In WGSL: `struct Step` of shaders/lib/step.wgsl. */
export interface StepScalars {
  /** Number of the step, from 0. */
  index: number;
  /** R: rows in use. */
  rows: number;
  /** lr · (1 − index / steps). */
  learningRate: number;
  /** 1 − β1^(index + 1). */
  correction1: number;
  /** 1 − β2^(index + 1). */
  correction2: number;
}

/** Size in bytes of `struct Step` in WGSL, rounded up to 16. */
export const STEP_BYTES = 32;

/** One call of an op's CPU code. Arrays are flat and row-major. */
export interface CpuCall {
  /** The op's inputs, then the tensors it updates in place. */
  readonly inputs: readonly TensorArray[];
  readonly outputs: readonly TensorArray[];
  /** Shapes of `inputs`. */
  readonly shapes: readonly Shape[];
  readonly attrs: Attrs;
  /** The engine's step; `batch` fills it in, the others read it. */
  readonly step: StepScalars;
}

/** How a kernel is launched for given shapes. */
export interface Launch {
  /** Values of the shader's `override` constants. */
  readonly constants: Readonly<Record<string, number>>;
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** Which of several ways this is, for people and for the tuner's cache: `128x128x16/8x8 vec4`. */
  readonly variant?: string;
  /** WGSL in place of the kernel's own, where the variant is another text; op, variant and constants determine it. */
  readonly source?: string;
}

/** What a variant may use of a device. The names are WebGPU's. */
export interface KernelLimits {
  /** Bytes of workgroup memory. */
  readonly maxComputeWorkgroupStorageSize: number;
}

/** What every WebGPU device has. */
export const DEFAULT_KERNEL_LIMITS: KernelLimits = { maxComputeWorkgroupStorageSize: 16_384 };

/**
 * A compute shader. Binding 0 is the step (`var<uniform> step`; the op that writes it has it as
 * read_write storage), then come the inputs, the updated tensors and the outputs in the op's order,
 * under the op's names unless `bindings` gives others. Layouts are derived from the WGSL.
 */
export interface Kernel {
  /** WGSL, helpers included. */
  readonly source: string;
  readonly entry: string;
  /** WGSL variable names from binding 1 on, where they differ from the op's names. */
  readonly bindings?: readonly string[];
  /** The way that is taken where nothing was measured. It runs within `DEFAULT_KERNEL_LIMITS`. */
  launch(shapes: readonly Shape[], attrs: Attrs): Launch;
  /**
   * All ways for these shapes within `limits`, that of `launch` among them: same results, and the rows in use are those of
   * the first input. Absent where there is one only.
   */
  variants?(shapes: readonly Shape[], attrs: Attrs, limits: KernelLimits): readonly Launch[];
}

/** Input values for one call, for the parity checks of tests and `microgpt verify`. */
export interface OpCase {
  readonly shapes: readonly Shape[];
  readonly attrs: Attrs;
  /** In f64; every engine rounds them to its own precision. */
  readonly inputs: readonly (Float64Array | Uint32Array)[];
  readonly step: StepScalars;
}

export interface Op {
  /** snake_case, as in WGSL: the shader's entry point, the GPU label and the report's row. */
  readonly name: string;
  readonly inputs: readonly string[];
  /** Tensors changed in place, given after the inputs. */
  readonly updates?: readonly string[];
  readonly outputs: readonly string[];
  /** Updates that come out under another name, after the outputs: what they were before is gone, and nothing may read it any more. */
  readonly becomes?: Readonly<Record<string, string>>;
  /** True where the two inputs may be exchanged. */
  readonly commutative?: boolean;
  /** Names (of inputs, updates or outputs) that hold u32; the others hold f32. */
  readonly integers?: readonly string[];
  /** True for the op that writes the step; binding 0 is storage there. */
  readonly writesStep?: boolean;

  /** Shapes of the outputs. Throws ShapeError naming the op, `where`, what was expected and got. */
  infer(shapes: readonly Shape[], attrs: Attrs, where: string): readonly Shape[];

  /** Plain loops: the CPU engine in f32, and in f64 the reference that kernels are checked against. */
  cpu(call: CpuCall): void;

  /**
   * Gradients of the inputs as new nodes of `graph`, given the gradients of the outputs (null where
   * nothing depends on one). null for an input that has no gradient. Absent where the op has none.
   */
  vjp?(graph: Graph, node: Node, douts: readonly (Tensor | null)[]): readonly (Tensor | null)[];

  readonly kernel: Kernel;

  /** What one workgroup does for the op inside `resident`, with channels in packs of P. Absent where `resident` uses other ops. */
  body?(shapes: readonly Shape[], attrs: Attrs, P: number): Body;

  /** Floating-point operations with all rows in use; a multiply-add counts 2. */
  flops(shapes: readonly Shape[], attrs: Attrs): number;

  /** Elements that a call must at least move of the operands that it does not take as a whole, by name. */
  touches?(shapes: readonly Shape[], attrs: Attrs): Readonly<Record<string, number>>;

  /** Random inputs of random shapes, tile multiples or not. */
  example(random: PythonRandom): OpCase;
}

/** Elements of a tensor of this shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** The names of everything an op is given: inputs, then updates. */
export function operandNames(op: Op): readonly string[] {
  return op.updates ? [...op.inputs, ...op.updates] : op.inputs;
}

/** The names of everything that comes out of a node of an op: outputs, then what updates have become. */
export function resultNames(op: Op): readonly string[] {
  return op.becomes ? [...op.outputs, ...Object.values(op.becomes)] : op.outputs;
}

export function dtypeOf(op: Op, name: string): DType {
  return op.integers?.includes(name) ? 'u32' : 'f32';
}

export type { FloatArray, TensorArray };
