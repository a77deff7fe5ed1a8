"""The rates of large products in torch and numpy, in GFLOP/s: the fastest of five."""
import time

import numpy
import torch


def rate(side, product):
    product()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds) / 1e9


def machine(figures):
    side = 2048
    a, b = torch.rand(side, side), torch.rand(side, side)
    x, y = a.numpy(), b.numpy()
    with torch.inference_mode():
        figures["product in float32, torch, GFLOP/s"] = rate(side, lambda: a @ b)
        figures["product in float32, numpy, GFLOP/s"] = rate(side, lambda: numpy.matmul(x, y))
        # Without instructions for it, bfloat16 is up to a hundred times slower.
        side = 512
        a, b = (m[:side, :side].bfloat16().contiguous() for m in (a, b))
        figures["product in bfloat16, torch, GFLOP/s"] = rate(side, lambda: a @ b)
