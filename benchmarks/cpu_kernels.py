"""What decides the engine's speed on one CPU thread: products by each library, and drawing from a large vocabulary.

    OMP_NUM_THREADS=1 python benchmarks/cpu_kernels.py

Shapes are those of SmolLM2-135M (hidden 576, intermediate 1,536, vocabulary 49,152). Processor time, the best of
several calls: GFLOP/s of products, milliseconds of draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from leadline.engine.draw import draw_tokens

MATRICES = {"attention": (576, 576), "gate, up": (1536, 576), "down": (576, 1536), "output": (49_152, 576)}


def best(work: Callable[[], object], repeats: int = 8) -> float:
    """Seconds of processor time."""
    work()
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def onednn(x: Tensor, weight: Tensor) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return result


def row(name: str, operations: float, ways: dict[str, Callable[[], object]]) -> None:
    rates = (f"{way} {operations / best(work) / 1e9:5.0f}" for way, work in ways.items())
    print(f"{name:28} " + "  ".join(rates))


def decoding(rows: int) -> None:
    print(f"{rows} rows, as in decoding, GFLOP/s")
    for name, (out, inner) in MATRICES.items():
        x, weight = torch.randn(rows, inner), torch.randn(out, inner)
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        ways: dict[str, Callable[[], object]] = {
            "oneDNN": lambda x=x, w=weight: onednn(x, w),
            "packed": lambda x=x, w=packed: onednn(x, w),
            "MKL": lambda x=x, w=weight: F.linear(x, w),
        }
        if torch._C.has_mkl:
            ordered = torch.ops.mkl._mkl_reorder_linear_weight(weight, rows)
            ways["packed, MKL"] = lambda x=x, w=weight, p=ordered: torch.ops.mkl._mkl_linear(
                x, p, w, None, rows
            )
        row(name, 2 * rows * out * inner, ways)


def learning(rows: int) -> None:
    print(f"{rows} rows, as in learning, GFLOP/s")
    for name, (out, inner) in list(MATRICES.items())[:-1]:
        x, weight, grad = torch.randn(rows, inner), torch.randn(out, inner), torch.randn(rows, out)
        operations = 2 * rows * out * inner
        pairs = {
            "forward": (x, weight),
            "by the input": (grad, weight.T),
            "by the weight": (grad.T, x.T),
        }
        for step, (left, right) in pairs.items():
            ways: dict[str, Callable[[], object]] = {
                "oneDNN": lambda a=left, b=right: onednn(a, b),
                "MKL": lambda a=left, b=right: F.linear(a, b),
            }
            row(f"{name}: {step}", operations, ways)


def perturbed(logits: Tensor) -> Tensor:
    """The largest of as many perturbed log-probabilities as there are tokens."""
    logprobs = logits.log_softmax(-1)
    return (logprobs - torch.empty_like(logprobs).exponential_().log_()).argmax(-1)


def drawing(rows: int, vocabulary: int) -> None:
    logits, uniform = torch.randn(rows, vocabulary), torch.rand(rows, dtype=torch.float64)
    print(f"drawing {rows} tokens out of {vocabulary:,}, milliseconds")
    print(f"{'a number an entry':28} {best(lambda: perturbed(logits)) * 1e3:5.1f}")
    print(f"{'a number a row':28} {best(lambda: draw_tokens(logits, 1.0, uniform)) * 1e3:5.1f}")


def main() -> None:
    torch.set_num_threads(1)
    decoding(64)
    decoding(16)
    learning(2048)
    drawing(64, 49_152)


if __name__ == "__main__":
    main()
