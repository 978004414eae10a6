// The plain CPU engine: runs the plans of src/model/gpt.ts with each op's plain loops on typed arrays.

import type { Engine, EngineSpec, TrainingState } from '../engine.ts';
import type { Rule } from '../graph/fuse.ts';
import type { CpuCall, StepScalars } from '../graph/op.ts';
import type { Plan } from '../graph/plan.ts';
import { evaluateRows, type DocumentRows } from '../model/evaluation.ts';
import { decodePlan, evaluationPlan, gpt, RING_LENGTH, ROW_REGIONS, trainingPlan } from '../model/gpt.ts';
import type { Model } from '../model/gpt.ts';
import { gatherParameters, parameterLayout, scatterParameters } from '../model/parameters.ts';
import { packCorpus } from '../ops/batch.ts';
import type { FloatArray, TensorArray } from '../util/arrays.ts';
import {
  checkAdvance,
  checkDocuments,
  checkNotDisposed,
  checkState,
  checkTokens,
} from '../util/engine-checks.ts';
import { runtimeName } from '../util/runtime.ts';

/** The engine for a checked `spec`. Rows are packed, so padding costs nothing. `rules`: of a GPU strategy, to see that they hold. */
export function createPlainEngine(
  spec: EngineSpec,
  precision: 'f32' | 'f64',
  rules: readonly Rule[] = [],
  from: Model = gpt,
): Engine {
  const { model, training, documents } = spec;
  const specs = from.parameters(model);
  const layout = parameterLayout(model, specs);
  const count = specs.reduce((sum, { size }) => sum + size, 0);

  const Float = precision === 'f64' ? Float64Array : Float32Array;
  const packed = packCorpus(documents);
  const size = { length: packed.length, documents: documents.count };
  const plan = trainingPlan(model, training, layout, size, rules, from);
  const memory = new Memory(plan, Float);
  const step: StepScalars = { index: 0, rows: 0, learningRate: 0, correction1: 0, correction2: 0 };
  const calls = memory.calls(plan, step);
  memory.region('corpus').set(packed);
  const parameters = memory.floats('parameters');
  const ring = memory.floats('ring');
  const counter = memory.region('counter');
  scatterParameters(layout, spec.parameters, parameters);

  const flat = (region: string): FloatArray => {
    const copy = new Float(count);
    gatherParameters(layout, memory.floats(region), copy);
    return copy;
  };

  // The decode plan is made at the first token: training needs none of its memory.
  let decoder: Decoder | null = null;
  let position = 0;
  const feed = (token: number): FloatArray => {
    decoder ??= new Decoder(decodePlan(model, layout, from), Float, parameters);
    return decoder.run(token, position++);
  };

  let evaluator: Evaluator | null = null;
  let disposed = false;
  return {
    info: {
      engine: 'cpu',
      description: `cpu (${precision}, plain typed arrays)`,
      precision,
      build: `plain, ${runtimeName()}`,
    },

    async advance(k) {
      checkNotDisposed(disposed);
      checkAdvance(k, counter[0], training.steps);
      position = 0;
      const losses = new Float64Array(k);
      for (let i = 0; i < k; i++) {
        const index = counter[0];
        for (const { run, call } of calls) run(call);
        losses[i] = ring[index % RING_LENGTH];
      }
      return losses;
    },

    async gradients() {
      checkNotDisposed(disposed);
      for (const { run, call, changes } of calls) if (!changes.includes('parameters')) run(call);
      return { loss: ring[counter[0] % RING_LENGTH], gradients: flat('gradients') };
    },

    async evaluate(some) {
      checkNotDisposed(disposed);
      checkDocuments(some, model.vocabSize);
      evaluator ??= new Evaluator(evaluationPlan(model, layout, rules, from), Float, parameters);
      return evaluateRows(model, some, (rows) => evaluator!.run(rows));
    },

    async parameters() {
      checkNotDisposed(disposed);
      return flat('parameters');
    },

    async state() {
      checkNotDisposed(disposed);
      return { step: counter[0], parameters: flat('parameters'), m: flat('m'), v: flat('v') };
    },

    async load(state: TrainingState) {
      checkNotDisposed(disposed);
      checkState(state, count);
      scatterParameters(layout, state.parameters, parameters);
      scatterParameters(layout, state.m, memory.floats('m'));
      scatterParameters(layout, state.v, memory.floats('v'));
      counter[0] = state.step;
      position = 0;
    },

    async prefill(tokens) {
      checkNotDisposed(disposed);
      checkTokens(tokens, 0, model.blockSize, model.vocabSize);
      position = 0;
      let logits = feed(tokens[0]);
      for (let i = 1; i < tokens.length; i++) logits = feed(tokens[i]);
      return logits;
    },

    async decode(token) {
      checkNotDisposed(disposed);
      checkTokens([token], position, model.blockSize, model.vocabSize);
      return feed(token);
    },

    dispose() {
      disposed = true;
      decoder = null;
      evaluator = null;
    },
  };
}

