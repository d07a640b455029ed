"""Matrix products on a CPU by whichever library is fast there, and weights packed for many products in a row.

``torch.mm`` goes to MKL, which takes its AVX2 path on processors of another maker: on an EPYC 9005 core 105 GFLOP/s in
fp32, where oneDNN, shipped inside the same torch, makes 190 to 240. On Intel's own it is the other way round: with the
shapes of a 135M model MKL makes 140 to 160, oneDNN 130, and for the gradient of a weight 60 to 110. Same arithmetic
either way: fp32 in, fp32 sums, fp32 out. Whatever is not fp32 on a CPU, or a torch without that entry point, takes the
ordinary route.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Linear", "packed", "product"]

_MOST_PACKED = 1 << 31  # bytes: packing holds a second copy of the weights


def _is_intel() -> bool:
    try:
        return "GenuineIntel" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


_HAS_ONEDNN = torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")
_ONEDNN = _HAS_ONEDNN and not _is_intel()
_PACKS_FOR_MKL = not _ONEDNN and torch._C.has_mkl and hasattr(torch.ops.mkl, "_mkl_linear")


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x [..., n] @ weight [m, n].T + bias``, without a gradient of its own."""
    if not (_ONEDNN and x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu"):
        return F.linear(x, weight, bias)
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return result


class _Product(torch.autograd.Function):
    """:func:`product` with its gradients, which are products too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        rows = grad.flatten(0, -2)
        by_x = product(grad, weight.T) if ctx.needs_input_grad[0] else None
        by_weight = product(rows.T, x.flatten(0, -2).T) if ctx.needs_input_grad[1] else None
        by_bias = rows.sum(0) if ctx.needs_input_grad[2] else None
        return by_x, by_weight, by_bias


class Linear(nn.Linear):
    """``nn.Linear`` by way of :func:`product`; adapters that look for ``nn.Linear`` find it."""

    packed: Tensor | None = None  # the weight in the library's own order, within :func:`packed`

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu":
            return F.linear(input, self.weight, self.bias)
        if self.packed is not None:
            return _packed_product(input, self.packed, self.weight, self.bias)
        if not torch.is_grad_enabled():
            return product(input, self.weight, self.bias)
        result: Tensor = _Product.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return result


def _pack(weight: Tensor, rows: int) -> Tensor:
    order = (
        torch.ops.mkl._mkl_reorder_linear_weight
        if _PACKS_FOR_MKL
        else torch.ops.mkldnn._reorder_linear_weight
    )
    result: Tensor = order(weight.detach(), rows)
    return result


def _packed_product(x: Tensor, packed: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    result: Tensor
    if _PACKS_FOR_MKL:
        # The last number says which rows the weight was packed for, and torch takes the packed weight for that many
        # only. MKL itself takes it for any number, as what it packs says how it is laid out.
        result = torch.ops.mkl._mkl_linear(x, packed, weight, bias, x.shape[:-1].numel())
    else:
        result = torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")
    return result


@contextmanager
def packed(model: nn.Module, rows: int) -> Iterator[None]:
    """Within it, products of ``model`` read weights packed for ``rows`` rows; nothing may change weights there.

    Either library orders the weight anew in every product otherwise, a sixth to a third of its time for a few dozen
    rows.
    On a CPU in float32 only, and up to 2 GiB of weights.
    """
    layers = [module for module in model.modules() if isinstance(module, Linear)]
    weights = [layer.weight for layer in layers]
    fits = sum(weight.numel() for weight in weights) * 4 <= _MOST_PACKED
    if (
        not (_HAS_ONEDNN or _PACKS_FOR_MKL)
        or not fits
        or any(w.is_cuda or w.dtype != torch.float32 for w in weights)
    ):
        yield
        return
    try:
        for layer in layers:
            layer.packed = _pack(layer.weight, rows)
        yield
    finally:
        for layer in layers:
            layer.packed = None
