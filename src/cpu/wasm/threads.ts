// Where the threads of a step wait for each other. All of them meet, or none goes on.

import { meeting } from './memory';

/** Looks at the turn so often, about 20 µs, before the thread goes to sleep: waking it takes about as long. */
const SPINS: i32 = 40_000;

/** How long a thread sleeps at a time, in nanoseconds. */
const NAP: i64 = 100_000_000;

/** Naps before the others are given up: a thread that is late by so much is not there any more. */
let naps: i32 = 100;

/** Waits at least `seconds` for the others. */
export function setPatience(seconds: f64): void {
  naps = <i32>Math.ceil(seconds * 1e9 / <f64>NAP);
}

/** Waits until `threads` threads have called it. What each wrote before, all can read then. False where one did not come. */
export function meet(threads: i32): bool {
  if (threads == 1) return true;
  const arrived = meeting;
  const turn = meeting + 64; // on a line of its own: the waiting threads read nothing else
  const now = atomic.load<i32>(turn);
  if (atomic.add<i32>(arrived, 1) == threads - 1) {
    atomic.store<i32>(arrived, 0);
    atomic.add<i32>(turn, 1);
    atomic.notify(turn, -1);
    return true;
  }
  for (let i = 0; i < SPINS; i++) {
    if (atomic.load<i32>(turn) != now) return true;
  }
  // Many short naps instead of a long one: the clock may have run on while the whole process stood still.
  for (let i = 0; i < naps; i++) {
    if (atomic.wait<i32>(turn, now, NAP) != AtomicWaitResult.TIMED_OUT) {
      if (atomic.load<i32>(turn) != now) return true;
      i--;
    }
  }
  return false;
}
