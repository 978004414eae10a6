// What JavaScript calls. src/cpu/kernels.ts has the same signatures in TypeScript.

export { configureAdam } from './adam';
export { decode } from './decode';
export { beginTexts, takeToken, usedNumbers, writeTexts } from './generate';
export { configure } from './memory';
export { runAlone, train } from './program';
export { setPatience } from './threads';
