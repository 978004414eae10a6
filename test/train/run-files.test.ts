import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { DEFAULT_SAMPLING, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import {
  decodeModel,
  decodeRun,
  encodeRun,
  fingerprintDocuments,
  RUN_FILES,
} from '../../src/train/run-files.ts';
import type { RunFileName, RunFiles, SavedRun } from '../../src/train/run-files.ts';
import { decodeSafetensors, encodeSafetensors, type Tensor } from '../../src/train/safetensors.ts';
import { CheckpointError } from '../../src/util/errors.ts';

const DOCUMENTS = ['anna', 'bea', '𝒜rt', 'é'];
let run: SavedRun;
let files: RunFiles;

beforeAll(async () => {
  const model = { nLayer: 2, nEmbd: 4, nHead: 2, blockSize: 4 };
  const training = { ...DEFAULT_TRAINING, steps: 9 };
  const { spec, tokenizer, random } = prepareRun({ documents: DOCUMENTS, model, training });
  const engine = createOracleEngine(spec);
  const losses = await engine.advance(5);
  run = {
    config: {
      model: spec.model,
      training,
      data: { source: 'some.txt', documents: 4, sha256: await fingerprintDocuments(DOCUMENTS) },
      engine: { name: 'oracle' },
      sampling: DEFAULT_SAMPLING,
    },
    tokenizer,
    state: await engine.state(),
    random: random.getState(),
    losses,
  };
  files = encodeRun(run);
});

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function changed(name: RunFileName, change: (text: string) => string): RunFiles {
  return { ...files, [name]: new TextEncoder().encode(change(utf8(files[name]))) };
}

/** A safetensors file with some tensors replaced or, by undefined, removed. */
function withTensors(name: RunFileName, tensors: Record<string, Tensor | undefined>): RunFiles {
  const was = decodeSafetensors(files[name], name);
  const entries = Object.entries({ ...Object.fromEntries(was.tensors), ...tensors });
  const kept = entries.filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  return { ...files, [name]: encodeSafetensors({ tensors: new Map(kept), metadata: was.metadata }) };
}

/** As other programs save the same tensors. */
function withoutMetadata(bytes: Uint8Array): Uint8Array {
  return encodeSafetensors({ ...decodeSafetensors(bytes, 'file'), metadata: {} });
}

describe('the model of a run', () => {
  it('needs no metadata, no metrics and no optimizer', () => {
    const model = { ...files, 'model.safetensors': withoutMetadata(files['model.safetensors']) };
    const { parameters, random, step, config } = decodeModel(model, 'runs/a');
    expect({ parameters, random, step }).toEqual({
      parameters: run.state.parameters,
      random: run.random,
      step: undefined,
    });
    expect(config).toEqual(run.config);
    for (const optimizer of [{}, { 'optimizer.safetensors': Uint8Array.of(1, 2, 3) }]) {
      const { 'optimizer.safetensors': _, 'metrics.jsonl': __, ...rest } = files;
      expect(decodeModel({ ...rest, ...optimizer }, 'runs/a')).toMatchObject({ step: 5, random: undefined });
    }
  });
});

describe('a saved run', () => {
  it('may have byte order marks, which some editors write', () => {
    const marked = { ...files };
    for (const name of ['config.json', 'tokenizer.json', 'metrics.jsonl'] as const)
      marked[name] = Uint8Array.of(0xef, 0xbb, 0xbf, ...files[name]);
    expect(decodeRun(marked, 'runs/a').config).toEqual(run.config);
  });

  it('comes back whole', () => {
    const { tokenizer, losses, ...rest } = decodeRun(files, 'runs/a');
    const { tokenizer: was, losses: lossesWere, ...restWas } = run;
    expect(rest).toEqual(restWas);
    expect(Array.from(losses)).toEqual(Array.from(lossesWere));
    expect(tokenizer.chars).toEqual(was.chars);
  });

  it('keeps f32 parameters as F32', () => {
    const { step, parameters, m, v } = run.state;
    const state = {
      step,
      parameters: Float32Array.from(parameters),
      m: Float32Array.from(m),
      v: Float32Array.from(v),
    };
    expect(decodeRun(encodeRun({ ...run, state }), 'runs/a').state).toEqual(state);
  });

  it('keeps the random numbers with and without a pending one', () => {
    for (const gaussNext of [null, 0.25, -0]) {
      const random = { ...run.random, gaussNext };
      expect(decodeRun(encodeRun({ ...run, random }), 'runs/a').random).toEqual(random);
    }
  });

  it('from before the initial scale could be chosen has that of microgpt.py', () => {
    expect(utf8(files['config.json'])).toContain('"initScale": 0.08');
    const old = changed('config.json', (t) => t.replace(/,\s*"initScale": 0\.08/, ''));
    expect(utf8(old['config.json'])).not.toContain('initScale');
    expect(decodeRun(old, 'runs/a').config).toEqual(run.config);
  });

  it('from before gradients could be clipped has none clipped', () => {
    const old = changed('config.json', (t) => t.replace(/,\s*"clip": 0\b/, ''));
    expect(utf8(old['config.json'])).not.toContain('clip');
    expect(decodeRun(old, 'runs/a').config).toEqual(run.config);
    const training = { ...run.config.training, clip: 0.5 };
    const clipped = { ...run, config: { ...run.config, training } };
    expect(decodeRun(encodeRun(clipped), 'runs/a').config.training).toEqual(training);
  });

  it('keeps a run of no steps', () => {
    const none = { ...run, state: { ...run.state, step: 0 }, losses: [] };
    expect(decodeRun(encodeRun(none), 'runs/a').state.step).toBe(0);
  });

  it('keeps the losses of a long run', () => {
    // More than one block of lines, and losses whose texts have different lengths.
    const losses = Float64Array.from({ length: 40_000 }, (_, s) => 3 + Math.sin(s) / (s % 7));
    losses.forEach((loss, s) => (losses[s] = Number.isFinite(loss) ? loss : 3));
    const config = { ...run.config, training: { ...run.config.training, steps: 50_000 } };
    const long = { ...run, config, state: { ...run.state, step: losses.length }, losses };
    expect(Float64Array.from(decodeRun(encodeRun(long), 'runs/a').losses)).toEqual(losses);
  });

  it("has microgpt.py's names and shapes", () => {
    const { tensors } = decodeSafetensors(files['model.safetensors'], 'model');
    const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
    const V = 9; // a b e n r t é 𝒜 and BOS
    const layer = (i: number) => ({
      [`layer${i}.attn_wq`]: [4, 4],
      [`layer${i}.attn_wk`]: [4, 4],
      [`layer${i}.attn_wv`]: [4, 4],
      [`layer${i}.attn_wo`]: [4, 4],
      [`layer${i}.mlp_fc1`]: [16, 4],
      [`layer${i}.mlp_fc2`]: [4, 16],
    });
    expect(shapes).toEqual({ wte: [V, 4], wpe: [4, 4], lm_head: [V, 4], ...layer(0), ...layer(1) });
  });

  it('has a step record on each line of metrics.jsonl, at full precision', () => {
    const lines = utf8(files['metrics.jsonl']).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines).toEqual(
      Array.from(run.losses, (loss, s) => `{"type":"step","step":${s + 1},"loss":${loss}}`),
    );
  });
});

