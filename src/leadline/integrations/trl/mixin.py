"""The trainer mixin: TRL's GRPOTrainer with advantages from ``leadline.grpo.advantages.group_advantages``.

Two of TRL's methods are wrapped, none is copied. ``_calculate_rewards`` returns the rewards of all
processes in
rank order: there the whole groups are in sight, wherever their rows were generated. After
``_generate_and_score_completions`` the advantages that TRL computed are replaced, in its output and in
its log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from leadline.errors import ConfigError, TrainingError
from leadline.grpo.advantages import Advantages
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.weighing import Weigher
from leadline.integrations.trl.host import Host
from leadline.integrations.trl.rewards import gold_column_faults

__all__ = ["LeadBatch", "LeadMixin", "fingerprint", "group_ids", "lead_metrics"]


class LeadBatch(NamedTuple):
    """What went into the advantages of one generation batch, and what came out; rows of all processes, in rank order.

    Attributes:
        columns: [B, n_funcs] values of the reward functions, NaN where one gave None.
        length: int64 [B] completion tokens.
        finished: bool [B], False where the token cap cut the completion off.
        group: int64 [B].
        out: see :class:`leadline.grpo.advantages.Advantages`.
        length_metrics: see :class:`leadline.grpo.weighing.Weighed`.
    """

    columns: Tensor
    length: Tensor
    finished: Tensor
    group: Tensor
    out: Advantages
    length_metrics: dict[str, float | None]


class LeadMixin(Host):
    """Put it before a ``GRPOTrainer``: ``class Mine(LeadMixin, GRPOTrainer)``.

    Args (besides those of the trainer):
        advantage: see :class:`~leadline.grpo.config.AdvantageConfig`; replaces TRL's ``scale_rewards``.
        correctness: name of the reward function whose value says whether a completion is right: 1, 0 or None.
            Its weight must be 1 or 0: a right answer earns ``advantage.right``.

    The other reward functions, times their weights, are the bonus. A function named ``answered`` (see
    :class:`~leadline.integrations.trl.AnsweredReward`) tells "no answer" from "wrong". A completion that the
    token cap cut off counts as not answered, whatever its text says.
    """

    def __init__(
        self,
        *args: Any,
        advantage: AdvantageConfig | None = None,
        correctness: str = "accuracy",
        **kwargs: Any,
    ) -> None:
        self.advantage_config = AdvantageConfig.lead() if advantage is None else advantage
        self.weigher = Weigher(self.advantage_config)
        self.correctness = correctness
        self.lead_batch: LeadBatch | None = None
        sets = {name: kwargs.get(name) for name in ("train_dataset", "eval_dataset")}
        faults = gold_column_faults(kwargs.get("reward_funcs"), sets)
        if faults:  # before the model is loaded; otherwise found out behind the first generation
            raise ConfigError(faults)
        super().__init__(*args, **kwargs)
        self._check_rewards()

    def _check_rewards(self) -> None:
        names, faults = list(self.reward_func_names), []
        if names.count(self.correctness) != 1:
            faults.append(
                f"correctness: no single reward function is named {self.correctness!r}; there are {names}"
            )
        elif float(self.reward_weights[names.index(self.correctness)]) not in (0.0, 1.0):
            faults.append(
                f"reward_weights: that of {self.correctness!r} must be 1 or 0; a right answer earns advantage.right"
            )
        if self.advantage_config.wrong != self.advantage_config.no_answer and "answered" not in names:
            faults.append(
                "advantage: wrong and no_answer differ: add leadline.integrations.trl.answered "
                "to reward_funcs, weight 0"
            )
        if self.multi_objective_aggregation != "sum_then_normalize":
            faults.append(
                "multi_objective_aggregation: advantage decides; only 'sum_then_normalize' is its equal"
            )
        if faults:
            raise ConfigError(faults)

    def _calculate_rewards(
        self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Sequence[Sequence[int]]
    ) -> Tensor:
        columns: Tensor = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        ends = {*self.eos_token_ids, self._tokenizer.pad_token_id}  # what TRL itself takes for an end
        local = torch.tensor(
            [
                (len(ids), bool(len(ids)) and int(ids[-1]) in ends, fingerprint(row.get("prompt")))
                for row, ids in zip(inputs, completion_ids_list, strict=True)
            ],
            dtype=torch.int64,
            device=columns.device,
        )
        length, finished, prompt = self.accelerator.gather(local).unbind(1)
        size = self.num_generations if self.model.training else self.num_generations_eval
        self.lead_batch = self._scored(columns, length, finished.bool(), group_ids(prompt, size))
        return columns

    def _scored(self, columns: Tensor, length: Tensor, finished: Tensor, group: Tensor) -> LeadBatch:
        """The rewards of TRL's functions, as advantages."""
        names = list(self.reward_func_names)
        right = columns[:, names.index(self.correctness)]
        answered = finished
        if "answered" in names:
            answered = finished & (columns[:, names.index("answered")] > 0.5)
        weights = self.reward_weights.to(columns.device)
        others = [i for i, name in enumerate(names) if name not in (self.correctness, "answered")]
        out, length_metrics = self.weigher(
            finished & (right > 0.5),
            length,
            group,
            scorable=~right.isnan(),  # NaN > 0.5 is False: without this an unscorable row would count as wrong
            answered=answered,
            bonus=(columns[:, others].double() * weights[others].double()).nansum(1),
            learn=self.model.training,
        )
        return LeadBatch(columns, length, finished, group, out, length_metrics)

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        batch = self.lead_batch
        assert batch is not None  # set by _calculate_rewards, which TRL calls in between
        first = self.accelerator.process_index * len(inputs)
        output["advantages"] = batch.out.advantage[first : first + len(inputs)].to(output["advantages"].dtype)
        log = self._logs["advantages"]
        for _ in range(min(len(log), len(batch.length))):
            log.pop()
        log.extend(batch.out.advantage.tolist())
        for name, value in lead_metrics(batch).items():
            self._metrics["train" if self.model.training else "eval"][f"lead/{name}"].append(value)
        return output


