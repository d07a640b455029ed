"""Matrix products through oneDNN, which uses AVX-512 on every x86 processor that has it.

``torch.mm`` goes to MKL, which takes its AVX2 path on processors of another maker: on an EPYC 9005 core 105 GFLOP/s in
fp32, where oneDNN, shipped inside the same torch, makes 190 to 240. Same arithmetic: fp32 in, fp32 sums, fp32 out.
Whatever is not fp32 on a CPU, or a torch without that entry point, takes the ordinary route.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Linear", "product"]

_ONEDNN = torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")


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

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu":
            return F.linear(input, self.weight, self.bias)
        if not torch.is_grad_enabled():
            return product(input, self.weight, self.bias)
        result: Tensor = _Product.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return result
