// Ctrl-C: the first one asks for a clean end, the second one ends at once.

/** 128 + SIGINT, the shell's convention; for SIGTERM and SIGHUP too, so that one status means "stopped, go on later". */
export const INTERRUPTED = 130;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupt {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Signals have their usual effect again, unless one has come: then the next one still ends with INTERRUPTED. */
  release(): void;
}

/** Takes over the signals that end a process. `onFirst` can tell the user what happens now. */
export function catchInterrupt(onFirst: () => void): Interrupt {
  const controller = new AbortController();
  const handle = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
    onFirst();
  };
  for (const name of SIGNALS) process.on(name, handle);
  return {
    signal: controller.signal,
    release() {
      if (controller.signal.aborted) return;
      for (const name of SIGNALS) process.off(name, handle);
    },
  };
}
