#!/usr/bin/env python3
"""The ceiling for f32 matrix products, TF32 off, by PyTorch's library: python3 torch_matmul.py 1024,4096

Prints one line of JSON: GFLOP/s of n × n by n × n, the best of some rounds, by n.
"""
import json, sys, time
import torch

torch.backends.cuda.matmul.allow_tf32 = False
cuda = torch.cuda.is_available()
device = 'cuda' if cuda else 'cpu'


def seconds(a, b, out, times):
    start = time.perf_counter()
    for _ in range(times):
        torch.matmul(a, b, out=out)
    if cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / times


results = {}
for n in map(int, sys.argv[1].split(',')):
    a, b = (torch.rand(n, n, device=device) - 0.5 for _ in range(2))
    out = torch.empty(n, n, device=device)
    exact = a[:1].double() @ b.double()
    torch.matmul(a, b, out=out)
    error = ((out[:1] - exact).norm() / exact.norm()).item()
    if not error <= 1e-5:  # TF32 would be off by some 1e-3
        sys.exit(f'torch matmul of {n}: off by {error}, expected at most 1e-5: is TF32 on?')
    times = max(1, int(0.1 / seconds(a, b, out, 3)))
    results[n] = 2 * n**3 / min(seconds(a, b, out, times) for _ in range(7)) / 1e9
where = torch.cuda.get_device_name() if cuda else f'cpu, {torch.get_num_threads()} threads'
print(json.dumps({'name': 'torch matmul f32', 'version': torch.__version__, 'device': where, 'gflops': results}))
