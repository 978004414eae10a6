// Why cells of a map are empty: a letter in each, explained once beneath.

/** Why cells were skipped, with the letter that stands for it in the map. */
export interface Reason {
  readonly mark: string;
  readonly texts: Set<string>;
}

export type SkipReasons = ReadonlyMap<string, Reason>;

/** Reasons that differ in their figures alone are one; the table has the figures. */
export function skipReasons(all: readonly (string | null)[]): SkipReasons {
  const reasons = new Map<string, Reason>();
  for (const skipped of all) {
    const kind = kindOf(skipped);
    const reason = reasons.get(kind) ?? { mark: letter(reasons.size), texts: new Set() };
    reason.texts.add(textOf(skipped));
    reasons.set(kind, reason);
  }
  return reasons;
}

/** The letter that stands for it. */
export function markOf(skipped: string | null, reasons: SkipReasons): string {
  return reasons.get(kindOf(skipped))?.mark ?? '';
}

export function reasonNotes(reasons: SkipReasons): string[] {
  return [...reasons].map(([kind, { mark, texts }]) => {
    const [text] = texts;
    return `Skipped (${mark}): ${texts.size === 1 ? text : kind}.`;
  });
}

function textOf(skipped: string | null): string {
  return (skipped ?? 'no reason given').replace(/\.$/, '');
}

function kindOf(skipped: string | null): string {
  return textOf(skipped).replace(/(?<![\w.])\d[\d.,]*(?:e[+-]?\d+)?(?!\w)/g, '…');
}

/** a … z, then numbers. */
function letter(i: number): string {
  return i < 26 ? String.fromCharCode(97 + i) : String(i - 25);
}
