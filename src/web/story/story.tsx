// The main story: microgpt.py's sections, in its order, under its names.

import type { ComponentType } from 'preact';
import { Autograd } from './autograd.tsx';
import { Dataset } from './dataset.tsx';
import { Inference } from './inference.tsx';
import { Model } from './model.tsx';
import { Parameters } from './parameters.tsx';
import { Tokenizer } from './tokenizer.tsx';
import { Training } from './training.tsx';

export const SECTIONS: readonly { id: string; title: string; Component: ComponentType }[] = [
  { id: 'dataset', title: 'Dataset', Component: Dataset },
  { id: 'tokenizer', title: 'Tokenizer', Component: Tokenizer },
  { id: 'autograd', title: 'Autograd', Component: Autograd },
  { id: 'parameters', title: 'Parameters', Component: Parameters },
  { id: 'model', title: 'Model', Component: Model },
  { id: 'training', title: 'Adam and the training loop', Component: Training },
  { id: 'inference', title: 'Inference', Component: Inference },
];

export function Story() {
  return (
    <>
      {SECTIONS.map(({ id, Component }) => (
        <Component key={id} />
      ))}
    </>
  );
}
