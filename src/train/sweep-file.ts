// sweep.json: what was tried, on what, and how each model ended.

import * as v from 'valibot';
import {
  AXES,
  checkModelConfig,
  checkTrainingConfig,
  COMMON_NAMES,
  optionOf,
  type CommonTraining,
  type ModelConfig,
} from '../config/config.ts';
import { formatOf, formatSchema, MODEL, optionsSchema, orAbsent } from '../config/schema.ts';
import type { DataSummary } from './records.ts';
import { ENGINE, type RunConfig } from './run-files.ts';
import { damaged, inFile, parseJson, readText } from './saved-file.ts';
import { AXIS_NAMES, gridPoint, gridSize, type Axes, type GridPoint } from './sweep-grid.ts';
import { compareResults, type ModelResult } from './sweep.ts';

export interface SavedSweep {
  readonly model: ModelConfig;
  /** What all models have in common. */
  readonly training: CommonTraining;
  readonly axes: Axes;
  readonly data: DataSummary;
  readonly engine: RunConfig['engine'];
  /** Steps that the final loss of a model is the mean of. */
  readonly smoothingWindow: number;
  /** Of all models that were begun, the best first. */
  readonly results: readonly ModelResult[];
}

const FORMAT = 'microgpt-sweep';
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const axis = v.pipe(v.array(v.number()), v.minLength(1));
const SWEEP = v.object({
  format: formatSchema(FORMAT),
  model: MODEL,
  training: optionsSchema(COMMON_NAMES, {}),
  axes: v.object(
    Object.fromEntries(AXIS_NAMES.map((name) => [name, orAbsent(optionOf(name), axis, (value) => [value])])),
  ) as unknown as v.GenericSchema<unknown, Axes>,
  data: v.object({ source: v.string(), documents: count, sha256: v.string() }),
  engine: ENGINE,
  smoothingWindow: count,
  models: v.array(
    optionsSchema(AXES, {
      index: count,
      step: count,
      loss: v.exactOptional(v.number()),
      error: v.exactOptional(v.number()),
      diverged: v.exactOptional(v.boolean()),
    }),
  ),
});

/** The bytes of sweep.json. Each model is listed with its settings, for readers that do not know the grid. */
export function encodeSweep({ results, ...rest }: SavedSweep): Uint8Array {
  const models = results.map((result) => ({ ...gridPoint(rest.axes, result.index), ...result }));
  const format = formatOf(FORMAT, rest.model, rest.training, rest.axes);
  return new TextEncoder().encode(`${JSON.stringify({ format, ...rest, models }, null, 2)}\n`);
}

/** Throws CheckpointError where the file, named `where`, is damaged. */
export function decodeSweep(bytes: Uint8Array, where: string): SavedSweep {
  const { format: _, models, ...rest } = parseJson(SWEEP, readText(bytes, where), where, FORMAT);
  const { axes, model, training } = rest;
  const size = gridSize(axes);
  inFile(where, () => {
    checkModelConfig(model);
    for (const name of AXIS_NAMES) {
      for (const value of axes[name])
        checkTrainingConfig({ ...training, ...gridPoint(axes, 0), [name]: value });
    }
  });
  const results = models.map(({ index, step, loss, error, diverged, ...point }, place): ModelResult => {
    const here = `models.${place}`;
    if (index >= size) throw damaged(where, `${here}: expected an index below ${size}, got ${index}`);
    const expected: GridPoint = gridPoint(axes, index);
    const name = AXIS_NAMES.find((axisName) => point[axisName] !== expected[axisName]);
    if (name !== undefined) {
      throw damaged(
        where,
        `${here}: expected ${name} ${expected[name]} at index ${index}, got ${point[name]}`,
      );
    }
    if (step > training.steps) {
      throw damaged(where, `${here}: expected at most ${training.steps} steps, got ${step}`);
    }
    if ((loss === undefined) !== (diverged === true)) {
      throw damaged(where, `${here}: expected a loss or that it diverged`);
    }
    return {
      index,
      step,
      ...(loss === undefined ? {} : { loss }),
      ...(error === undefined ? {} : { error }),
      ...(diverged === undefined ? {} : { diverged }),
    };
  });
  const ordered = results.every((result, i) => i === 0 || compareResults(results[i - 1], result) < 0);
  if (!ordered || new Set(results.map(({ index }) => index)).size < results.length) {
    throw damaged(where, 'models: expected each once, from the best to the worst');
  }
  return { ...rest, results };
}
