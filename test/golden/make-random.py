"""Writes random.json: what CPython's random module gives.  python3 make-random.py > random.json

Seeds are written as decimal strings, because most JSON readers know no integers beyond 2^53."""

import hashlib
import json
import platform
import random
import struct
import sys


def sha(words):
    return hashlib.sha256(struct.pack(f'<{len(words)}I', *words)).hexdigest()


def state(r):
    _, internal, gauss_next = r.getstate()
    return {'mtSha256': sha(internal[:-1]), 'index': internal[-1], 'gaussNext': gauss_next}


SEEDS = [0, 1, 42, -42, 1337, 2**31, 2**32 - 1, 2**32, 2**32 + 1, -(2**40), 2**53 - 1, 2**64, 2**64 + 12345, -(2**70), 3**500]
SEEDS.append(7**9000)  # 790 words: a key longer than the state
sys.set_int_max_str_digits(0)


def stream(seed):
    r = random.Random(seed)
    out = {'seed': str(seed), 'seeded': state(r)}
    out['random'] = [r.random() for _ in range(5)]
    out['getrandbits'] = [[k, r.getrandbits(k)] for k in range(54)]
    x = list(range(40))
    r.shuffle(x)
    out['shuffle'] = x
    out['gauss'] = [r.gauss(0, 0.08) for _ in range(7)]
    out['choices'] = [r.choices(range(5), weights=[0.5, 0, 3, 1e-3, 2])[0] for _ in range(12)]
    out['end'] = state(r)
    return out


def long_stream(seed, n):
    r = random.Random(seed)
    words = [r.getrandbits(32) for _ in range(n)]
    return {'seed': str(seed), 'words': n, 'sha256': sha(words), 'then': r.random()}


def long_shuffle(seed, n):
    r = random.Random(seed)
    x = list(range(n))
    r.shuffle(x)
    return {'seed': str(seed), 'count': n, 'sha256': sha(x), 'then': r.random()}


def long_gauss(seed, n):
    """Every 1,000th value, and the state: the log, sin and cos of the machine must not shift the stream."""
    r = random.Random(seed)
    values = [r.gauss(-1.5, 2.25) for _ in range(n)]
    return {'seed': str(seed), 'count': n, 'mu': -1.5, 'sigma': 2.25, 'every': 1000, 'values': values[::1000], 'then': r.random()}


def interleaved(seed, n):
    """n calls of all kinds, with arguments chosen by another generator."""
    r, pick = random.Random(seed), random.Random(seed + 1)
    calls = []
    for _ in range(n):
        name = pick.choice(['random', 'getrandbits', 'gauss', 'shuffle', 'choices'])
        if name == 'random':
            calls.append([name, None, r.random()])
        elif name == 'getrandbits':
            k = pick.randrange(54)
            calls.append([name, k, r.getrandbits(k)])
        elif name == 'gauss':
            args = [pick.choice([0, 1, -3.5]), pick.choice([1, 0.08, 0, 20])]
            calls.append([name, args, r.gauss(*args)])
        elif name == 'shuffle':
            length = pick.choice([0, 1, 2, 3, 4, 5, 8, 9, 16, 17])
            x = list(range(length))
            r.shuffle(x)
            calls.append([name, length, x])
        else:
            weights = [pick.choice([0, 1, 0.1, 1e-9, 5e-324, 1e300, pick.random()]) for _ in range(pick.randrange(1, 30))]
            weights[pick.randrange(len(weights))] = 1
            calls.append([name, weights, r.choices(range(len(weights)), weights=weights)[0]])
    return {'seed': str(seed), 'calls': calls, 'end': state(r)}


print(json.dumps({
    'python': platform.python_version(),
    'streams': [stream(s) for s in SEEDS],
    'longStreams': [long_stream(s, 1_000_000) for s in (42, 2**64 + 1)],
    'longShuffles': [long_shuffle(s, n) for s, n in ((42, 32033), (5, 65536), (5, 65537), (-9, 131071))],
    'longGauss': [long_gauss(s, 200_000) for s in (42, 2**33)],
    'interleaved': [interleaved(s, 120) for s in (0, 42, 10**30)],
}))
