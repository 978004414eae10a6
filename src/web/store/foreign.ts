// A file that is brought in as a run and is something else: what it looks like, and what can be done with it.

import { CheckpointError } from '../../util/errors.ts';

/** The first bytes of files that are taken for checkpoints. */
const SIGNATURES: readonly (readonly [start: string, what: string])[] = [
  ['PK\x03\x04', 'a ZIP archive, as PyTorch’s .pt files are'],
  ['\x80\x02', 'a Python pickle, as older .pt files are'],
  ['\x1f\x8b', 'a gzip archive'],
  ['GGUF', 'a GGUF model'],
  ['\x89HDF', 'an HDF5 file'],
];

/** Bytes that are looked at. */
const LOOKED_AT = 4096;

/** Throws CheckpointError where `bytes` cannot be a safetensors file, whose header begins at byte 8 with a brace. */
export function checkSafetensors(bytes: Uint8Array, name: string): void {
  if (bytes[8] === 0x7b && bytes[7] === 0) return;
  throw new CheckpointError(`${name} is not a checkpoint: it looks like ${likeness(bytes, name)}`);
}

function likeness(bytes: Uint8Array, name: string): string {
  const expected = 'Choose a *.safetensors file of microgpt train, or of this page.';
  if (bytes.length === 0) return `an empty file. ${expected}`;
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 8));
  const known = SIGNATURES.find(([signature]) => start.startsWith(signature));
  if (known !== undefined) return `${known[1]}. ${expected}`;
  const head = bytes.subarray(0, LOOKED_AT);
  if (!isText(head)) return `something else. ${expected}`;
  if (/^\s*[[{]/.test(start))
    return 'JSON. A run’s directory is brought in by choosing all of its files together.';
  const drop = name.endsWith('.safetensors') ? '' : ', or drop it on the page'; // which takes it for a checkpoint by its name
  return `text. To train on it, choose it as the File of the Dataset${drop}.`;
}

/** UTF-8, as far as it was read, and no control characters but white space. */
function isText(head: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return !/\p{Cc}/u.test(text.replaceAll(/\s/g, '')); // white space apart
  } catch {
    return false;
  }
}
