#!/usr/bin/env python3
"""microgpt.py's training in PyTorch, f32: python3 torch_train.py DIR eager|compile|graphs

On CUDA where there is one (TF32 off), else on the CPU. `graphs` records a whole step, with its batch, rate and Adam, as a CUDA graph.
All batches lie on the device before the clock starts, padded to the block with weight 0; no loss is read back before the end.
"""
import os, sys, time
import torch
import torch.nn.functional as F
from problem import documents_of, learning_rate, read_problem, serve

problem = read_problem(sys.argv[1])
mode = sys.argv[2]
cuda = torch.cuda.is_available()
device = 'cuda' if cuda else 'cpu'
if mode == 'graphs' and not cuda:
    raise ImportError('CUDA graphs need a CUDA device, and this PyTorch finds none')
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
model, training = problem.model, problem.training
L, C, H, V, T, B = model.nLayer, model.nEmbd, model.nHead, model.vocabSize, model.blockSize, training.batchSize
steps = len(problem.losses)

kinds = {'F64': torch.float64, 'F32': torch.float32}
initial = {
    name: torch.frombuffer(bytearray(data), dtype=kinds[kind]).reshape(shape).to(device, torch.float32)
    for name, (shape, kind, data) in problem.weights.items()
}
w = {name: value.clone().requires_grad_() for name, value in initial.items()}

tokens, targets = (torch.zeros(steps, B, T, dtype=torch.long) for _ in range(2))
share = torch.zeros(steps, B, T)
for step in range(steps):
    for b, document in enumerate(documents_of(problem, step)):
        n = len(document) - 1
        tokens[step, b, :n] = torch.tensor(document[:-1])
        targets[step, b, :n] = torch.tensor(document[1:])
        share[step, b, :n] = 1 / (B * n)
tokens, targets, share = tokens.to(device), targets.to(device), share.to(device)


def norm(x):
    return F.rms_norm(x, (C,), eps=1e-5)


def loss_of(tokens, targets, share):  # 3 of (B, T)
    x = norm(F.embedding(tokens, w['wte']) + w['wpe'])  # (B, T, C)
    for i in range(L):
        n = norm(x)
        q, k, v = ((n @ w[f'layer{i}.attn_w{c}'].T).view(B, T, H, C // H).transpose(1, 2) for c in 'qkv')
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, D)
        x = x + mixed.transpose(1, 2).reshape(B, T, C) @ w[f'layer{i}.attn_wo'].T
        x = x + F.relu(norm(x) @ w[f'layer{i}.mlp_fc1'].T) @ w[f'layer{i}.mlp_fc2'].T
    logits = x @ w['lm_head'].T  # (B, T, V)
    nll = F.cross_entropy(logits.view(-1, V), targets.view(-1), reduction='none')
    return (nll * share.view(-1)).sum()


rate = torch.tensor(training.learningRate, device=device) if mode == 'graphs' else training.learningRate
kernels = {'fused': True, 'capturable': mode == 'graphs'} if cuda else {'foreach': True}
adam = torch.optim.Adam(w.values(), lr=rate, betas=(training.beta1, training.beta2), eps=training.eps, **kernels)
losses = torch.zeros(steps, device=device)
differentiable = torch.compile(loss_of, dynamic=False) if mode == 'compile' else loss_of


def reset():
    with torch.no_grad():
        for name, parameter in w.items():
            parameter.copy_(initial[name])
        for state in adam.state.values():
            for value in state.values():
                value.zero_()


def step_on_host(step):
    adam.param_groups[0]['lr'] = learning_rate(problem, step)
    adam.zero_grad(set_to_none=True)
    loss = differentiable(tokens[step], targets[step], share[step])
    loss.backward()
    adam.step()
    losses[step] = loss.detach()


def recorded_step():
    """One replay of this is the step that a counter on the device says."""
    counter = torch.zeros(1, dtype=torch.long, device=device)

    def step():
        batch = (all_.index_select(0, counter)[0] for all_ in (tokens, targets, share))
        rate.copy_(training.learningRate * (1 - counter[0].float() / training.steps))
        loss = loss_of(*batch)
        loss.backward()
        adam.step()
        losses.index_copy_(0, counter, loss.detach().view(1))
        counter.add_(1)

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(min(3, steps)):  # lets libraries and Adam make their buffers before the recording
            adam.zero_grad(set_to_none=True)
            step()
    torch.cuda.current_stream().wait_stream(side)
    adam.zero_grad(set_to_none=True)
    counter.zero_()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def run(index):
        if index == 0:
            counter.zero_()
        graph.replay()

    return run


run = recorded_step() if mode == 'graphs' else step_on_host


def train():
    reset()
    if cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    for step in range(steps):
        run(step)
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    return losses.tolist(), seconds


if not cuda:  # one thread is faster for a small model, and far faster on a busy machine
    threads = torch.get_num_threads()
    seconds = {}
    for n in {1, threads}:
        torch.set_num_threads(n)
        reset()
        run(0)
        start = time.perf_counter()
        run(0)
        seconds[n] = time.perf_counter() - start
    torch.set_num_threads(min(seconds, key=seconds.get))

where = torch.cuda.get_device_name() if cuda else f'cpu, {torch.get_num_threads()} of {os.cpu_count()} cores'
serve(problem, f'torch {mode}', torch.__version__, where, 'f32', train)