describe('a damaged run', () => {
  const three: Tensor = { shape: [3], data: new Float64Array(3) };
  const cases: [what: string, damage: () => RunFiles, message: RegExp][] = [
    ['JSON cut short', () => changed('config.json', (t) => t.slice(0, 40)), /config\.json: it is not JSON/],
    ['bytes that are not UTF-8', () => ({ ...files, 'tokenizer.json': Uint8Array.of(0xff) }), /not UTF-8/],
    [
      'a number as text',
      () => changed('config.json', (t) => t.replace('"nEmbd": 4', '"nEmbd": "4"')),
      /model\.nEmbd: .*number/,
    ],
    ['another format', () => changed('config.json', (t) => t.replace('microgpt-run-1', 'x')), /format: /],
    ['a list', () => changed('config.json', () => '[]'), /config\.json: /],
    [
      'an unknown engine',
      () => changed('config.json', (t) => t.replace('"oracle"', '"tpu"')),
      /engine\.name/,
    ],
    [
      'heads that do not divide',
      () => changed('config.json', (t) => t.replace('"nHead": 2', '"nHead": 3')),
      /n_embd 4 is not divisible/,
    ],
    [
      'more layers than tensors',
      () => changed('config.json', (t) => t.replace('"nLayer": 2', '"nLayer": 9000')),
      /tensor layer2\.attn_wq is missing\. Expected those of the configured model, with n_layer 9000: wte/,
    ],
    [
      'a width that no memory holds',
      () => changed('config.json', (t) => t.replace('"nEmbd": 4', '"nEmbd": 4000000000000')),
      /tensor wte: expected F64 \[9, 4000000000000\], as the configuration says, got F64 \[9, 4\]/,
    ],
    [
      'a block size of 0',
      () => changed('config.json', (t) => t.replace('"blockSize": 4', '"blockSize": 0')),
      /block_size/,
    ],
    [
      'a character twice',
      () => changed('tokenizer.json', (t) => t.replace('"b"', '"a"')),
      /distinct single characters/,
    ],
    [
      'a character too few',
      () => changed('tokenizer.json', (t) => t.replace('"b",', '')),
      /expected 8 characters, got 7/,
    ],
    [
      'a missing step',
      () => changed('metrics.jsonl', (t) => t.replace(/.*\n/, '')),
      /metrics\.jsonl: expected step 1, got 2/,
    ],
    [
      'metrics cut short',
      () => changed('metrics.jsonl', (t) => t.slice(0, -20)),
      /metrics\.jsonl: expected 5 steps, .* got 4/,
    ],
    [
      'a step that is no record',
      () => changed('metrics.jsonl', (t) => t.replace('"loss"', '"lost"')),
      /metrics\.jsonl line 1: loss/,
    ],
    [
      'a model cut short',
      () => ({ ...files, 'model.safetensors': files['model.safetensors'].subarray(0, -1) }),
      /model\.safetensors: expected \d+ bytes/,
    ],
    ['an empty model', () => ({ ...files, 'model.safetensors': new Uint8Array(0) }), /too few/],
    [
      'a parameter of another shape',
      () => withTensors('model.safetensors', { wpe: three }),
      /tensor wpe: expected F64 \[4, 4\], as the configuration says, got F64 \[3\]/,
    ],
    [
      'a moment missing',
      () => withTensors('optimizer.safetensors', { 'v.wpe': undefined }),
      /tensor v\.wpe is missing/,
    ],
    [
      'no head, as where it is tied to the embedding',
      () => withTensors('model.safetensors', { lm_head: undefined }),
      /tensor lm_head is missing\. Expected those of the configured model, with n_layer \d: wte, wpe, lm_head, /,
    ],
    [
      'a tensor too many',
      () => withTensors('model.safetensors', { 'layer0.bias': three }),
      /unexpected tensor "layer0\.bias"/,
    ],
    [
      'a weight that is no number',
      () =>
        withTensors('model.safetensors', {
          wpe: { shape: [4, 4], data: new Float64Array(16).fill(NaN, 6, 7) },
        }),
      /model\.safetensors: tensor wpe\[1, 2\]: expected a finite number, got NaN/,
    ],
    [
      'an infinite moment',
      () =>
        withTensors('optimizer.safetensors', {
          'm.wpe': { shape: [4, 4], data: new Float64Array(16).fill(-Infinity, 15) },
        }),
      /tensor m\.wpe\[3, 3\]: expected a finite number, got -Infinity/,
    ],
    [
      'a second moment below 0',
      () =>
        withTensors('optimizer.safetensors', {
          'v.wpe': { shape: [4, 4], data: new Float64Array(16).fill(-1) },
        }),
      /tensor v\.wpe\[0, 0\]: expected a finite number of at least 0, got -1/,
    ],
    [
      'no step',
      () => ({ ...files, 'model.safetensors': withoutMetadata(files['model.safetensors']) }),
      /its metadata has no step\. It can be sampled from, but its training cannot be resumed/,
    ],
    [
      'random numbers missing',
      () => withTensors('optimizer.safetensors', { 'random.mt': undefined }),
      /random\.mt/,
    ],
    [
      'random numbers of another length',
      () => withTensors('optimizer.safetensors', { 'random.mt': { shape: [3], data: new Uint32Array(3) } }),
      /624 words/,
    ],
    [
      'an index beyond',
      () =>
        withTensors('optimizer.safetensors', { 'random.index': { shape: [1], data: Uint32Array.of(625) } }),
      /index/,
    ],
  ];
  it.each(cases)('%s: one line that names the file', (_, damage, message) => {
    let thrown: unknown;
    try {
      decodeRun(damage(), 'runs/a');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(CheckpointError);
    expect((thrown as Error).message).toMatch(message);
    expect((thrown as Error).message).toMatch(/^runs\/a\/(config|tokenizer|metrics|model|optimizer)\./);
    expect((thrown as Error).message).not.toContain('\n');
  });

  it('is noticed where its files are of different steps', () => {
    const later = encodeRun({
      ...run,
      state: { ...run.state, step: 6 },
      losses: [...Array.from(run.losses), 1],
    });
    for (const name of ['model.safetensors', 'optimizer.safetensors', 'metrics.jsonl'] as const) {
      expect(() => decodeRun({ ...files, [name]: later[name] }, 'runs/a')).toThrow(CheckpointError);
    }
    expect(decodeRun(later, 'runs/a').state.step).toBe(6);
  });

  it('never crashes with anything but CheckpointError, whatever bytes are changed', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.constantFrom(...RUN_FILES), damage, fc.boolean(), (name, changes, cut) => {
        let bytes = files[name].slice();
        // Aimed at the first 400 bytes: beyond them most bytes are numbers, and any will do there.
        for (const [at, value] of changes) bytes[at % Math.min(bytes.length, 400)] = value;
        if (cut) bytes = bytes.slice(0, changes[0][0] % bytes.length);
        try {
          decodeRun({ ...files, [name]: bytes }, 'runs/a');
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('fingerprintDocuments', () => {
  it('is the SHA-256 of the lines', async () => {
    // printf 'anna\nbea\n' | sha256sum
    expect(await fingerprintDocuments(['anna', 'bea'])).toBe(
      'c6e0b3ad5eaefa19f0dbd862d6193faffa353d49d5220fc97c5e42fc98ef9dcb',
    );
  });

  it('tells documents apart by content, number and order', async () => {
    const all = [['ab', 'c'], ['a', 'bc'], ['abc'], ['c', 'ab'], ['ab', 'c', 'c']];
    const prints = await Promise.all(all.map(fingerprintDocuments));
    expect(new Set(prints).size).toBe(all.length);
  });
});