interface PreparedCall {
  readonly run: (call: CpuCall) => void;
  readonly call: CpuCall;
  readonly changes: readonly string[];
}

/** The buffers of a plan as typed arrays; `shared` regions belong to another plan's memory. */
class Memory {
  private readonly plan: Plan;
  private readonly arrays: TensorArray[];

  constructor(
    plan: Plan,
    Float: Float32ArrayConstructor | Float64ArrayConstructor,
    shared: ReadonlyMap<string, TensorArray> = new Map(),
  ) {
    this.plan = plan;
    this.arrays = plan.buffers.map(({ name, dtype, length }) => {
      return shared.get(name) ?? (dtype === 'u32' ? new Uint32Array(length) : new Float(length));
    });
  }

  region(name: string): TensorArray {
    const index = this.plan.buffers.findIndex((buffer) => buffer.kind === 'region' && buffer.name === name);
    return this.arrays[index];
  }

  floats(name: string): FloatArray {
    return this.region(name) as FloatArray;
  }

  /** Every dispatch of the plan, with its arrays cut out once, so that a step makes nothing new. */
  calls(plan: Plan, step: StepScalars): PreparedCall[] {
    return plan.dispatches.map(({ node, inputs, outputs, changes }) => {
      const cut = (view: (typeof inputs)[number]) =>
        this.arrays[view.buffer].subarray(view.offset, view.offset + view.length);
      const call: CpuCall = {
        inputs: inputs.map(cut),
        outputs: outputs.map(cut),
        shapes: node.inputs.map((tensor) => tensor.shape),
        attrs: node.attrs,
        step,
      };
      return { run: node.op.cpu, call, changes };
    });
  }
}

/** One token at a time, with the keys and values of the tokens before it. */
class Decoder {
  private readonly calls: PreparedCall[];
  private readonly token: TensorArray;
  private readonly position: TensorArray;
  private readonly logits: FloatArray;

  constructor(plan: Plan, Float: Float32ArrayConstructor | Float64ArrayConstructor, parameters: FloatArray) {
    const memory = new Memory(plan, Float, new Map([['parameters', parameters]]));
    this.calls = memory.calls(plan, { index: 0, rows: 1, learningRate: 0, correction1: 1, correction2: 1 });
    this.token = memory.region('token');
    this.position = memory.region('position');
    this.logits = memory.floats('logits');
  }

  run(token: number, position: number): FloatArray {
    this.token[0] = token;
    this.position[0] = position;
    for (const { run, call } of this.calls) run(call);
    return this.logits.slice();
  }
}

/** The surprise of rows. */
class Evaluator {
  private readonly memory: Memory;
  private readonly calls: PreparedCall[];
  private readonly step = { index: 0, rows: 0, learningRate: 0, correction1: 1, correction2: 1 };

  constructor(plan: Plan, Float: Float32ArrayConstructor | Float64ArrayConstructor, parameters: FloatArray) {
    this.memory = new Memory(plan, Float, new Map([['parameters', parameters]]));
    this.calls = this.memory.calls(plan, this.step);
  }

  run(rows: DocumentRows): FloatArray {
    for (const name of ROW_REGIONS) this.memory.region(name).set(rows[name]);
    this.step.rows = rows.rows;
    for (const { run, call } of this.calls) run(call);
    return this.memory.floats('nll');
  }
}
