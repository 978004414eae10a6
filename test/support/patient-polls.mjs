// Dawn waits for SwiftShader with patience. While something is awaited of a device, dawn.node asks whether it is there at every
// turn of the event loop, through a native function that it gives to setImmediate: some 130,000 times a second. That is
// well for a GPU; where the device is a thread on the same cores, it takes half of their time. Here a question that follows
// another one waits a moment first: the tests of the engines take 107 s of processor time instead of 166.

/** Milliseconds. */
const PAUSE = 0.4;
/** Milliseconds within which two questions belong to one wait. */
const SOON = 0.5;

const cell = new Int32Array(new SharedArrayBuffer(4));
const queue = globalThis.setImmediate;
let last = -Infinity;

/** To be called before `webgpu` is loaded. */
export function pollPatiently() {
  /** @type {(callback: (...args: unknown[]) => void, ...args: unknown[]) => NodeJS.Immediate} */
  const patient = (callback, ...args) => {
    if (!isNative(callback)) return queue(callback, ...args);
    return queue(() => {
      if (performance.now() - last < SOON) Atomics.wait(cell, 0, 0, PAUSE);
      callback(...args);
      last = performance.now();
    });
  };
  globalThis.setImmediate = Object.assign(patient, queue);
}

/** @param {(...args: unknown[]) => void} callback */
function isNative(callback) {
  return Function.prototype.toString.call(callback).includes('[native code]');
}
