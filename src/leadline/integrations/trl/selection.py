"""Which problems a step of TRL's GRPOTrainer asks: what ``rl.select`` says, for any data set and in any process.

TRL deals the data set out before the first step. Here the rows that its sampler hands over say only how many there are:
each step's candidates follow from the seed and the step, and which of them are asked from what was seen before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from leadline.errors import ConfigError
from leadline.grpo.refill import refill
from leadline.grpo.solve_window import SolveWindow
from leadline.integrations.trl.arguments import is_whole
from leadline.integrations.trl.mixin import LeadBatch, LeadMixin, lead_metrics
from leadline.seeds import endless_order, python_rng
from leadline.types import Problem

__all__ = ["SelectMixin", "joined_rows"]

_MODES = ("none", "window", "refill")
_ON_THE_LEFT = ("prompt_ids", "prompt_mask")


class SelectMixin(LeadMixin):
    """A :class:`~leadline.integrations.trl.LeadMixin` that chooses its prompts.

    Args (besides those of the trainer):
        select: ``none``: the data set in TRL's order. ``window``: of ``select_factor`` times as many prompts as a
            generation has, those whose groups would most likely hold right and wrong completions, by what past ones
            say of each prompt (:class:`~leadline.grpo.solve_window.SolveWindow`) and, with a column ``difficulty``,
            of its level. ``refill``: prompts are asked until as many groups as a generation has have a signal, or
            ``select_factor`` times as many were asked; the update is made of those groups alone. What is logged as
            ``lead/*`` is of all that was asked.
        select_factor: at least 2.

    Raises:
        ConfigError: another mode, a streamed data set, or ``refill`` where it cannot be.
    """

    select: str
    select_factor: int
    window: SolveWindow

    def __init__(self, *args: Any, select: str = "none", select_factor: int = 4, **kwargs: Any) -> None:
        if select not in _MODES:
            raise ConfigError(f"select: {select!r} is not one of {', '.join(_MODES)}")
        if not is_whole(select_factor):
            raise ConfigError(f"select_factor: {select_factor!r} is no whole number, such as 4")
        if select_factor < 2:
            raise ConfigError(f"select_factor: {select_factor} leaves nothing to choose from: at least 2")
        self.select, self.select_factor = select, select_factor
        super().__init__(*args, **kwargs)
        self.window = SolveWindow(self.num_generations)
        faults = self._select_faults()
        if faults:
            raise ConfigError(faults)

    def _select_faults(self) -> list[str]:
        data = self.train_dataset
        faults = []
        if self.select != "none" and not (hasattr(data, "__len__") and hasattr(data, "select")):
            faults.append(f"select: {self.select}: the data set is streamed: its rows cannot be asked for")
        if self.select == "refill" and self.accelerator.num_processes > 1:
            faults.append("select: refill: runs in one process; use window")
        if self.select == "refill" and {"image", "images"} & set(getattr(data, "column_names", None) or ()):
            faults.append("select: refill: not for prompts with images; use window")
        return faults

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        if self.select == "none" or not self.model.training:
            return super()._generate_and_score_completions(inputs)
        step = self._step // (self.args.steps_per_generation * self.num_iterations)
        wanted = len(inputs) * self.accelerator.num_processes // self.num_generations
        candidates = self._candidates(step, wanted * self.select_factor)
        if self.select == "refill":
            return self._refilled(candidates, wanted, inputs)
        noise = python_rng(self.args.seed, "select", step)
        problems = {place: self.problem_at(place) for place in candidates}
        picked = self.window.pick([problems[place] for place in candidates], wanted, noise)
        places = self.in_turn([candidates[index] for index in picked])
        first = self.accelerator.process_index * len(inputs)
        # in place: the callers go on with them
        inputs[:] = self._rows_of(places)[first : first + len(inputs)]
        output = super()._generate_and_score_completions(inputs)
        batch = self.lead_batch
        assert batch is not None  # super() made it
        verdict = batch.columns[:, self.verdict_column]
        right = (batch.finished & (verdict == 1)).tolist()
        said = [
            None if unknown else one for one, unknown in zip(right, verdict.isnan().tolist(), strict=True)
        ]
        order = [problems[place] for place in places for _ in range(self.num_generations)]
        self.window.learn(zip(order, said, strict=True))
        return output

    def _candidates(self, step: int, count: int) -> list[int]:
        """Places in the data set that this step may ask: all of it in turn, epoch after epoch."""
        size, first = len(self.train_dataset), step * count
        if not self.shuffle_dataset:
            return [place % size for place in range(first, first + count)]
        return endless_order(size, first, count, self.args.seed, "select")

    def problem_at(self, place: int) -> Problem:
        """The problem of a row, as the window knows it. A recipe's run names them as its material does.

        By its place: rows with one prompt may differ in an image, an environment or its settings.
        """
        row: Mapping[str, Any] = self.train_dataset[place]
        level = row.get("difficulty")
        if isinstance(level, bool) or not isinstance(level, int | float):
            level = None
        return Problem(str(place), "", "", difficulty=level)

    def in_turn(self, places: list[int]) -> list[int]:
        """In which order the chosen ones are dealt to processes and updates."""
        return places

    def _rows_of(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """A row a completion, groups together."""
        return [dict(self.train_dataset[place]) for place in places for _ in range(self.num_generations)]

    def _refilled(self, candidates: Sequence[int], wanted: int, inputs: list[Any]) -> dict[str, Any]:
        """Asks on as the local engine does (:mod:`leadline.grpo.refill`).

        Where the candidates end before, groups without a signal fill the batch up, masked out of the loss.
        """
        size = self.num_generations
        outputs: list[dict[str, Any]] = []
        batches: list[LeadBatch] = []
        rows: list[dict[str, Any]] = []
        generate = super()._generate_and_score_completions
        before = {name: len(values) for name, values in self._metrics["train"].items()}

        def ask(places: Sequence[int]) -> int:
            part = self._rows_of(places)
            outputs.append(generate(part))
            assert self.lead_batch is not None  # generate made it
            batches.append(self.lead_batch)
            rows.extend(part)
            return int(batches[-1].out.live[::size].sum())

        self.learns = False  # the advantages' memory is told of the whole, once
        try:
            refill(candidates, wanted, ask)
        finally:
            self.learns = True
        live = torch.cat([batch.out.live for batch in batches])
        for batch in batches:  # each round's own numbers; a round need not have had all of them
            for name in lead_metrics(batch):
                del self._metrics["train"][f"lead/{name}"][before.get(f"lead/{name}", 0) :]
        whole = self.weighed_together(batches)
        self.lead_batch = whole
        inputs[:] = rows
        output = joined_rows(outputs, self._tokenizer.pad_token_id)
        output["advantages"] = torch.where(live, whole.out.advantage, 0).to(output["advantages"].dtype)
        return _filled_up(output, live, wanted * size)


def joined_rows(outputs: Sequence[Mapping[str, Any]], pad: int) -> dict[str, Any]:
    """Several of TRL's generation batches as one: prompts padded on the left, completions on the right.

    >>> parts = [{"prompt_ids": torch.ones(1, 2)}, {"prompt_ids": torch.ones(1, 3)}]
    >>> joined_rows(parts, 0)["prompt_ids"].tolist()
    [[0.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    joined: dict[str, Any] = {}
    for name, first in outputs[0].items():
        values = [output[name] for output in outputs]
        if name == "num_items_in_batch":
            joined[name] = sum(values[1:], start=values[0])
        elif not isinstance(first, Tensor) or first.dim() == 0:
            joined[name] = first
        elif first.dim() == 1:
            joined[name] = torch.cat(values)
        else:
            width = max(value.shape[1] for value in values)
            fill = pad if name.endswith("_ids") else int(name == "tool_mask")
            joined[name] = torch.cat([_widened(value, width, name in _ON_THE_LEFT, fill) for value in values])
    return joined


def _widened(rows: Tensor, width: int, left: bool, fill: int) -> Tensor:
    more = width - rows.shape[1]
    return F.pad(rows, (more, 0) if left else (0, more), value=fill)


def _filled_up(output: dict[str, Any], live: Tensor, size: int) -> dict[str, Any]:
    """The live rows, and behind them as many others, masked, as ``size`` rows need."""
    order = torch.cat([live.nonzero()[:, 0], (~live).nonzero()[:, 0]])[:size]
    filler = ~live[order]
    picked = {
        name: value[order] if isinstance(value, Tensor) and value.dim() else value
        for name, value in output.items()
    }
    picked["completion_mask"] = torch.where(filler[:, None], 0, picked["completion_mask"])
    loss_mask = picked["completion_mask"] * picked.get("tool_mask", 1)
    picked["num_items_in_batch"] = loss_mask.sum()
    return picked
