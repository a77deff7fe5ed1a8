"""The rates of large products in torch and numpy, in GFLOP/s: the fastest of five."""
import numpy
import torch

from timing import rate


def machine(figures):
    side = 2048
    a, b = torch.rand(side, side), torch.rand(side, side)
    x, y = a.numpy(), b.numpy()
    with torch.inference_mode():
        figures["product in float32, torch, GFLOP/s"] = rate(2 * side**3, lambda: a @ b)
        figures["product in float32, numpy, GFLOP/s"] = rate(2 * side**3, lambda: numpy.matmul(x, y))
        # Without instructions for it, bfloat16 is up to a hundred times slower.
        side = 512
        a, b = (m[:side, :side].bfloat16().contiguous() for m in (a, b))
        figures["product in bfloat16, torch, GFLOP/s"] = rate(2 * side**3, lambda: a @ b)
