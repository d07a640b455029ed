"""Log-probabilities of chosen tokens, without ever holding the whole ``[tokens, vocabulary]`` matrix of logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from leadline.model.linear import product

__all__ = ["selected_logprobs"]

# Logits computed at a time: 2^24 floats are 64 MiB, with a vocabulary of 152,064 enough rows (110) for the matrix
# product to run at full speed although it reads the whole output matrix each time.
_CHUNK_ELEMENTS = 1 << 24


def selected_logprobs(hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float = 1.0) -> Tensor:
    """``log softmax(hidden @ weight.T / temperature)[targets]``, in float32, row by row.

    Logits are computed a chunk of rows at a time, and again in the backward pass: time for memory, which for a
    vocabulary of 152,064 is the difference between a few megabytes and gigabytes.

    Args:
        hidden: ``[n, C]`` normalised hidden states.
        weight: ``[V, C]`` output matrix.
        targets: ``[n]`` token ids.
        temperature: of the distribution that was sampled from (Decision 11).

    Returns:
        ``[n]`` log-probabilities in nats; differentiable in ``hidden`` and ``weight``.
    """
    result: Tensor = _SelectedLogProbs.apply(hidden, weight, targets, temperature)  # type: ignore[no-untyped-call]
    return result


def _chunks(rows: int, vocabulary: int) -> list[slice]:
    size = max(1, _CHUNK_ELEMENTS // vocabulary)
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


class _SelectedLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float) -> Tensor:
        chosen = torch.empty(hidden.shape[0], device=hidden.device, dtype=torch.float32)
        normaliser = torch.empty_like(chosen)
        for rows in _chunks(hidden.shape[0], weight.shape[0]):
            logits = product(hidden[rows], weight).float().div_(temperature)
            normaliser[rows] = torch.logsumexp(logits, -1)
            chosen[rows] = logits.gather(1, targets[rows, None])[:, 0]
        ctx.save_for_backward(hidden, weight, targets, normaliser)
        ctx.temperature = temperature
        return chosen - normaliser

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, targets, normaliser = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        for rows in _chunks(hidden.shape[0], weight.shape[0]):
            logits = product(hidden[rows], weight).float().div_(ctx.temperature)
            # d logp[target] / d logits = onehot(target) - softmax, times the incoming gradient and 1 / temperature
            step = grad[rows, None] / ctx.temperature
            grad_logits = logits.sub_(normaliser[rows, None]).exp_().mul_(-step)
            grad_logits.scatter_add_(1, targets[rows, None], step)
            grad_logits = grad_logits.to(hidden.dtype)
            if grad_hidden is not None:
                grad_hidden[rows] = product(grad_logits, weight.T)
            if grad_weight is not None:
                grad_weight.addmm_(grad_logits.T, hidden[rows])
        return grad_hidden, grad_weight, None, None
