// Our NumPy and PyTorch versions (bench/peers) as rungs of the ladder. They come with a checkout, not with the package.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineSpec } from '../engine/engine.ts';
import { createOracleEngine } from '../oracle/engine.ts';
import type { ForeignRung } from '../report/measure/ladder-rungs.ts';
import type { Report } from '../report/schema.ts';
import { PACKAGE } from './machine.ts';
import { Peer, PEER_MODES, writeProblem } from './peer.ts';

const LABELS: Readonly<Record<string, string>> = {
  'numpy f64': 'NumPy, f64',
  'numpy f32': 'NumPy, f32',
  'torch eager': 'PyTorch, eager',
  'torch compile': 'PyTorch, compiled',
  'torch graphs': 'PyTorch, CUDA graphs',
};

/** Those that do not run here are listed with the reason. */
export function peerRungs(python: string, mode: Report['mode'], directory = PACKAGE): ForeignRung[] {
  const programs = join(directory, 'bench', 'peers');
  return PEER_MODES.map(([kind, file, how]) => ({
    id: `${kind}-${how}`,
    label: LABELS[`${kind} ${how}`],
    kind: 'peer',
    async start({ spec, window }, reference) {
      if (!existsSync(join(programs, file))) {
        return 'not installed: it comes with a checkout of the project, in bench/peers';
      }
      if (mode === 'quick' && how === 'compile') return 'left out of --quick: it compiles for long';
      // It trains from its first step on: the documents are turned so that these are of mean length.
      const { start, steps } = window(reference.length);
      const problem = turned(spec, start * spec.training.batchSize);
      const oracle = createOracleEngine(problem);
      const losses = await oracle.advance(steps);
      oracle.dispose();
      const folder = mkdtempSync(join(tmpdir(), 'microgpt-peers-'));
      try {
        writeProblem(folder, problem, losses);
        const peer = await Peer.start(`${kind} ${how}`, python, [join(programs, file), folder, how]);
        if (typeof peer === 'string') {
          return `${peer.includes('NotFound') ? 'not installed' : 'cannot run here'}: ${peer}`;
        }
        return {
          lossDifference: peer.about.maxDifference,
          round: () => peer.round(),
          stop: () => peer.stop(),
        };
      } finally {
        rmSync(folder, { recursive: true, force: true }); // it has read it
      }
    },
  }));
}

/** The same training, with the documents from number `by` on first. */
function turned(spec: EngineSpec, by: number): EngineSpec {
  const { count, tokens, offsets } = spec.documents;
  const order = Array.from({ length: count }, (_, i) => (i + by) % count);
  const own = order.map((document) => tokens.subarray(offsets[document], offsets[document + 1]));
  const turnedOffsets = new Uint32Array(count + 1);
  own.forEach((document, i) => (turnedOffsets[i + 1] = turnedOffsets[i] + document.length));
  const turnedTokens = new Uint32Array(tokens.length);
  own.forEach((document, i) => turnedTokens.set(document, turnedOffsets[i]));
  return { ...spec, documents: { count, tokens: turnedTokens, offsets: turnedOffsets } };
}
