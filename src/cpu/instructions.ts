// Programs for the kernels: instructions, the memory that they read and write, where threads must meet between them, and which buffers
// may share their place.

/** Codes from 1 on, as src/cpu/wasm/program.ts has them; 0 ends a program. */
// prettier-ignore
const CODES = [
  'batch', 'share', 'gather', 'elements', 'norm', 'normGrad', 'product', 'rowProduct', 'attention', 'crossEntropy', 'remember',
  'attend', 'weight', 'scatter', 'table', 'sum', 'squares', 'clip', 'loss', 'transpose', 'affineNorm', 'affineNormGrad', 'meet', 'again',
] as const;
export type Code = (typeof CODES)[number];

/** Memory of one kind of contents. */
export class Buffer {
  /** Set when memory is laid out. */
  address = 0;
  readonly bytes: number;
  /** Buffers of the same kind may share their place, if not at the same time. */
  readonly kind: string;

  constructor(bytes: number, kind = '') {
    this.bytes = bytes;
    this.kind = kind;
  }
}

/** A place in a buffer, and what an instruction does there. */
export interface Operand {
  readonly buffer: Buffer;
  /** In bytes. */
  readonly offset: number;
  readonly use: 'read' | 'write' | 'update';
  /** True where the instruction may write its result over it. */
  readonly spent?: boolean;
}

export type Word = number | Operand;

export interface Instruction {
  readonly code: Code;
  readonly words: readonly Word[];
  /** Read or written without being an argument. */
  readonly also: readonly Operand[];
  /**
   * Where threads share it: how. Two instructions that share one place in the same way let every thread see only what is its own.
   * Undefined where each thread does the rows of its documents.
   */
  readonly shared?: string;
  /** Blocks of 4×4 that it works on. Its first word is then the number of those before it. */
  readonly work?: number;
}

export function operandsOf({ words, also }: Instruction): Operand[] {
  return [...words.filter((word) => typeof word !== 'number'), ...also];
}

/**
 * Puts a meeting of the threads before each instruction that reads or overwrites what another thread may have written or read since the
 * last meeting, and at the end; and before instructions with work, how much of it there is until the next meeting.
 */
export function withMeetings(instructions: readonly Instruction[]): Instruction[] {
  const sections: Instruction[][] = [];
  const touched = new Map<Buffer, Instruction[]>();
  let section: Instruction[] = [];
  for (const instruction of instructions) {
    const conflicts = operandsOf(instruction).some(({ buffer, use }) =>
      touched.get(buffer)?.some((other) => {
        if (other.shared === instruction.shared) return false;
        return use !== 'read' || operandsOf(other).some((o) => o.buffer === buffer && o.use !== 'read');
      }),
    );
    if (conflicts) {
      sections.push(section);
      section = [];
      touched.clear();
    }
    section.push(instruction);
    for (const { buffer } of operandsOf(instruction)) {
      const known = touched.get(buffer);
      if (known) known.push(instruction);
      else touched.set(buffer, [instruction]);
    }
  }
  sections.push(section);
  return sections.flatMap((part) => {
    let work = 0;
    const placed = part.map((instruction): Instruction => {
      if (instruction.work === undefined) return instruction;
      const words = [work, ...instruction.words.slice(1)];
      work += instruction.work;
      return { ...instruction, words };
    });
    const share: Instruction[] = work > 0 ? [{ code: 'share', words: [work], also: [] }] : [];
    return [...share, ...placed, { code: 'meet', words: [], also: [] }];
  });
}

/**
 * Lets buffers of one kind share places where `instructions`, which run in this order, do not need them at the same time: whose place
 * each one takes. Those that are `placed` stay where they are.
 */
export function sharePlaces(
  instructions: readonly Instruction[],
  placed: ReadonlySet<Buffer>,
): Map<Buffer, Buffer> {
  const shares = ({ buffer }: Operand) => buffer.kind !== '' && !placed.has(buffer);
  const operands = instructions.map((instruction) => operandsOf(instruction).filter(shares));
  const last = new Map<Buffer, number>();
  operands.forEach((some, i) => some.forEach(({ buffer }) => last.set(buffer, i)));
  const hosts = new Map<Buffer, Buffer>();
  const free: Buffer[] = [];
  operands.forEach((some, i) => {
    const release = (dead: readonly Operand[]) => {
      for (const { buffer } of dead) {
        const host = hosts.get(buffer);
        if (last.get(buffer) === i && host !== undefined && !free.includes(host)) free.push(host);
        if (last.get(buffer) === i) last.delete(buffer);
      }
    };
    release(some.filter(({ buffer }) => some.every((other) => other.buffer !== buffer || other.spent)));
    for (const { buffer } of some) {
      if (hosts.has(buffer)) continue;
      const at = free.findLastIndex(({ kind }) => kind === buffer.kind);
      hosts.set(buffer, at < 0 ? buffer : free.splice(at, 1)[0]);
    }
    release(some);
  });
  return hosts;
}

/** Of an instruction in a program. */
function bytesOf({ words }: Instruction): number {
  return 4 * (words.length + 1);
}

/** Instructions on rows, the first of which lays out the batch: the others again and again, for some of a thread's documents at a time. */
export function inTurns(rows: readonly Instruction[]): Instruction[] {
  const bytes = rows.slice(1).reduce((sum, instruction) => sum + bytesOf(instruction), 8);
  return [...rows, { code: 'again', words: [bytes], also: [] }];
}

/** The words of a program, once all buffers have their addresses. */
export function encode(instructions: readonly Instruction[]): number[] {
  const words = instructions.flatMap((instruction) => [
    (CODES.indexOf(instruction.code) + 1) | (bytesOf(instruction) << 8),
    ...instruction.words.map((word) => (typeof word === 'number' ? word : word.buffer.address + word.offset)),
  ]);
  return [...words, 0];
}
