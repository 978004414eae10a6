// Reading what may have been changed or damaged since it was saved: every failure is a CheckpointError that names
// the file.

import * as v from 'valibot';
import { isNewer } from '../config/schema.ts';
import { CheckpointError, MicrogptError } from '../util/errors.ts';

/** The JSON value of a text, checked. `where` names the file; `kind` its format, where that has numbers. */
export function parseJson<T extends v.GenericSchema>(
  schema: T,
  json: string,
  where: string,
  kind?: string,
): v.InferOutput<T> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw damaged(where, 'it is not JSON');
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (kind !== undefined && isNewer(kind, format)) {
    throw new CheckpointError(
      `${where}: a newer version of microgpt saved it, as ${String(format)}. Update microgpt to read it.`,
    );
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw damaged(where, `${v.getDotPath(issue) ?? 'contents'}: ${issue.message}`);
}

/** UTF-8 text, without the byte order mark that some editors put before it. */
export function readText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw damaged(where, 'it is not UTF-8 text');
  }
}

/** Runs a check whose error does not know the file. */
export function inFile<T>(where: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof MicrogptError) throw damaged(where, error.message.replace(/\.$/, ''));
    throw error;
  }
}

/** A problem quotes what stands in the file, which may be of any length. */
const LONGEST_PROBLEM = 300;

export function damaged(where: string, problem: string): CheckpointError {
  const short = problem.length > LONGEST_PROBLEM ? `${problem.slice(0, LONGEST_PROBLEM)}…` : problem;
  return new CheckpointError(
    `${where}: ${short}. The run is damaged: restore the file from a copy or train it again.`,
  );
}
