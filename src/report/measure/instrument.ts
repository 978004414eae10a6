// Watches what an engine asks of its device: how long each call takes on the CPU, and when the GPU works. It replaces
// methods of the device's own objects while it records, and nothing the rest of the time.

import type { GpuDevice } from '../../webgpu/adapter.ts';
import { PassTimer } from '../../webgpu/timing.ts';
import type { PassTime } from '../../webgpu/timing.ts';
import type { Clock } from './session.ts';

export interface Watched {
  /** Number and total time (µs) of the calls of each method. */
  readonly calls: ReadonlyMap<string, { readonly count: number; readonly time: number }>;
  /** The passes by the GPU's clock; null where the device has no timestamps. */
  readonly passes: readonly PassTime[] | null;
}

export interface TimedDispatch extends PassTime {
  /** Label of the pipeline: the op's name. */
  readonly name: string;
}

const ENCODER = ['beginComputePass', 'copyBufferToBuffer', 'clearBuffer', 'finish'];
const PASS = ['setPipeline', 'setBindGroup', 'dispatchWorkgroups', 'end'];
const QUEUE = ['submit', 'writeBuffer'];
const BUFFER = ['getMappedRange', 'unmap'];

type Method = (...args: unknown[]) => unknown;
type Wrapper = (original: Method, name: string) => Method;

/** One device's instrument. Make it before the engines: it must know the buffers that are read back. */
export class Instrument {
  private readonly gpu: GpuDevice;
  private readonly clock: Clock;
  private readonly readbacks: GPUBuffer[] = [];
  private readonly timer: PassTimer | null;

  constructor(gpu: GpuDevice, clock: Clock) {
    this.gpu = gpu;
    this.clock = clock;
    this.timer = PassTimer.available(gpu) ? new PassTimer(gpu) : null;
    wrap(gpu.device, 'createBuffer', (original) => (descriptor) => {
      const buffer = original(descriptor) as GPUBuffer;
      if (buffer.usage & GPUBufferUsage.MAP_READ) this.readbacks.push(buffer);
      return buffer;
    });
  }

  get timestamps(): boolean {
    return this.timer !== null;
  }

  /** Counts and times every call that `work` makes of the device and what it has made, and times its passes. */
  async watch(work: () => Promise<unknown>): Promise<Watched> {
    const calls = new Map<string, { count: number; time: number }>();
    const { clock, timer } = this;
    const add = (name: string, time: number) => {
      const entry = calls.get(name);
      if (entry) {
        entry.count++;
        entry.time += time;
      } else calls.set(name, { count: 1, time });
    };
    const timed: Wrapper =
      (original, name) =>
      (...args) => {
        const start = clock();
        const result = original(...args);
        add(name, clock() - start);
        return result;
      };
    const { device } = this.gpu;
    const undo: (() => void)[] = [];
    for (const name of QUEUE) undo.push(wrap(device.queue, name, timed));
    for (const buffer of this.readbacks) {
      for (const name of BUFFER) undo.push(wrap(buffer, name, timed));
      undo.push(
        wrap(buffer, 'mapAsync', (original, name) => async (...args) => {
          const start = clock();
          await original(...args);
          add(name, clock() - start);
        }),
      );
    }
    undo.push(
      wrap(device, 'createCommandEncoder', (original, name) => (...args) => {
        const encoder = timed(original, name)(...args) as GPUCommandEncoder;
        for (const method of ENCODER) wrap(encoder, method, timed);
        wrap(encoder, 'beginComputePass', (begin) => () => {
          const pass = begin(timer ? { timestampWrites: timer.next() } : {}) as GPUComputePassEncoder;
          for (const method of PASS) wrap(pass, method, timed);
          return pass;
        });
        return encoder;
      }),
    );
    try {
      await work();
    } finally {
      for (const restore of undo) restore();
    }
    return { calls, passes: timer ? await timer.read() : null };
  }

  /** When the GPU began and ended each dispatch of `work`: each gets a pass of its own. Needs timestamps. */
  async dispatches(work: () => Promise<unknown>): Promise<TimedDispatch[]> {
    const timer = this.timer!;
    const names: string[] = [];
    const singly = (begin: Method): Method => {
      let pipeline: GPUComputePipeline;
      let bindGroup: GPUBindGroup;
      return () => ({
        setPipeline: (next: GPUComputePipeline) => (pipeline = next),
        setBindGroup: (_index: number, next: GPUBindGroup) => (bindGroup = next),
        dispatchWorkgroups(...workgroups: [number, number?, number?]) {
          names.push(pipeline.label);
          const pass = begin({ timestampWrites: timer.next() }) as GPUComputePassEncoder;
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, bindGroup);
          pass.dispatchWorkgroups(...workgroups);
          pass.end();
        },
        end() {},
      });
    };
    const restore = wrap(this.gpu.device, 'createCommandEncoder', (original) => (...args) => {
      const encoder = original(...args) as GPUCommandEncoder;
      wrap(encoder, 'beginComputePass', singly);
      return encoder;
    });
    try {
      await work();
    } finally {
      restore();
    }
    return (await timer.read()).map((time, i) => ({ ...time, name: names[i] }));
  }

  destroy(): void {
    this.timer?.destroy();
  }
}

/** Puts a method of its own over `object[name]`; gives what takes it away again. */
function wrap(object: object, name: string, wrapper: Wrapper): () => void {
  const before = Object.getOwnPropertyDescriptor(object, name);
  const method = Reflect.get(object, name) as Method;
  const original: Method = (...args) => Reflect.apply(method, object, args);
  Object.defineProperty(object, name, { configurable: true, value: wrapper(original, name) });
  return () => {
    if (before) Object.defineProperty(object, name, before);
    else Reflect.deleteProperty(object, name);
  };
}

/** Lists the buffers that are made on `device` until `stop`. */
export function watchBuffers(device: GPUDevice): { stop(): { label: string; size: number }[] } {
  const made: { label: string; size: number }[] = [];
  const restore = wrap(device, 'createBuffer', (original) => (descriptor) => {
    const buffer = original(descriptor) as GPUBuffer;
    made.push({ label: buffer.label, size: buffer.size });
    return buffer;
  });
  return {
    stop() {
      restore();
      return made;
    },
  };
}
