// Counts calls of WebGPU while some work runs, on all devices of the process. The calls still happen.

/** The calls that make something that lives on the device. */
export const CREATIONS = [
  'createBuffer',
  'createBindGroup',
  'createBindGroupLayout',
  'createPipelineLayout',
  'createShaderModule',
  'createComputePipeline',
  'createComputePipelineAsync',
] as const;

type Calls = Record<string, number>;

/** Counts the calls of everything in `CREATIONS`, of those to queues, encoders and passes, and mapAsync, by name. */
export async function countCalls(work: () => Promise<unknown>): Promise<Calls> {
  const counted: readonly (readonly [{ readonly prototype: object }, readonly string[]])[] = [
    [GPUDevice, [...CREATIONS, 'createCommandEncoder']],
    [GPUQueue, ['submit', 'writeBuffer']],
    [GPUCommandEncoder, ['beginComputePass', 'copyBufferToBuffer']],
    [GPUComputePassEncoder, ['setPipeline', 'setBindGroup', 'dispatchWorkgroups']],
    [GPUBuffer, ['mapAsync']],
  ];
  const calls: Calls = {};
  const undo = counted.flatMap(([{ prototype }, methods]) => methods.map((m) => count(prototype, m, calls)));
  try {
    await work();
  } finally {
    for (const restore of undo) restore();
  }
  return calls;
}

function count(prototype: object, method: string, calls: Calls): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, method)!;
  const call = original.value as (...args: unknown[]) => unknown;
  calls[method] = 0;
  Object.defineProperty(prototype, method, {
    ...original,
    value(...args: unknown[]) {
      calls[method]++;
      return Reflect.apply(call, this, args);
    },
  });
  return () => void Object.defineProperty(prototype, method, original);
}
