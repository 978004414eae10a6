// What the tuner found, kept from run to run: a JSON file in the user's cache.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { TuningCache } from '../webgpu/tuning.ts';
import { cacheDirectory } from './data.ts';
import { errorCode, readRegular, reasonOf, writeFilesAtomically } from './files.ts';

const NAME = 'kernels.json';
/** Some thousand choices take less. */
const MOST_BYTES = 2 ** 24;
/** Raised where what was measured says nothing about the kernels of today. */
const VERSION = 1;
const CHOICES = v.object({ version: v.number(), variants: v.record(v.string(), v.string()) });

export interface KernelChoices extends TuningCache {
  /** Writes the file if something was added. A failure is noted and does no harm. */
  save(): Promise<void>;
}

/** The choices of earlier runs. A file that is damaged or of another version is not used; `note` is told of damage. */
export async function readKernelChoices(
  note: (text: string) => void,
  directory = cacheDirectory(),
): Promise<KernelChoices> {
  const path = join(directory, NAME);
  const variants = await readVariants(path, note);
  let added = false;
  return {
    get: (key) => variants.get(key),
    set(key, variant) {
      variants.set(key, variant);
      added = true;
    },
    async save() {
      if (!added) return;
      added = false;
      const text = JSON.stringify({ version: VERSION, variants: Object.fromEntries(variants) }, null, 1);
      try {
        await mkdir(directory, { recursive: true });
        await writeFilesAtomically(directory, { [NAME]: new TextEncoder().encode(`${text}\n`) });
      } catch (error) {
        note(`${path}: not kept for the next time: ${reasonOf(error)}`);
      }
    },
  };
}

async function readVariants(path: string, note: (text: string) => void): Promise<Map<string, string>> {
  try {
    const { version, variants } = v.parse(
      CHOICES,
      JSON.parse(new TextDecoder().decode(await readRegular(path, MOST_BYTES))),
    );
    return new Map(version === VERSION ? Object.entries(variants) : []);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT')
      note(`${path} is not used: ${problemOf(error)}; kernels are measured anew`);
    return new Map();
  }
}

/** In words of ours: a parser's quote what stands in the file, whatever that is. */
function problemOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'it is not JSON';
  if (error instanceof v.ValiError) return 'it does not hold the choices of kernels';
  return reasonOf(error);
}
