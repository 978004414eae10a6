// The whole configuration as text, for the part of the address after #: browsers send it to no server. Only what differs
// from microgpt.py's settings is written.

import { MicrogptError } from '../../util/errors.ts';
import {
  choicesOf,
  DATA_CHOICES,
  DEFAULT_FIELDS,
  fieldsOf,
  quoted,
  readSettings,
  type Fields,
} from './settings.ts';

/** Characters of own text that a link carries: longer ones do not survive mail and chat. */
export const LINK_TEXT = 4000;

/** What a link is without, which makes it no wrong one. */
export const LACKS = {
  text: 'The link does not carry its text. Paste the text below.',
  file: 'The link does not carry its file. Choose the file below.',
};

/** What a link can set, in the order in which it does, each with its choices where it has some. */
const SETTINGS = new Map<string, readonly string[] | undefined>([
  ['data', DATA_CHOICES],
  ...fieldsOf('engine').map(entryOf),
  ...fieldsOf('model').map(entryOf),
  ...fieldsOf('training', 'sampling').map(entryOf),
]);
/** What must fit together. */
const MODEL_FIELDS = fieldsOf('model').map(({ id }) => id);

function entryOf(option: ReturnType<typeof fieldsOf>[number]): [string, readonly string[] | undefined] {
  return [option.id, choicesOf(option)];
}

/** `n_layer=2&steps=500`; '' for the defaults. */
export function writeLink(fields: Fields): string {
  const params = new URLSearchParams();
  for (const name of SETTINGS.keys() as Iterable<keyof Fields>) {
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
    if (name === 'text') continue;
    const allowed = SETTINGS.get(name);
    if (!SETTINGS.has(name)) problems.push(`${name.slice(0, 40)}: there is no such setting.`);
    else if (allowed?.includes(value) === false) {
      problems.push(`${name}: expected ${allowed.join(', ')}, got ${quoted(value)}.`);
    } else {
      const alone = { ...DEFAULT_FIELDS, ...together(name, params), [name]: value };
      const wrong = whatIsWrong({ ...alone, data: 'builtin' });
      if (wrong === '') set({ [name]: value });
      else problems.push(wrong);
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
function together(name: string, params: URLSearchParams): Partial<Fields> {
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
