// Tokens as the views call them.

import { data } from '../state/run.ts';
import { visible } from './tokenizer.tsx';

/** `BOS`, or the character. */
export function tokenName(id: number): string {
  const chars = data.value?.chars ?? [];
  return id === chars.length ? 'BOS' : visible(chars[id] ?? '?');
}

/** In one letter: BOS is a dot. */
export function axisName(id: number): string {
  const name = tokenName(id);
  return name === 'BOS' ? '·' : name;
}

/** What the model has seen at position `row`, BOS first: `“an”`. */
export function seenAt(tokens: readonly number[], row: number): string {
  const text = tokens
    .slice(1, row + 1)
    .map(tokenName)
    .join('');
  return text === '' ? 'the beginning' : `“${text}”`;
}