def group_ids(prompt: Tensor, size: int) -> Tensor:
    """int64 [B]: the group of each row of a gathered batch, from the order that TRL's sampler promises.

    Not the prompts' own ids: a data set may hold one prompt twice. They check the promise instead: ``size``
    consecutive rows must share one prompt, else a sampler or a gather is not what this code was written for.

    Raises:
        TrainingError: they do not.

    >>> group_ids(torch.tensor([5, 5, 5, 5, 9, 9]), 2)
    tensor([0, 0, 1, 1, 2, 2])
    """
    if len(prompt) % size:
        raise TrainingError(f"{len(prompt)} completions do not make groups of {size}")
    blocks = prompt.view(-1, size)
    if not bool((blocks == blocks[:, :1]).all()):
        raise TrainingError(
            f"the rows gathered from all processes do not come in blocks of {size} completions of one prompt: "
            "use TRL's own sampler (_get_train_sampler), and an evaluation set that fills its last batch"
        )
    return torch.arange(len(prompt), device=prompt.device) // size


def lead_metrics(batch: LeadBatch) -> dict[str, float]:
    """Means over the batch for the log; shares of *groups* for live and mixed, NaN where nothing is scorable."""
    out, first = batch.out, torch.ones_like(batch.group, dtype=torch.bool)
    first[1:] = batch.group[1:] != batch.group[:-1]
    scorable = ~out.reward.isnan()
    rate = out.solve_rate[first]
    return {
        "reward": float(out.reward.nanmean()),
        "solve_rate": float(rate.nanmean()),
        "live": float(out.live[first].float().mean()),
        "mixed": float(((rate > 0) & (rate < 1)).float().mean()),
        "weight": float(out.weight[scorable].mean()),
        "unscorable": float((~scorable).float().mean()),
        **{name: value for name, value in batch.length_metrics.items() if value is not None},
    }


def fingerprint(prompt: object) -> int:
    """63 bits of a prompt's content, equal in every process; images count by their type only."""
    text = json.dumps(prompt, sort_keys=True, default=lambda value: type(value).__name__)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
