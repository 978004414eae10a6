// Readbacks that are answered late, as in browsers that look at their GPU only now and then. The calls still happen.

/** Runs `work`; meanwhile every mapAsync, on all devices of the process, is answered at the next multiple of `tickMs`. */
export async function withLateAnswers<T>(tickMs: number, work: () => Promise<T>): Promise<T> {
  const { prototype } = GPUBuffer;
  const original = Object.getOwnPropertyDescriptor(prototype, 'mapAsync')!;
  const mapAsync = original.value as GPUBuffer['mapAsync'];
  Object.defineProperty(prototype, 'mapAsync', {
    ...original,
    async value(this: GPUBuffer, ...args: Parameters<GPUBuffer['mapAsync']>) {
      await mapAsync.apply(this, args);
      await new Promise((resolve) => setTimeout(resolve, tickMs - (performance.now() % tickMs)));
    },
  });
  try {
    return await work();
  } finally {
    Object.defineProperty(prototype, 'mapAsync', original);
  }
}
