"""Log-probabilities of completions under a model, with each prompt computed once for all its completions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from leadline.engine.prompts import Prompts, prefill
from leadline.model import Decoder, KeyValues, selected_logprobs
from leadline.model.codec import Codec
from leadline.types import Problem

__all__ = ["completion_logprobs", "text_logprobs"]

_TEXTS_AT_ONCE = 64


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
    mask = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
    # The last prompt token predicts the first completion token, and each completion token the one after it.
    hidden = last[local][:, None]
    if tokens.shape[1] > 1:
        shared = [KeyValues(kv.keys[local], kv.values[local]) for kv in past]
        hidden = torch.cat((hidden, _extend(model, prompts, local, tokens[:, :-1], mask[:, 1:], shared)), 1)
    logprobs = selected_logprobs(hidden[mask], model.lm_head.weight, tokens[mask], temperature)
    return logprobs, mask.nonzero()[:, 0]


@torch.no_grad()
def text_logprobs(
    model: Decoder, codec: Codec, problems: Sequence[Problem], texts: Sequence[str], temperature: float
) -> list[float]:
    """Log-probability in nats of ``texts[i]``, end-of-sequence included, as the whole answer to ``problems[i]``."""
    values: list[float] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        part = slice(start, start + _TEXTS_AT_ONCE)
        sequences = codec.encode_completions(texts[part])
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        tokens = torch.zeros(len(sequences), int(lengths.max()), dtype=torch.long)
        for row, sequence in enumerate(sequences):
            tokens[row, : len(sequence)] = torch.tensor(sequence)
        prompts = Prompts.pad(codec.encode_prompts(problems[part]), model.device)
        owner = torch.arange(len(sequences), device=model.device)
        logprobs, rows = completion_logprobs(
            model, prompts, owner, tokens.to(model.device), lengths.to(model.device), temperature
        )
        total = torch.zeros(len(sequences), device=model.device, dtype=torch.float64)
        values += total.index_add_(0, rows, logprobs.double()).tolist()
    return values


def _extend(
    model: Decoder, prompts: Prompts, local: Tensor, tokens: Tensor, real: Tensor, past: list[KeyValues]
) -> Tensor:
    """Hidden states ``[R, T, C]`` of completion tokens on top of their prompts, where ``real [R, T]``."""
    width = tokens.shape[1]
    ones = torch.ones(width, width, dtype=torch.bool, device=tokens.device).tril()
    if prompts.padded:
        seen = prompts.real[local][:, None, :].expand(-1, width, -1)
        mask = torch.cat((seen, ones.expand(len(local), -1, -1)), 2)[:, None]
    else:
        mask = torch.cat((ones.new_ones(width, prompts.tokens.shape[1]), ones), 1)[None, None]
    positions = prompts.lengths[local][:, None] + torch.arange(width, device=tokens.device)
    hidden: Tensor = model(tokens, positions, mask=mask, past=past, real=real)[0]
    return hidden
