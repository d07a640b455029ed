"""Log-probabilities of chosen tokens, without ever holding a large ``[tokens, vocabulary]`` matrix of logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from leadline.model.linear import product
from leadline.model.triton_there import fused_kernels

__all__ = ["selected_logprobs"]

# Logits computed at a time: 2^24 floats are 64 MiB, with a vocabulary of 152,064 enough rows (110) for the matrix
# product to run at full speed although it reads the whole output matrix each time.
_CHUNK_ELEMENTS = 1 << 24
_CHUNK_ELEMENTS_GPU = 1 << 28  # 1 GiB: fewer, larger products and kernels
# Logits that are kept on a CPU for the backward pass: half a GiB. A quarter of the output matrix' products is saved.
_KEPT_ELEMENTS = 1 << 27


def selected_logprobs(hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float = 1.0) -> Tensor:
    """``log softmax(hidden @ weight.T / temperature)[targets]``, in float32, row by row.

    Logits are computed a chunk of rows at a time, and where they are many, or on a GPU, again in the backward pass:
    time for memory, which for a vocabulary of 152,064 is the difference between a few megabytes and gigabytes.

    Args:
        hidden: ``[n, C]`` normalised hidden states.
        weight: ``[V, C]`` output matrix.
        targets: ``[n]`` token ids.
        temperature: of the distribution that was sampled from (decision "One sampling distribution").

    Returns:
        ``[n]`` log-probabilities in nats; differentiable in ``hidden`` and ``weight``.
    """
    keep = (
        torch.is_grad_enabled()
        and hidden.device.type == "cpu"
        and len(hidden) * len(weight) <= _KEPT_ELEMENTS
        and hidden.dtype == torch.float32
    )
    inputs = (hidden, weight, targets, temperature, keep)
    result: Tensor = _SelectedLogProbs.apply(*inputs)  # type: ignore[no-untyped-call]
    return result


def _chunks(rows: int, vocabulary: int, device: torch.device) -> list[slice]:
    size = max(1, (_CHUNK_ELEMENTS if device.type == "cpu" else _CHUNK_ELEMENTS_GPU) // vocabulary)
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


class _SelectedLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float, keep: bool
    ) -> Tensor:
        chosen = torch.empty(hidden.shape[0], device=hidden.device, dtype=torch.float32)
        normaliser = torch.empty_like(chosen)
        ctx.kept = []
        for rows in _chunks(hidden.shape[0], weight.shape[0], hidden.device):
            logits = product(hidden[rows], weight)
            chosen[rows], normaliser[rows] = _selected(logits, targets[rows], temperature)
            if keep:
                ctx.kept.append(logits)  # over the temperature by now
        ctx.save_for_backward(hidden, weight, targets, normaliser)
        ctx.temperature = temperature
        return chosen - normaliser

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, targets, normaliser = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        for rows in _chunks(hidden.shape[0], weight.shape[0], hidden.device):
            step = grad[rows] / ctx.temperature
            if ctx.kept:
                grad_logits = _scaled_to_gradient(ctx.kept.pop(0), targets[rows], normaliser[rows], step)
            else:
                logits = product(hidden[rows], weight)
                grad_logits = _to_gradient(logits, targets[rows], normaliser[rows], step, ctx.temperature)
            if grad_hidden is not None:
                grad_hidden[rows] = product(grad_logits, weight.T)
            if grad_weight is not None:
                grad_weight.addmm_(grad_logits.T, hidden[rows])
        return grad_hidden, grad_weight, None, None, None


def _selected(logits: Tensor, targets: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """The targets' logits over temperature and the logarithm of the sum of exponentials, ``[n]`` float32 each."""
    if fused_kernels(logits.device):
        from leadline.model import kernels

        chosen, normaliser = kernels.selected(logits, targets, temperature)
        return chosen, normaliser
    logits = logits.float().div_(temperature)
    return logits.gather(1, targets[:, None])[:, 0], torch.logsumexp(logits, -1)


def _to_gradient(
    logits: Tensor, targets: Tensor, normaliser: Tensor, step: Tensor, temperature: float
) -> Tensor:
    """d logp[target] / d logits = onehot(target) - softmax, times the incoming gradient over temperature ``step``.

    In place of the logits.
    """
    if fused_kernels(logits.device):
        from leadline.model import kernels

        kernels.logits_to_gradient(logits, targets, normaliser, step, temperature)
        return logits
    return _scaled_to_gradient(logits.float().div_(temperature), targets, normaliser, step).to(logits.dtype)


def _scaled_to_gradient(scaled: Tensor, targets: Tensor, normaliser: Tensor, step: Tensor) -> Tensor:
    """:func:`_to_gradient` from float32 logits that are over the temperature already, in their place."""
    values = scaled.sub_(normaliser[:, None]).exp_().mul_(-step[:, None])
    return values.scatter_add_(1, targets[:, None], step[:, None])
