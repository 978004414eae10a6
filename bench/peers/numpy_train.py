#!/usr/bin/env python3
"""microgpt.py's training in NumPy, the backward pass written out: python3 numpy_train.py DIR f64|f32

Shapes: R packed rows of a step, C channels, H heads, D = C / H, V vocabulary. Attention works on documents padded to
the longest of the batch, everything else on the rows alone. The batches are laid out before the clock starts.
"""
import sys, time
import numpy as np
from problem import documents_of, learning_rate, read_problem, serve

problem = read_problem(sys.argv[1])
dtype = {'f64': np.float64, 'f32': np.float32}[sys.argv[2]]
model, training = problem.model, problem.training
L, C, H, V = model.nLayer, model.nEmbd, model.nHead, model.vocabSize
D = C // H

# All parameters, gradients and moments lie in one array each; `w` and `dw` are views by name.
shapes = {name: shape for name, (shape, _, _) in problem.weights.items()}
initial = np.concatenate(
    [np.frombuffer(data, {'F64': '<f8', 'F32': '<f4'}[kind]).astype(dtype) for _, kind, data in problem.weights.values()]
)
parameters, gradients, m, v = (np.zeros_like(initial) for _ in range(4))


def views(flat):
    ends = np.cumsum([a * b for a, b in shapes.values()])
    return {name: part.reshape(shapes[name]) for name, part in zip(shapes, np.split(flat, ends[:-1]))}


w, dw = views(parameters), views(gradients)


class Batch:
    def __init__(self, step):
        documents = documents_of(problem, step)
        lengths = [len(d) - 1 for d in documents]
        self.B, self.T = len(documents), max(lengths)
        self.tokens = np.concatenate([d[:-1] for d in documents])  # (R)
        self.targets = np.concatenate([d[1:] for d in documents])
        self.positions = np.concatenate([np.arange(n) for n in lengths])
        self.slots = np.concatenate([b * self.T + np.arange(n) for b, n in enumerate(lengths)])
        self.share = np.concatenate([np.full(n, 1 / (self.B * n)) for n in lengths]).astype(dtype)
        self.future = np.triu(np.full((self.T, self.T), -np.inf, dtype), 1)
        self.rows = np.arange(len(self.tokens))
        eye = np.eye(V, dtype=dtype) if V <= 1024 else None
        self.picked = eye[self.tokens] if eye is not None else None  # (R, V)

    def heads(self, x):  # (R, C) -> (B, H, T, D)
        if len(self.rows) < self.B * self.T:
            padded = np.zeros((self.B * self.T, C), dtype)
            padded[self.slots] = x
            x = padded
        return x.reshape(self.B, self.T, H, D).transpose(0, 2, 1, 3)

    def unheads(self, x):  # (B, H, T, D) -> (R, C)
        x = x.transpose(0, 2, 1, 3).reshape(self.B * self.T, C)
        return x if len(self.rows) == self.B * self.T else x[self.slots]


def rmsnorm(x):
    s = (np.mean(x * x, axis=-1, keepdims=True) + dtype(1e-5)) ** dtype(-0.5)
    return x * s, s


def rmsnorm_grad(d, out, s):
    return s * (d - out * np.mean(d * out, axis=-1, keepdims=True))


def forward_backward(batch):
    """The loss; fills `gradients`."""
    x, s0 = rmsnorm(w['wte'][batch.tokens] + w['wpe'][batch.positions])  # (R, C)
    x0 = x
    kept = []
    scale = dtype(D**-0.5)
    for i in range(L):
        layer = lambda name: w[f'layer{i}.{name}']
        n1, s1 = rmsnorm(x)
        q, k, val = (batch.heads(n1 @ layer(f'attn_w{c}').T) for c in 'qkv')
        scores = q @ k.transpose(0, 1, 3, 2) * scale + batch.future  # (B, H, T, T)
        p = np.exp(scores - scores.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        mixed = batch.unheads(p @ val)
        x = x + mixed @ layer('attn_wo').T
        n2, s2 = rmsnorm(x)
        hidden = np.maximum(n2 @ layer('mlp_fc1').T, 0)  # (R, 4C)
        x = x + hidden @ layer('mlp_fc2').T
        kept.append((n1, s1, q, k, val, p, mixed, n2, s2, hidden))

    logits = x @ w['lm_head'].T  # (R, V)
    logits -= logits.max(axis=-1, keepdims=True)
    probs = np.exp(logits)
    totals = probs.sum(axis=-1, keepdims=True)
    nll = np.log(totals[:, 0]) - logits[batch.rows, batch.targets]
    loss = float(nll @ batch.share)

    dlogits = probs / totals
    dlogits[batch.rows, batch.targets] -= 1
    dlogits *= batch.share[:, None]
    np.matmul(dlogits.T, x, out=dw['lm_head'])
    dx = dlogits @ w['lm_head']
    for i in reversed(range(L)):
        layer, grad = (lambda name: w[f'layer{i}.{name}']), (lambda name: dw[f'layer{i}.{name}'])
        n1, s1, q, k, val, p, mixed, n2, s2, hidden = kept[i]
        np.matmul(dx.T, hidden, out=grad('mlp_fc2'))
        dhidden = (dx @ layer('mlp_fc2')) * (hidden > 0)
        np.matmul(dhidden.T, n2, out=grad('mlp_fc1'))
        dx = dx + rmsnorm_grad(dhidden @ layer('mlp_fc1'), n2, s2)

        np.matmul(dx.T, mixed, out=grad('attn_wo'))
        dmixed = batch.heads(dx @ layer('attn_wo'))
        dval = p.transpose(0, 1, 3, 2) @ dmixed
        dp = dmixed @ val.transpose(0, 1, 3, 2)
        ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) * scale
        dn = 0
        for c, d in (('q', ds @ k), ('k', ds.transpose(0, 1, 3, 2) @ q), ('v', dval)):
            d = batch.unheads(d)
            np.matmul(d.T, n1, out=grad(f'attn_w{c}'))
            dn = dn + d @ layer(f'attn_w{c}')
        dx = dx + rmsnorm_grad(dn, n1, s1)

    dx = rmsnorm_grad(dx, x0, s0)
    if batch.picked is not None:
        np.matmul(batch.picked.T, dx, out=dw['wte'])
    else:
        dw['wte'].fill(0)
        np.add.at(dw['wte'], batch.tokens, dx)
    dw['wpe'].fill(0)
    np.add.at(dw['wpe'], batch.positions, dx)
    return loss


def adam(step):
    b1, b2, eps = dtype(training.beta1), dtype(training.beta2), dtype(training.eps)
    c1, c2 = 1 - training.beta1 ** (step + 1), 1 - training.beta2 ** (step + 1)
    np.multiply(m, b1, out=m)
    np.add(m, (1 - b1) * gradients, out=m)
    np.multiply(v, b2, out=v)
    np.add(v, (1 - b2) * gradients * gradients, out=v)
    rate = dtype(learning_rate(problem, step) / c1)
    np.subtract(parameters, rate * m / (np.sqrt(v / dtype(c2)) + eps), out=parameters)


batches = [Batch(step) for step in range(len(problem.losses))]


def train():
    parameters[:], m[:], v[:] = initial, 0, 0
    losses = []
    start = time.perf_counter()
    for step, batch in enumerate(batches):
        losses.append(forward_backward(batch))
        adam(step)
    return losses, time.perf_counter() - start


serve(problem, f'numpy {sys.argv[2]}', np.__version__, 'cpu', sys.argv[2], train)
