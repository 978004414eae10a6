import { MODEL, sizeCases, specOf } from './sizes.cases.ts';

sizeCases([
  // GPT-2's initial values: with microgpt.py's, logits begin at some hundred, beyond what f32 can keep (docs/numbers.md).
  ['768 wide, one head', specOf({ ...MODEL, nEmbd: 768, nHead: 1 }, 1, 6, 0.02)],
  ['a context of 1,024', specOf({ ...MODEL, nEmbd: 10, nHead: 2, blockSize: 1024 }, 1, 1024)],
  ['a context of 1,024, heads of 8', specOf({ ...MODEL, nHead: 2, blockSize: 1024 }, 2, [401, 97, 50])],
  ['a head of 128', specOf({ ...MODEL, nEmbd: 128, nHead: 1, blockSize: 80 }, 2, [72, 3, 34])],
  ['a vocabulary of 50,304', specOf({ ...MODEL, vocabSize: 50_304 }, 1, 8)],
]);
