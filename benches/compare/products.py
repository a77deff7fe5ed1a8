"""The products of a model's layers alone, in GFLOP/s: the fastest of five."""
import torch
from transformers.pytorch_utils import Conv1D

from checkpoint import load
from timing import rate

LEAST = 64
HEAD_ROWS = 128


def product(figures, x, weight, name=""):
    (rows, inputs), outputs = x.shape, weight.shape[1]
    figures[f"product {rows} × {inputs} × {outputs}{name}"] = rate(2 * rows * inputs * outputs, lambda: x @ weight)


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
            product(figures, torch.rand(rows, inputs), weight)
            product(figures, torch.rand(rows, outputs), weight.T, ", of the gradient")
        if isinstance(head, torch.nn.Linear):
            product(figures, torch.rand(HEAD_ROWS, head.in_features), head.weight.T)
