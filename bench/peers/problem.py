"""What the peers share: reading the problem that bench/peers.ts writes, checking losses, and timing on demand.

DIR/problem.json holds the model, the training, the documents as tokens, and the losses that our engine gave;
DIR/init.safetensors the initial weights under microgpt.py's names.

A peer trains all steps once and compares its losses. Then it prints one line of JSON about itself and, for every
line that it reads, trains again and prints how long a step took. That lets the bench time its contestants in turns.
"""
import json, os, struct, sys
from types import SimpleNamespace


def read_problem(folder):
    with open(os.path.join(folder, 'problem.json'), encoding='utf-8') as f:
        problem = SimpleNamespace(**json.load(f))
    problem.model = SimpleNamespace(**problem.model)
    problem.training = SimpleNamespace(**problem.training)
    problem.weights = read_safetensors(os.path.join(folder, 'init.safetensors'))
    return problem


def read_safetensors(path):
    """{name: (shape, dtype, bytes)}, in the order of the file's header."""
    with open(path, 'rb') as f:
        (length,) = struct.unpack('<Q', f.read(8))
        header = json.loads(f.read(length))
        data = memoryview(f.read())
    header.pop('__metadata__', None)
    return {
        name: (entry['shape'], entry['dtype'], data[slice(*entry['data_offsets'])])
        for name, entry in header.items()
    }


def documents_of(problem, step):
    """The token lists of one step, each cut to the block and the token after it."""
    batch, block = problem.training.batchSize, problem.model.blockSize
    count = len(problem.offsets) - 1
    numbers = [(step * batch + i) % count for i in range(batch)]
    starts = [(problem.offsets[n], problem.offsets[n + 1]) for n in numbers]
    return [problem.tokens[a : min(b, a + block + 1)] for a, b in starts]


def learning_rate(problem, step):
    return problem.training.learningRate * (1 - step / problem.training.steps)


def serve(problem, name, version, device, precision, train):
    """`train()` trains from the initial values and gives the losses of all steps and the seconds that it took.

    In f32 they must lie within problem.bars (src/cli/peer.ts); f64 differs in the last bits only.
    """
    losses, _ = train()
    differences = [abs(a - b) for a, b in zip(losses, problem.losses, strict=True)]
    bars = problem.bars if precision == 'f32' else [1e-9 * max(1, loss) for loss in problem.losses]
    wrong = [step for step, difference in enumerate(differences) if not difference <= bars[step]]
    if wrong:
        step = wrong[0]
        sys.exit(f'{name}: loss of step {step + 1} is {losses[step]}, expected {problem.losses[step]} within {bars[step]}.')
    about = {'name': name, 'version': version, 'device': device, 'steps': len(losses), 'maxDifference': max(differences)}
    print(json.dumps(about), flush=True)
    for _ in sys.stdin:
        _, seconds = train()
        print(json.dumps({'microseconds': 1e6 * seconds / len(losses)}), flush=True)
