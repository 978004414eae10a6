// Small tasks with a right answer, as documents to train on: a model that has understood one writes documents that
// are right. Each fits microgpt.py's context of 16.

import { PythonRandom } from '../util/python-random.ts';

export type ToyTask = 'reverse' | 'sort' | 'add' | 'count' | 'palindrome';

interface Task {
  /** What a document is, in a sentence. */
  readonly description: string;
  /** One document. */
  readonly make: (random: PythonRandom) => string;
  /** Whether a document is what the task asks for. */
  readonly isRight: (document: string) => boolean;
}

/** How many documents a task has. */
export const TOY_DOCUMENTS = 4000;

const LETTERS = 'abcdefgh';

export const TOY_TASKS: Readonly<Record<ToyTask, Task>> = {
  reverse: {
    description: 'Some letters, and the same letters backwards: abca>acba.',
    make(random) {
      const word = letters(random, 2, 6);
      return `${word}>${reversed(word)}`;
    },
    isRight: answers('>', /^[a-h]{2,}$/, reversed),
  },
  sort: {
    description: 'Some letters, and the same letters in order: dbca>abcd.',
    make(random) {
      const word = letters(random, 2, 6);
      return `${word}>${sorted(word)}`;
    },
    isRight: answers('>', /^[a-h]{2,}$/, sorted),
  },
  add: {
    description: 'Two numbers below 100 and their sum: 27+5=32.',
    make(random) {
      const [a, b] = [below(random, 100), below(random, 100)];
      return `${a}+${b}=${a + b}`;
    },
    isRight: answers('=', /^\d+\+\d+$/, (sum) => {
      const [a, b] = sum.split('+').map(Number);
      return String(a + b);
    }),
  },
  count: {
    description: 'A row of one letter, and how long it is: aaaaa=5.',
    make(random) {
      const length = 1 + below(random, 9);
      return `${letters(random, 1, 1).repeat(length)}=${length}`;
    },
    isRight: answers('=', /^([a-h])\1*$/, (row) => String(row.length)),
  },
  palindrome: {
    description: 'Words that read the same backwards: abcba.',
    make(random) {
      const half = letters(random, 1, 5);
      const middle = random.random() < 0.5 ? '' : letters(random, 1, 1);
      return half + middle + reversed(half);
    },
    isRight: (document) => document.length >= 2 && document === reversed(document),
  },
};

export const TOY_NAMES = Object.keys(TOY_TASKS) as ToyTask[];

/** The documents of a task: always the same. */
export function toyDocuments(task: ToyTask): string[] {
  const random = new PythonRandom(TOY_NAMES.indexOf(task));
  return Array.from({ length: TOY_DOCUMENTS }, () => TOY_TASKS[task].make(random));
}

/** A check of documents `question, separator, answer`. */
function answers(
  separator: string,
  question: RegExp,
  answer: (question: string) => string,
): (document: string) => boolean {
  return (document) => {
    const at = document.indexOf(separator);
    const asked = document.slice(0, at);
    return at > 0 && question.test(asked) && document.slice(at + 1) === answer(asked);
  };
}

function letters(random: PythonRandom, least: number, most: number): string {
  const length = least + below(random, most - least + 1);
  return Array.from({ length }, () => LETTERS[below(random, LETTERS.length)]).join('');
}

/** A whole number from 0 to n - 1. */
function below(random: PythonRandom, n: number): number {
  return Math.floor(random.random() * n);
}

function reversed(word: string): string {
  return [...word].reverse().join('');
}

function sorted(word: string): string {
  return [...word].sort().join('');
}
