"""Log-probabilities of completions under a model, with each prompt computed once for all its completions."""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.engine.prompts import Prompts, prefill
from leadline.model import Decoder, KeyValues, selected_logprobs

__all__ = ["completion_logprobs"]


def completion_logprobs(
    model: Decoder, prompts: Prompts, owner: Tensor, tokens: Tensor, lengths: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Log-probability of every completion token, packed; gradients flow back through the shared prompts too.

    Args:
        model: the decoder.
        prompts: at least those that ``owner`` names; only these are computed.
        owner: ``[R]`` prompt of every row.
        tokens: ``[R, T]`` completion tokens, right-padded.
        lengths: ``[R]`` real tokens a row, at least 1.
        temperature: of the distribution they were sampled from.

    Returns:
        ``[n]`` log-probabilities in nats and ``[n]`` row numbers, row by row, where n is ``lengths.sum()``.
    """
    tokens = tokens[:, : int(lengths.max())]
    used, local = torch.unique(owner, return_inverse=True)
    prompts = prompts.select(used)
    last, past = prefill(model, prompts)
    # The last prompt token predicts the first completion token, and each completion token the one after it.
    hidden = last[local][:, None]
    if tokens.shape[1] > 1:
        shared = [KeyValues(kv.keys[local], kv.values[local]) for kv in past]
        hidden = torch.cat((hidden, _extend(model, prompts, local, tokens[:, :-1], shared)), 1)
    columns = torch.arange(tokens.shape[1], device=tokens.device)
    mask = columns < lengths[:, None]
    logprobs = selected_logprobs(hidden[mask], model.lm_head.weight, tokens[mask], temperature)
    return logprobs, mask.nonzero()[:, 0]


def _extend(model: Decoder, prompts: Prompts, local: Tensor, tokens: Tensor, past: list[KeyValues]) -> Tensor:
    """Hidden states ``[R, T, C]`` of completion tokens on top of their prompts."""
    width = tokens.shape[1]
    ones = torch.ones(width, width, dtype=torch.bool, device=tokens.device).tril()
    if prompts.padded:
        seen = prompts.real[local][:, None, :].expand(-1, width, -1)
        mask = torch.cat((seen, ones.expand(len(local), -1, -1)), 2)[:, None]
    else:
        mask = torch.cat((ones.new_ones(width, prompts.tokens.shape[1]), ones), 1)[None, None]
    positions = prompts.lengths[local][:, None] + torch.arange(width, device=tokens.device)
    hidden: Tensor = model(tokens, positions, mask=mask, past=past)[0]
    return hidden
