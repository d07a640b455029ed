"""The policy over all answers, computed and not sampled: one forward pass through the trie of all strings.

An answer of L letters from an alphabet of m ends after exactly L letters and the end-of-sequence token. The trie has
1 + m + ... + m^L contexts a prompt; the distribution after every context gives the probability of every answer. What
the model puts on anything else (wrong length, foreign tokens) is one outcome, ``malformed``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from leadline.engine.logprobs import completion_logprobs
from leadline.engine.prompts import Prompts
from leadline.model import Decoder, KeyValues
from leadline.studies.design.source import EOS, Encoding, Item
from leadline.tasks.arithmetic import number_of

__all__ = ["ENUMERABLE", "Policies", "enumerable", "exact_correct_mass", "policies"]

Array = npt.NDArray[np.float64]

ENUMERABLE = 1296
"""Most answers a prompt that are enumerated (6^4); beyond, only the correct mass is computed."""

# More is slower: blocks of tens of megabytes are mapped and cleared anew every time.
_CONTEXTS_AT_ONCE = 4_000


class Policies(NamedTuple):
    """What a model says to some prompts.

    Attributes:
        probabilities: ``[N, m^L + 1]``; column ``i`` is answer ``i`` in counting order, the last one is everything
            malformed.
        correct: ``[N]`` column of the right answer.
    """

    probabilities: Array
    correct: npt.NDArray[np.int64]

    @property
    def mass(self) -> Array:
        """``[N]`` correct mass Q."""
        return np.asarray(np.take_along_axis(self.probabilities, self.correct[:, None], 1)[:, 0])

    def mask(self, row: int) -> npt.NDArray[np.bool_]:
        """Which outcomes are right for one prompt."""
        return np.asarray(np.arange(self.probabilities.shape[1]) == self.correct[row])


def enumerable(item: Item, encoding: Encoding) -> bool:
    """Whether all answers to a problem are few enough to be enumerated."""
    answers: int = encoding.machine.symbols ** len(item.state)
    return answers <= ENUMERABLE


@torch.no_grad()
def exact_correct_mass(model: Decoder, items: Sequence[Item], encoding: Encoding) -> Array:
    """``[N]`` exact correct mass by teacher forcing: exactly one string is right, so its probability *is* Q."""
    prompts = Prompts.pad([encoding.prompt(item) for item in items], model.device)
    answers = [encoding.answer(item) for item in items]
    lengths = torch.tensor([len(answer) for answer in answers])
    tokens = torch.zeros(len(items), int(lengths.max()), dtype=torch.long)
    for row, answer in enumerate(answers):
        tokens[row, : len(answer)] = torch.tensor(answer)
    logprobs, owner = completion_logprobs(model, prompts, torch.arange(len(items)), tokens, lengths, 1.0)
    total = torch.zeros(len(items), dtype=torch.float64).index_add_(0, owner, logprobs.double())
    return total.exp().numpy()


@torch.no_grad()
def policies(model: Decoder, items: Sequence[Item], encoding: Encoding) -> Policies:
    """The whole policy at every item; all items must have states of one size and one alphabet.

    Raises:
        ValueError: mixed sizes or alphabets, or too many answers to enumerate.
    """
    if len({(len(item.state), item.vocabulary) for item in items}) != 1 or not enumerable(items[0], encoding):
        raise ValueError("items must share size and alphabet, and have few enough answers")
    letters = torch.tensor(encoding.letters(items[0].vocabulary))
    size, symbols = len(items[0].state), encoding.machine.symbols
    at_once = max(1, _CONTEXTS_AT_ONCE // symbols**size)
    rows = [
        _answers(model, [encoding.prompt(item) for item in part], letters, size)
        for length in sorted({len(item.program) for item in items})
        for part in _parts([item for item in items if len(item.program) == length], at_once)
    ]
    order = sorted(range(len(items)), key=lambda index: len(items[index].program))  # stable, as above
    strings = np.empty((len(items), symbols**size))
    strings[order] = torch.cat(rows).exp().numpy()
    malformed = np.clip(1 - strings.sum(1, keepdims=True), 0, None)
    correct = [number_of(encoding.machine.run(item.state, item.program), symbols) for item in items]
    return Policies(np.concatenate((strings, malformed), 1), np.array(correct))


def _answers(model: Decoder, prompts: list[list[int]], letters: Tensor, size: int) -> Tensor:
    """``[N, m^L]`` float64 log-probabilities of all strings of ``size`` letters followed by the end, level by level."""
    hidden, past = model(torch.tensor(prompts))
    hidden = hidden[:, -1]
    total = torch.zeros(len(prompts), 1, dtype=torch.float64)
    symbols = len(letters)
    for _ in range(size):
        logprobs = model.logits(hidden).double().log_softmax(-1)[:, letters]
        total = (total.flatten()[:, None] + logprobs).reshape(len(prompts), -1)
        rows = torch.arange(len(hidden)).repeat_interleave(symbols)
        past = [KeyValues(kv.keys[rows], kv.values[rows]) for kv in past]
        out, past = model(letters.repeat(len(hidden))[:, None], past=past)
        hidden = out[:, -1]
    ends = model.logits(hidden).double().log_softmax(-1)[:, EOS]
    return total + ends.reshape(len(prompts), -1)


def _parts(items: list[Item], size: int) -> list[list[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
