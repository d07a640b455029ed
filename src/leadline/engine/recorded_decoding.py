"""Decoding on a GPU: the step of one token is recorded once as a CUDA graph, and replayed for every token.

A small model's step is a few hundred kernels of microseconds each: launched one by one from Python they take far
longer than they compute. A recording reads and writes fixed addresses, so the cache, the noise and the results have
theirs, and what changes from step to step (which rows, which column) stands in tensors too. As rows end, recordings of
half as many lines take over. Without a GPU the same step runs unrecorded, which is how it is tested against the plain
way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from leadline.engine.draw import draw_tokens
from leadline.engine.prompts import Prompts, prefill
from leadline.model import Decoder
from leadline.model.fused import available, fused_step
from leadline.model.static_cache import StaticCache

__all__ = ["RecordedDecoder", "Shape", "decoder_for"]

# Prompts are given room in steps of so many tokens, so that batches of like prompts share a recording.
_WIDTHS = 32
_LOOK = 8  # tokens between two looks at how many rows are left: each waits for the GPU
_FEWEST = 16  # lines of the smallest recording; fewer would not be faster
_KEPT = 2  # recordings of other shapes (training, validation) kept a model...
_KEPT_BYTES = 1 << 30  # ... as long as their caches take no more than this together


@dataclass(frozen=True)
class Shape:
    """What a recording is fixed to: N prompts of at most ``width`` tokens, G rows each, T tokens a row."""

    prompts: int
    group: int
    width: int
    tokens: int
    temperature: float
    eos: int

    @classmethod
    def of(cls, prompts: Prompts, group: int, tokens: int, temperature: float, eos: int) -> Shape:
        rows, width = prompts.tokens.shape
        return cls(rows, group, -(-width // _WIDTHS) * _WIDTHS, tokens, temperature, eos)


@dataclass
class _Lines:
    """The rows under way: their slot, last token, the position of that token, and whether they go on; ``[B]`` each."""

    slots: Tensor
    token: Tensor
    position: Tensor
    running: Tensor

    def select(self, keep: Tensor) -> _Lines:
        return _Lines(self.slots[keep], self.token[keep], self.position[keep], self.running[keep])

    def copy_(self, other: _Lines) -> None:
        for mine, theirs in zip(self._tensors(), other._tensors(), strict=True):
            mine.copy_(theirs)

    def clone(self) -> _Lines:
        return _Lines(*(tensor.clone() for tensor in self._tensors()))

    def _tensors(self) -> tuple[Tensor, ...]:
        return self.slots, self.token, self.position, self.running


class RecordedDecoder:
    """Buffers and recordings for one model and one shape of batch.

    Args:
        model: whose weights the recordings read; the same model must be given to :meth:`decode`.
        shape: of the batches.
    """

    def __init__(self, model: Decoder, shape: Shape) -> None:
        self.shape, self.addresses = shape, _addresses(model)
        weight, rows = model.lm_head.weight, shape.prompts * shape.group
        self.cache = StaticCache(
            model.config, shape.prompts, shape.group, shape.width, shape.tokens, weight.detach()
        )
        self._uniform = torch.zeros(rows, shape.tokens, dtype=torch.float64, device=weight.device)
        self._tokens = torch.zeros(rows, shape.tokens, dtype=torch.long, device=weight.device)
        self._logprobs = torch.zeros(rows, shape.tokens, device=weight.device)
        self._recordings: dict[int, tuple[_Lines, Callable[[], None]]] = {}
        self._pool = torch.cuda.graph_pool_handle() if weight.is_cuda else None

    def decode(
        self, model: Decoder, prompts: Prompts, uniform: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Tokens and log-probabilities ``[R, T]``, lengths and ends ``[R]``; ``uniform [R, T]`` decides the draws."""
        lines = self._begin(model, prompts, uniform)
        rows = len(lines.slots)
        lines, replay = self._recording(model, lines)
        for column in range(1, self.shape.tokens):
            replay()
            if column % _LOOK == 0:
                alive = int(lines.running.sum())
                if not alive:
                    break
                size = _lines_for(alive, rows)
                if size < len(lines.slots):
                    # the running ones first; those that fill up the recording have ended and write zeros
                    keep = torch.argsort(~lines.running, stable=True)[:size]
                    lines, replay = self._recording(model, lines.select(keep))
        return self._results()

    def _begin(self, model: Decoder, prompts: Prompts, uniform: Tensor) -> _Lines:
        """Read the prompts and draw the first token of every row."""
        hidden, past = prefill(model, prompts)
        self.cache.fill(past, prompts.lengths)
        self._uniform.copy_(uniform)
        self._tokens.zero_()
        self._logprobs.zero_()
        logits = model.logits(hidden).repeat_interleave(self.shape.group, 0)
        token, logprob = draw_tokens(logits, self.shape.temperature, self._uniform[:, 0])
        self._tokens[:, 0], self._logprobs[:, 0] = token, logprob
        position = prompts.lengths.repeat_interleave(self.shape.group)
        slots = torch.arange(len(token), device=token.device)
        return _Lines(slots, token, position, token != self.shape.eos)

    def _advance(self, model: Decoder, lines: _Lines) -> None:
        """One token for every line; no shape and no address depends on what is computed."""
        cache = self.cache
        cache.slots = lines.slots
        if available(model.config, lines.token.device):
            hidden = fused_step(model, lines.token, lines.position, cache)
        else:
            hidden = model.step(lines.token, lines.position, cache)
        column = cache.length  # the own tokens in the cache are those before the one drawn now
        uniform = self._uniform[lines.slots, column]
        token, logprob = draw_tokens(model.logits(hidden), self.shape.temperature, uniform)
        self._tokens[lines.slots, column] = torch.where(lines.running, token, 0)
        self._logprobs[lines.slots, column] = torch.where(lines.running, logprob, 0.0)
        lines.running &= token != self.shape.eos
        lines.token.copy_(token)
        lines.position += 1

    def _recording(self, model: Decoder, lines: _Lines) -> tuple[_Lines, Callable[[], None]]:
        """The recording for so many lines, made when first needed, with these lines in it."""
        size = len(lines.slots)
        if size not in self._recordings:
            fixed = lines.clone()
            self._recordings[size] = fixed, self._record(model, fixed)
        fixed, replay = self._recordings[size]
        fixed.copy_(lines)
        return fixed, replay

    def _record(self, model: Decoder, lines: _Lines) -> Callable[[], None]:
        if not lines.slots.is_cuda:
            return lambda: self._advance(model, lines)
        length = self.cache.length.clone()
        before, aside = lines.clone(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # once for real, so that kernels are compiled and libraries set up
            self._advance(model, lines)
        torch.cuda.current_stream().wait_stream(aside)
        lines.copy_(before)
        self.cache.length.copy_(length)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            self._advance(model, lines)
        replay: Callable[[], None] = graph.replay
        return replay

    def _results(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        ends = self._tokens == self.shape.eos
        finished = ends.any(1)
        lengths = torch.where(finished, ends.int().argmax(1) + 1, self.shape.tokens)
        width = int(lengths.max())
        return self._tokens[:, :width].clone(), self._logprobs[:, :width].clone(), lengths, finished


def decoder_for(model: Decoder, shape: Shape) -> RecordedDecoder:
    """The recorded decoder of this model and shape, kept from call to call; older ones go when they take much room."""
    known = _known.setdefault(model, {})
    found = known.pop(shape, None)
    if found is None or found.addresses != _addresses(model):
        found = RecordedDecoder(model, shape)
    known[shape] = found  # the newest stands last
    while len(known) > _KEPT or (
        len(known) > 1 and sum(decoder.cache.bytes for decoder in known.values()) > _KEPT_BYTES
    ):
        del known[next(iter(known))]
    return found


_known: WeakKeyDictionary[Decoder, dict[Shape, RecordedDecoder]] = WeakKeyDictionary()


def _addresses(model: Decoder) -> tuple[int, ...]:
    """Where the weights stand: a recording of weights that have moved would read freed memory."""
    return tuple(parameter.data_ptr() for parameter in model.parameters())


def _lines_for(alive: int, rows: int) -> int:
    """``rows`` halved as long as ``alive`` lines fit.

    >>> [_lines_for(alive, 128) for alive in (128, 65, 64, 3)]
    [128, 128, 64, 16]
    """
    size = rows
    while size // 2 >= max(alive, _FEWEST):
        size //= 2
    return size
