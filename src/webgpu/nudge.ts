// Firefox looks for the GPU's answers every 100 ms, and whenever something is submitted. A readback takes 100 ms there, however
// short the work: ten steps or ten tokens a second. Submitting nothing now and then brings the answer within some milliseconds of the
// work's end (measured in Firefox 153 on a software adapter: 100 ms to 0.2–4 ms). This can go when a map of finished work
// resolves in Firefox without it.

const LOOKS_SELDOM = typeof navigator !== 'undefined' && /\bFirefox\//.test(navigator.userAgent);

/** Milliseconds between two looks; browsers make 4 of less where timers follow one another. */
const EVERY_MS = 2;

/** What `promise`, an answer of the device, gives; makes the browser look for it where it would do so too seldom. */
export async function nudged<T>(
  { queue }: GPUDevice,
  promise: Promise<T>,
  needed = LOOKS_SELDOM,
): Promise<T> {
  if (!needed) return promise;
  const timer = setInterval(() => queue.submit([]), EVERY_MS);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}
