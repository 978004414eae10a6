// Every option, once. Flags and --help, the page's fields and links, the files of a run, the axes of a sweep, the messages to
// the page's worker, the checks of values and of `--resume`, and the types ModelConfig and TrainingConfig follow from these rows.
// A new option is one more row; what it does is for the model, an op or an engine to say.

/**
 * What an option belongs to, which says where it is found: `model` (the network: changes its parameters or its function) and
 * `training` on the command line of train and sweep; `sampling` there and on that of sample; `engine` on that of all that run one.
 */
export type OptionKind = 'model' | 'training' | 'sampling' | 'engine';

interface Common {
  readonly kind: OptionKind;
  /** On the command line, after the two dashes. With underscores it is the name in errors, of the page's field and in links. */
  readonly flag: string;
  /** For --help. */
  readonly help: string;
  /**
   * The first format of a run's files that has it (`microgpt-run-N`), where that is not 1. A run whose value is not `absent` is
   * written in that format, which earlier versions refuse instead of reading another model out of it.
   */
  readonly since?: number;
}

/** A field of the page; options without one have their defaults there. */
interface Field {
  readonly label: string;
  /** What it does, in a sentence. */
  readonly hint: string;
}

/** The values that a number may have. All are finite. */
export interface Range {
  readonly least?: number;
  readonly above?: number;
  readonly most?: number;
  readonly below?: number;
  /** A value beside the others that turns the option off. */
  readonly off?: number;
}

export interface NumberOption extends Common {
  readonly type: 'number' | 'whole';
  /** Without one the option may be left out, and files do not have it. */
  readonly default?: number;
  /** What files mean that do not have it: they are older than it. Files without an option that has no `absent` are damaged. */
  readonly absent?: number;
  readonly range?: Range;
  /** What to say besides where a value is out of range, in a sentence. */
  readonly advice?: string;
  readonly field?: Field;
  /** Of the training: what the models of a sweep may differ in. */
  readonly axis?: {
    readonly help: string;
    /** How the numbers of a range lie, unless the reader says so. */
    readonly spacing: 'log' | 'lin' | 'whole';
  };
}

export interface ChoiceOption extends Common {
  readonly type: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
  readonly absent?: string;
  readonly field?: Field & {
    /** What each choice is called, in the order of the list. */
    readonly labels: Readonly<Record<string, string>>;
    /** Where the page begins with another one. */
    readonly default?: string;
  };
}

export interface BooleanOption extends Common {
  readonly type: 'boolean';
  /** `true` makes the flag `--no-…`. */
  readonly default: boolean;
  readonly absent?: boolean;
  readonly field?: Field;
}

export type OptionRow = NumberOption | ChoiceOption | BooleanOption;

