// A clock that stands still until something is said to have taken time: for measurements whose result is known.

import { PythonRandom } from '../../src/util/python-random.ts';

export class PlantedClock {
  private readonly random: PythonRandom;
  private readonly noise: number;
  private time = 0;

  /** What passes is off by `noise` of itself, as a standard deviation. */
  constructor(noise: number, seed = 1) {
    this.noise = noise;
    this.random = new PythonRandom(seed);
  }

  /** Microseconds. */
  readonly now = (): number => this.time;

  pass(microseconds: number): void {
    this.time += microseconds * Math.max(0.1, 1 + this.random.gauss(0, this.noise));
  }
}
