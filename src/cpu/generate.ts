// Whole documents from the kernels: src/cpu/wasm/generate.ts draws, and asks here where f32 cannot tell.

import type { GenerateRequest } from '../engine/engine.ts';
import type { ModelConfig } from '../config/config.ts';
import { checkTokens } from '../util/engine-checks.ts';
import { ConfigError } from '../util/errors.ts';
import { drawsAtOnce } from './layout.ts';
import type { SimdMemory } from './simd-memory.ts';

/** See `Engine.generate`. */
export function generator(
  { kernels, memory, layout: { at } }: SimdMemory,
  { blockSize, vocabSize }: ModelConfig,
): (request: GenerateRequest) => number[][] {
  const capacity = drawsAtOnce(blockSize);
  const texts = new Uint32Array(memory.buffer, at.texts, capacity);
  const numbers = new Float64Array(memory.buffer, at.uniforms, capacity);
  const logits = new Float32Array(memory.buffer, at.logits, vocabSize);

  return (request) => {
    const { prefix, count, longest, end, temperature, uniforms, choose } = request;
    checkTokens(prefix, 0, blockSize, vocabSize);
    const room = longest - prefix.length + 1; // the most characters of a document beside the prompt
    if (!(room >= 1 && longest <= blockSize) || uniforms.length < count * room) {
      throw new ConfigError(
        `generate: expected a longest document of ${prefix.length} to ${blockSize} characters and ` +
          `${count * room} numbers, got ${longest} and ${uniforms.length}.`,
      );
    }
    const documents: number[][] = [];
    let used = 0;
    while (documents.length < count) {
      const now = Math.min(count - documents.length, Math.floor(capacity / room));
      numbers.set(uniforms.subarray(used, used + now * room));
      texts.set(prefix);
      kernels.beginTexts(now, prefix.length, longest, end, 1 / temperature, request.topK);
      while (kernels.writeTexts() === 0) {
        kernels.takeToken(choose(logits.slice(), uniforms[used + kernels.usedNumbers()]));
      }
      let next = 0;
      for (let d = 0; d < now; d++) {
        const document: number[] = [];
        while (document.length < room && texts[next] !== end) document.push(texts[next++]);
        documents.push(document);
        if (document.length < room) next++; // its end
      }
      used += next;
    }
    return documents;
  };
}
