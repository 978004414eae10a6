// Ctrl-C: the first one asks for a clean end, the second one ends at once.

import { isatty } from 'node:tty';

/** 128 + SIGINT, the shell's convention; for SIGTERM and SIGHUP too, so that one status means "stopped, resume later". */
export const INTERRUPTED = 130;

/**
 * A second signal counts only this long after the first was answered, in milliseconds: keys bounce, and npm forwards signals that
 * the terminal has already sent to every process.
 */
const PAUSE = 500;

/** Without a terminal, SIGHUP cannot mean that it closed: the command was started to outlive it, with nohup for example. */
const HAS_TERMINAL = [0, 1, 2].some((fd) => isatty(fd));

export interface Interrupt {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Signals have their usual effect again, unless one has come: then the next one still ends with INTERRUPTED. */
  release(): void;
}

/** Ignores SIGHUP as nohup does, which Node undoes at its start. */
export function outliveTerminal(hasTerminal = HAS_TERMINAL): void {
  if (!hasTerminal) process.on('SIGHUP', () => {});
}

/** Takes over the signals that end a process. `onFirst` can tell the user what happens now. */
export function catchInterrupt(onFirst: () => void, hasTerminal = HAS_TERMINAL): Interrupt {
  const controller = new AbortController();
  let counts = Infinity; // from when on a second signal does
  const handle = () => {
    if (performance.now() >= counts) process.exit(INTERRUPTED);
    if (controller.signal.aborted) return;
    controller.abort();
    onFirst();
    // Signals that came while this thread was busy are all handled before this.
    setImmediate(() => (counts = performance.now() + PAUSE));
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', ...(hasTerminal ? ['SIGHUP' as const] : [])];
  for (const name of signals) process.on(name, handle);
  return {
    signal: controller.signal,
    release() {
      if (controller.signal.aborted) return;
      for (const name of signals) process.off(name, handle);
    },
  };
}
