#!/usr/bin/env python3
"""Time microgpt.py's training steps under CPython.

    python3 cpython.py MICROGPT.py INPUT.txt STEPS

Prints one JSON object: the interpreter, the seconds of each step and its loss. The text of
MICROGPT.py stays as it is on disk; in memory the number of executed steps is cut (the learning
rate still falls over the full num_steps) and the line that prints progress records time and loss.
"""
import contextlib, io, json, os, platform, re, shutil, sys, tempfile, time

path, data, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
src = open(path, encoding='utf-8').read()


def substitute(pattern, text):
    global src
    src, n = re.subn(pattern, text, src, count=1, flags=re.M)
    assert n == 1, f'{path}: no line matches {pattern}'


substitute(r'^for step in range\(num_steps\):$', f'START()\nfor step in range({steps}):')
substitute(r'^    print\(f"step .*$', '    STEP(loss.data)')
src = src[: src.index('# Inference')]

stamps, losses = [], []


def on_step(loss):
    stamps.append(time.perf_counter())
    losses.append(loss)


def on_start():
    stamps.append(time.perf_counter())


names = {'__name__': '__main__', 'START': on_start, 'STEP': on_step}
code = compile(src, path, 'exec')
with tempfile.TemporaryDirectory() as folder:
    shutil.copy(data, os.path.join(folder, 'input.txt'))
    os.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)
    os.chdir('/')

seconds = [b - a for a, b in zip(stamps, stamps[1:])]
print(json.dumps({'python': platform.python_version(), 'seconds': seconds, 'losses': losses}))
