"""Norm and rotation with their gradients written out.

On a CPU each pass over memory costs, and autograd's own chain of small steps makes two to three times as many.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["rms_norm", "rotate"]


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``x / sqrt(mean(x^2) + eps) * weight`` over the last dimension (Zhang & Sennrich 2019)."""
    result: Tensor
    if x.device.type != "cpu" or not torch.is_grad_enabled():
        result = F.rms_norm(x, (x.shape[-1],), weight, eps)
        return result
    result = _RMSNorm.apply(x, weight, eps)  # type: ignore[no-untyped-call]
    return result


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale: Tensor = norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, scale, weight)
        normalised: Tensor = (x * scale).mul_(weight)
        return normalised

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """With u = x s: dL/dx = s (g w - u mean(g w u)), since ds/dx = -s^3 x / n."""
        x, scale, weight = ctx.saved_tensors
        unit = x * scale
        by_weight = (grad * unit).flatten(0, -2).sum(0) if ctx.needs_input_grad[1] else None
        weighted = grad * weight
        inner = torch.linalg.vecdot(weighted, unit).unsqueeze(-1)
        return weighted.addcmul_(unit, inner, value=-1 / x.shape[-1]).mul_(scale), by_weight, None


def rotate(x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate the two halves of every head by the angle of its position.

    Args:
        x: ``[B, heads, T, D]``.
        table: cosines and sines, each broadcastable to ``[B, heads, T, D / 2]``.
    """
    if not torch.is_grad_enabled():
        return _turned(x, *table)
    result: Tensor = _Rotate.apply(x, *table)  # type: ignore[no-untyped-call]
    return result


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return _turned(grad, cos, -sin), None, None  # a rotation's transpose is the rotation back


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    turned = torch.empty_like(x)
    half = x.shape[-1] // 2
    torch.mul(first, cos, out=turned[..., :half]).addcmul_(second, sin, value=-1)
    torch.mul(second, cos, out=turned[..., half:]).addcmul_(first, sin)
    return turned
