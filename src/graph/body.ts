// What one workgroup does for an op inside `resident`, where whole training steps run in one dispatch: phases of WGSL on operands
// behind accessors. A body does not know whether a tensor lies in workgroup memory or in storage, nor where.
//
// WGSL of a body may use: `i`, the iteration; `rows` in use and `index` of the step; `worker` of WORKERS, the invocation;
// `moments` and `rate` of Adam; `Pack`, P channels that are read and written at once (vec4f, vec2f or f32), `add_dot(sum, a, b)` of
// two packs; shaders/lib/{norm,update,clip}.wgsl.

/** An operand as WGSL text. Places are expressions of type u32, from the start of the tensor, in elements or in packs. */
export interface Operand {
  element(at: string): string;
  pack(at: string): string;
  /** Of a tensor of integers: a u32. */
  integer(at: string): string;
  /** The statement that stores an element (a u32 where the tensor holds integers). */
  put(at: string, x: string): string;
  /** The statement that stores a pack. Gradients of parameters are only stored by packs, each by one invocation. */
  putPack(at: string, x: string): string;
}

export type Operands = Readonly<Record<string, Operand>>;

/** Gives the declaration of, and access to, the operand of `names` that the expression `which` selects. */
export type Choose = (names: readonly string[], which: string) => [declaration: string, chosen: Operand];

/** The rows of a step, on average. */
export interface StepRows {
  readonly rows: number;
  /** Rows that a row attends to. */
  readonly seen: number;
}

/**
 * Iterations of which none needs what another one writes, shared among the invocations: `perRow` for each row in use, or `times`.
 * With neither, every invocation runs the code once and shares the work by itself.
 */
export interface Phase {
  readonly perRow?: number;
  readonly times?: number;
  /** WGSL statements of iteration `i`. What they access tells the order of phases and where barriers stand. */
  code(at: Operands, choose: Choose): string;
  /** Multiply-adds of an iteration, by the rows of the step where they depend on them. */
  readonly multiplyAdds: number | ((step: StepRows) => number);
  /** Fraction of the iterations that do work: 1 unless given. */
  share?(step: StepRows): number;
  /** True where iteration i takes and changes only pack i of each operand: it may run as soon as that is there. */
  readonly packwise?: boolean;
}

export interface Body {
  /** WGSL functions that the code calls, on packs. */
  readonly lib?: string;
  /** Widths that must be whole packs. */
  readonly packed: readonly number[];
  /** Elements of tensors that only the phases share, by name. */
  readonly temporaries?: Readonly<Record<string, number>>;
  readonly phases: readonly Phase[];
}