/** In the order of --help. Names are those of configurations; defaults are microgpt.py's. */
export const OPTIONS = {
  /** Steps of the whole run: the learning rate falls linearly to 0 at this step. */
  steps: {
    kind: 'training',
    flag: 'steps',
    type: 'whole',
    default: 1000,
    range: { least: 1 },
    help: 'number of training steps',
    field: { label: 'Steps', hint: 'How many times the parameters change.' },
  },
  /** L: depth of the transformer. */
  nLayer: {
    kind: 'model',
    flag: 'n-layer',
    type: 'whole',
    default: 1,
    // Each layer has its own kernels and names, of which a million would fill the memory before the first number is made.
    range: { least: 1, most: 10_000 },
    help: 'depth of the transformer',
    field: { label: 'Layers', hint: 'How many rounds of attention and MLP: L.' },
  },
  /** C: width of the network. */
  nEmbd: {
    kind: 'model',
    flag: 'n-embd',
    type: 'whole',
    default: 16,
    range: { least: 1 },
    help: 'width of the network',
    field: { label: 'Width', hint: 'Size of each token’s vector: C.' },
  },
  /** H: attention heads; must divide nEmbd. */
  nHead: {
    kind: 'model',
    flag: 'n-head',
    type: 'whole',
    default: 4,
    range: { least: 1 },
    help: 'attention heads; must divide the width',
    field: { label: 'Heads', hint: 'How many things a token can look for at once: H.' },
  },
  /** T: longest context, in tokens. */
  blockSize: {
    kind: 'model',
    flag: 'block-size',
    type: 'whole',
    default: 16,
    range: { least: 1 },
    help: 'longest context, in tokens',
    field: { label: 'Context', hint: 'How many tokens back it can see: T. Longer documents are cut.' },
  },
  /** What the hidden units of the MLP become; `gelu` is GPT-2's, by its tanh approximation. */
  activation: {
    kind: 'model',
    flag: 'activation',
    type: 'choice',
    choices: ['relu', 'gelu'],
    default: 'relu',
    absent: 'relu',
    since: 2,
    help: "activation in the MLP; gelu is GPT-2's",
    field: {
      label: 'Activation',
      hint: 'Nonlinearity of the MLP. ReLU sets negative values to 0; GELU, as in GPT-2, does so smoothly.',
      labels: { relu: 'ReLU', gelu: 'GELU' },
    },
  },
  /** `layernorm` has a weight and a bias for each channel, and stands where GPT-2 has it: before the logits, not after the embedding. */
  norm: {
    kind: 'model',
    flag: 'norm',
    type: 'choice',
    choices: ['rmsnorm', 'layernorm'],
    default: 'rmsnorm',
    absent: 'rmsnorm',
    since: 2,
    help: 'normalization; layernorm has learned weights and is placed as in GPT-2',
    field: {
      label: 'Normalization',
      hint: 'LayerNorm also subtracts the mean, has a learned weight and bias, and is placed as in GPT-2.',
      labels: { rmsnorm: 'RMSNorm', layernorm: 'LayerNorm' },
    },
  },
  /** Whether the linear layers of attention and MLP add a bias. */
  bias: {
    kind: 'model',
    flag: 'bias',
    type: 'boolean',
    default: false,
    absent: false,
    since: 2,
    help: 'add a bias in the linear layers of attention and MLP',
    field: { label: 'Biases', hint: 'Adds a learned bias to each output of the linear layers.' },
  },
  /** Whether the logits are computed with the token embeddings (wte) instead of a separate lm_head. */
  tie: {
    kind: 'model',
    flag: 'tie',
    type: 'boolean',
    default: false,
    absent: false,
    since: 2,
    help: 'share weights: lm_head is the token embedding (wte)',
    field: {
      label: 'Tied embeddings',
      hint: 'Computes the logits with the token embeddings instead of a separate lm_head.',
    },
  },
  /** B: documents per step. */
  batchSize: {
    kind: 'training',
    flag: 'batch-size',
    type: 'whole',
    default: 1,
    range: { least: 1 },
    help: 'documents per step',
    field: { label: 'Documents a step', hint: 'More give a steadier direction: B.' },
  },
  /** Of the first step. */
  learningRate: {
    kind: 'training',
    flag: 'lr',
    type: 'number',
    default: 0.01,
    range: { least: 0 },
    help: 'learning rate at the first step',
    field: { label: 'Learning rate', hint: 'Size of the first steps; it falls linearly to 0.' },
    axis: { help: 'learning rates: 0.003,0.01 or 0.001..0.1:5', spacing: 'log' },
  },
  /** Adam's decay of the first moment. */
  beta1: {
    kind: 'training',
    flag: 'beta1',
    type: 'number',
    default: 0.85,
    range: { least: 0, below: 1 },
    help: "Adam's decay of the first moment",
    field: { label: 'Memory of direction', hint: 'Near 1: the direction changes slowly.' },
    axis: { help: "Adam's decays of the first moment: 0.8,0.9 or 0.8..0.95:4", spacing: 'lin' },
  },
  /** Adam's decay of the second moment. */
  beta2: {
    kind: 'training',
    flag: 'beta2',
    type: 'number',
    default: 0.99,
    range: { least: 0, below: 1 },
    help: "Adam's decay of the second moment",
    field: { label: 'Memory of size', hint: 'Near 1: the step size changes slowly.' },
    axis: { help: "Adam's decays of the second moment", spacing: 'lin' },
  },
  /** Adam's epsilon. */
  eps: {
    kind: 'training',
    flag: 'eps',
    type: 'number',
    default: 1e-8,
    range: { above: 0 },
    help: "Adam's epsilon",
    axis: { help: "Adam's epsilons", spacing: 'log' },
  },
  /** Of the order of documents, the initial values and the samples. */
  seed: {
    kind: 'training',
    flag: 'seed',
    type: 'whole',
    default: 42,
    help: 'seed for the order of documents, the initial weights and the samples',
    field: {
      label: 'Random numbers',
      hint: 'The same seed repeats a run; another one gives another run.',
    },
    axis: {
      help: 'seeds for the order of documents and the initial weights: 1..8 or 1,5,9',
      spacing: 'whole',
    },
  },
  /** Standard deviation of the initial values, whose mean is 0. */
  initScale: {
    kind: 'training',
    flag: 'init-scale',
    type: 'number',
    default: 0.08,
    absent: 0.08,
    range: { above: 0 },
    help: 'standard deviation of the initial weights',
    axis: { help: 'standard deviations of the initial weights', spacing: 'log' },
  },
  /** Largest global gradient norm; larger gradients are scaled down to it. 0: off. */
  clip: {
    kind: 'training',
    flag: 'clip',
    type: 'number',
    default: 0,
    absent: 0,
    range: { least: 1e-12, most: 1e12, off: 0 }, // f32 holds the squares of such norms
    help: 'clip the global gradient norm at this; 0: off',
    field: {
      label: 'Gradient norm limit',
      hint: 'Larger gradients are scaled down to this norm; 0 turns it off.',
    },
  },
  /** Documents that are drawn after the training. */
  samples: {
    kind: 'sampling',
    flag: 'samples',
    type: 'whole',
    default: 20,
    range: { least: 0 },
    help: 'samples to print after training',
  },
  /** Below 1 the likelier tokens gain, above 1 they lose. */
  temperature: {
    kind: 'sampling',
    flag: 'temperature',
    type: 'number',
    default: 0.5,
    // Below it, logits / temperature could overflow; the likeliest token has all the weight long before.
    range: { least: 1e-6 },
    advice: 'At 0.01 nearly every token is the likeliest one; microgpt sample --top-k 1 takes it every time.',
    help: 'temperature of the samples: lower is less random',
    field: { label: 'Temperature', hint: 'Below 1 it plays safe, above 1 it takes chances.' },
  },
  /** Only the k likeliest tokens can come; of equally likely ones those with lower ids. */
  topK: {
    kind: 'sampling',
    flag: 'top-k',
    type: 'whole',
    range: { least: 1 },
    help: 'sample from the k likeliest tokens only (default: all)',
  },
  /** What computes. */
  engine: {
    kind: 'engine',
    flag: 'engine',
    type: 'choice',
    choices: ['auto', 'oracle', 'cpu', 'webgpu'],
    default: 'auto',
    help: 'auto: the faster of GPU and CPU in a brief benchmark',
    field: {
      label: 'What computes',
      hint: 'All train the same model; over a long run, rounding can lead them apart. Without WebGPU the CPU trains.',
      labels: { webgpu: 'WebGPU', cpu: 'CPU', oracle: 'Oracle (scalar)', auto: 'The faster one here' },
      default: 'webgpu',
    },
  },
  /** How a WebGPU engine launches the kernels of a step. */
  launch: {
    kind: 'engine',
    flag: 'launch',
    type: 'choice',
    choices: ['auto', 'eager', 'graph', 'fused', 'resident'],
    default: 'auto',
    help: 'how WebGPU kernels are launched; auto: the fastest in a brief benchmark',
    field: {
      label: 'Kernel launch',
      hint: 'How a step’s kernels reach the GPU: for a small model, most of the time of a step.',
      labels: {
        graph: 'graph',
        eager: 'eager',
        fused: 'fused',
        resident: 'resident',
        auto: 'The fastest one here',
      },
      default: 'graph',
    },
  },
  /** Of the CPU engine. */
  threads: {
    kind: 'engine',
    flag: 'threads',
    type: 'whole',
    range: { least: 1 },
    help: 'CPU threads (default: chosen by measurement)',
  },
} as const satisfies Readonly<Record<string, OptionRow>>;
