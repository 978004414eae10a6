// The whole configuration as text, for the part of the address after #: browsers send it to no server. Only what differs
// from microgpt.py's settings is written.

import { MicrogptError } from '../../util/errors.ts';
import {
  DATA_CHOICES,
  DEFAULT_FIELDS,
  ENGINE_CHOICES,
  LAUNCH_CHOICES,
  NUMBER_FIELDS,
  quoted,
  readSettings,
  type Fields,
  type NumberField,
} from './settings.ts';

/** Characters of own text that a link carries: longer ones do not survive mail and chat. */
export const LINK_TEXT = 4000;

/** What a link is without, which makes it no wrong one. */
export const LACKS = {
  text: 'The link does not carry its text. Paste the text below.',
  file: 'The link does not carry its file. Choose the file below.',
};

const CHOICES = { data: DATA_CHOICES, engine: ENGINE_CHOICES, launch: LAUNCH_CHOICES } as const;
type ChoiceField = keyof typeof CHOICES;
const CHOICE_FIELDS = Object.keys(CHOICES) as ChoiceField[];
/** Numbers that must fit together. */
const MODEL_FIELDS = ['n_layer', 'n_embd', 'n_head', 'block_size'] as const;

/** `n_layer=2&steps=500`; '' for the defaults. */
export function writeLink(fields: Fields): string {
  const params = new URLSearchParams();
  for (const name of [...CHOICE_FIELDS, ...NUMBER_FIELDS]) {
    if (fields[name] !== DEFAULT_FIELDS[name]) params.set(name, fields[name]);
  }
  if (fields.data === 'text' && fields.text.length <= LINK_TEXT) params.set('text', fields.text);
  return params.toString();
}

/** Whether whoever opens the link gets this very run. */
export function isWhole(fields: Fields): boolean {
  return fields.data !== 'file' && (fields.data !== 'text' || fields.text.length <= LINK_TEXT);
}

/** What a link says. What it says wrongly is at its default, and named in `problems`. */
export function readLink(link: string): { fields: Fields; problems: string[] } {
  const params = new URLSearchParams(link);
  const problems: string[] = [];
  let fields: Fields = { ...DEFAULT_FIELDS, text: params.get('text') ?? '' };
  const set = (changes: Partial<Fields>) => {
    fields = { ...fields, ...changes };
  };
  for (const [name, value] of params) {
    if (isChoice(name)) {
      const allowed: readonly string[] = CHOICES[name];
      if (allowed.includes(value)) set({ [name]: value });
      else problems.push(`${name}: expected ${allowed.join(', ')}, got ${quoted(value)}.`);
    } else if (isNumber(name)) {
      const wrong = whatIsWrong({ ...DEFAULT_FIELDS, ...together(name, params), [name]: value });
      if (wrong === '') set({ [name]: value });
      else problems.push(wrong);
    } else if (name !== 'text') {
      problems.push(`${name.slice(0, 40)}: there is no such setting.`);
    }
  }
  const wrong = whatIsWrong({ ...fields, data: 'builtin' });
  if (wrong !== '') {
    problems.push(wrong);
    for (const name of MODEL_FIELDS) set({ [name]: DEFAULT_FIELDS[name] });
  }
  if (fields.data === 'text' && fields.text === '') problems.push(LACKS.text);
  if (fields.data === 'file') problems.push(LACKS.file);
  return { fields, problems: [...new Set(problems)] };
}

/** The other model fields of the link, where they are numbers: n_head 3 is right beside n_embd 12. */
function together(name: NumberField, params: URLSearchParams): Partial<Fields> {
  if (!(MODEL_FIELDS as readonly string[]).includes(name)) return {};
  const others = MODEL_FIELDS.filter((other) => Number.isFinite(Number(params.get(other) ?? NaN)));
  const values = Object.fromEntries(others.map((other) => [other, params.get(other)!])) as Partial<Fields>;
  return values;
}

function whatIsWrong(fields: Fields): string {
  try {
    readSettings(fields, undefined);
    return '';
  } catch (error) {
    if (error instanceof MicrogptError) return error.message;
    throw error;
  }
}

function isChoice(name: string): name is ChoiceField {
  return (CHOICE_FIELDS as string[]).includes(name);
}

function isNumber(name: string): name is NumberField {
  return (NUMBER_FIELDS as string[]).includes(name);
}
