// What the page wants of a run, for the run to look at between two steps.

export type Order = 'pause' | 'step' | 'go';

export class Orders {
  #order: Order = 'pause';
  #change = new AbortController();
  #wake = () => {};

  /** A later order replaces an earlier one. */
  give(order: Order): void {
    this.#order = order;
    this.#change.abort();
    this.#change = new AbortController();
    this.#wake();
  }

  /** Aborted by the next order. */
  get signal(): AbortSignal {
    return this.#change.signal;
  }

  get paused(): boolean {
    return this.#order === 'pause';
  }

  /** Waits for an order to train. One step is done once: a pause follows it. */
  async next(): Promise<'step' | 'go'> {
    while (this.#order === 'pause') {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const order = this.#order;
    if (order === 'step') this.#order = 'pause';
    return order;
  }
}
