// How to find the fastest kernels for an adapter; tuner.ts does it.

/** Remembers choices from run to run: a file, or the browser's storage. */
export interface TuningCache {
  /** The name of a variant, or undefined. */
  get(key: string): string | undefined;
  /** Called once for each choice that was measured. */
  set(key: string, variant: string): void;
}

export interface TuningOptions {
  readonly cache?: TuningCache;
  /** No new measurement begins after so long, in milliseconds; 2,000 unless told, 0 for none. What is left keeps its default. */
  readonly budget?: number;
  /** Dispatches of fewer operations keep their default; 1e8 unless told, some tens of µs on a large GPU. */
  readonly leastFlops?: number;
  /** Also on software adapters, where times mean nothing; for tests. */
  readonly software?: boolean;
  /** Told in one line what is done. */
  readonly note?: (text: string) => void;
}
