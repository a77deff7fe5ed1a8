"""The products of a model's layers alone, in GFLOP/s: the fastest of five."""
import time

import torch
from transformers.pytorch_utils import Conv1D

from checkpoint import load

LEAST = 64
HEAD_ROWS = 128


def rate(dims, product):
    product()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - start)
    return 2 * dims[0] * dims[1] * dims[2] / min(seconds) / 1e9


def layers(model, head):
    """A weight [inputs, outputs] as it lies in memory for each size of a layer but the head."""
    found = {}
    for module in model.modules():
        if isinstance(module, (torch.nn.Linear, Conv1D)) and module is not head:
            weight = module.weight if isinstance(module, Conv1D) else module.weight.T
            if min(weight.shape) >= LEAST:
                found[tuple(weight.shape)] = weight
    return found


def products(args, figures):
    model = load(args.dir, args.dtype).eval()
    head = model.get_base_model().get_output_embeddings()
    rows = args.rows * args.input
    with torch.inference_mode():
        for (inputs, outputs), weight in layers(model, head).items():
            x, g = torch.rand(rows, inputs), torch.rand(rows, outputs)
            dims = rows, inputs, outputs
            figures["product {} × {} × {}".format(*dims)] = rate(dims, lambda: x @ weight)
            dims = rows, outputs, inputs
            figures["product {} × {} × {}, of the gradient".format(*dims)] = rate(dims, lambda: g @ weight.T)
        if isinstance(head, torch.nn.Linear):
            outputs, inputs = head.weight.shape
            x, dims = torch.rand(HEAD_ROWS, inputs), (HEAD_ROWS, inputs, outputs)
            figures["product {} × {} × {}".format(*dims)] = rate(dims, lambda: x @ head.weight.T)
