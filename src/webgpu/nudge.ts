// Firefox polls the GPU for finished work every 100 ms, and whenever something is submitted. So a readback takes 100 ms there, however
// short the work: ten steps or ten tokens a second. Empty submits make Firefox poll, and the readback resolves within milliseconds of
// the end of the work (Firefox 153 on a software adapter: from 100 ms to 0.2–4 ms). This can go when mapAsync resolves in
// Firefox as soon as the work is done.

const POLLS_SLOWLY = typeof navigator !== 'undefined' && /\bFirefox\//.test(navigator.userAgent);

/** Milliseconds between two empty submits; browsers raise nested timers to 4. */
const EVERY_MS = 2;

/** Awaits `promise`, such as mapAsync's, with empty submits meanwhile if the browser polls too slowly by itself. */
export async function nudged<T>(
  { queue }: GPUDevice,
  promise: Promise<T>,
  needed = POLLS_SLOWLY,
): Promise<T> {
  if (!needed) return promise;
  const timer = setInterval(() => queue.submit([]), EVERY_MS);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}
