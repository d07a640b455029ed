"""The trainer mixin: TRL's GRPOTrainer with advantages from ``leadline.grpo.advantages.group_advantages``.

Four of TRL's methods are wrapped, none is copied. ``_generate`` says which tokens the model wrote itself.
``_calculate_rewards`` returns the rewards of all processes in rank order: there the whole groups are in sight,
wherever their rows were generated. After ``_generate_and_score_completions`` the advantages that TRL computed are
replaced, in its output and in its log. Before ``log`` averages an evaluation, its batches are weighed by their rows.
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
from leadline.integrations.trl.arguments import argument_faults, named_arguments
from leadline.integrations.trl.batch_means import weigh_batches
from leadline.integrations.trl.ends import Ends, stop_tokens
from leadline.integrations.trl.guard import unsuited
from leadline.integrations.trl.host import Host
from leadline.integrations.trl.rewards import AnsweredReward
from leadline.integrations.trl.sampler_weights import weight_by_length
from leadline.integrations.trl.turns import OPENED, OWN_TOKENS, opens_thought

__all__ = ["LeadBatch", "LeadMixin", "fingerprint", "group_ids", "lead_metrics", "verdicts"]


class LeadBatch(NamedTuple):
    """What went into the advantages of one generation batch, and what came out; rows of all processes, in rank order.

    Attributes:
        columns: [B, n_funcs] values of the reward functions, NaN where one gave None.
        length: int64 [B] tokens that the model wrote: what tools and environments put in between does not count.
        finished: bool [B], True where the model ended by itself (:class:`~leadline.integrations.trl.ends.Ends`).
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
            Its weight must be 1: a right answer earns ``advantage.right``.
        correct_above: for a correctness with other values (a reward model, an environment that pays parts): right
            is what exceeds this. Without it other values are refused.

    The other reward functions, times their weights, are the bonus. A function named ``answered`` (see
    :class:`~leadline.integrations.trl.AnsweredReward`), weight 0, tells "no answer" from "wrong". A completion that the
    token cap cut off counts as not answered, whatever its text says.
    """

    correct_above: float | None = None
    learns: bool = True
    """False while generations are tried of which the advantages' memory is not to know yet."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        reason = unsuited(cls)
        if reason is not None:
            raise ConfigError(f"{cls.__name__}: {reason}")

    def __init__(
        self,
        *args: Any,
        advantage: AdvantageConfig | None = None,
        correctness: str = "accuracy",
        correct_above: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.advantage_config = AdvantageConfig.lead() if advantage is None else advantage
        faults = argument_faults(
            named_arguments(type(self), args, kwargs),
            advantage=self.advantage_config,
            correctness=correctness,
            correct_above=correct_above,
        )
        if faults:  # before the model is loaded; otherwise found out behind the first generation
            raise ConfigError(faults)
        self.weigher = Weigher(self.advantage_config)
        self.correctness, self.correct_above = correctness, correct_above
        self.lead_batch: LeadBatch | None = None
        self._lead_mask: Sequence[Sequence[int]] | None = None
        self._lead_opened: list[bool] = []
        self._lead_measured: list[int] = []  # rows of each batch of the evaluation under way
        super().__init__(*args, **kwargs)
        # TRL's own list: it cuts completions at these, and counts those without one as cut off
        self.eos_token_ids = list(
            dict.fromkeys([*self.eos_token_ids, *stop_tokens(self.args.generation_kwargs)])
        )
        self._check_rewards()
        for callback in self.callback_handler.callbacks:
            self._attach(callback)

    def add_callback(self, callback: Any) -> None:
        super().add_callback(callback)
        self._attach(self.callback_handler.callbacks[-1])  # made from its class, where that was given

    def _attach(self, callback: Any) -> None:
        """Let the checks of a ``LeadCallback`` see the completions, too."""
        if hasattr(callback, "attach"):
            callback.attach(self)

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        sampler = super()._get_train_sampler(dataset)
        if len(sampler) == 0:
            per = self.args.generation_batch_size // self.num_generations
            raise ConfigError(
                f"train_dataset: {len(self.train_dataset)} rows, and a generation asks {per} prompts: no step would "
                "be made; use more rows or a smaller batch (per_device_train_batch_size, steps_per_generation)"
            )
        return sampler

    def _check_rewards(self) -> None:
        names, faults = list(self.reward_func_names), []
        if names.count(self.correctness) != 1:
            faults.append(
                f"correctness: no single reward function is named {self.correctness!r}; there are {names}: "
                "correctness=NAME says which of them is 1 for right, 0 for wrong and None for a bad reference answer"
            )
        elif float(self.reward_weights[names.index(self.correctness)]) not in self._weights_of_correctness:
            faults.append(
                f"reward_weights: that of {self.correctness!r} must be 1: a right answer earns advantage.right; where "
                "it is to earn nothing, advantage=AdvantageConfig.lead(pay_accuracy=False, length_alpha=0)"
            )
        if self.advantage_config.wrong != self.advantage_config.no_answer and "answered" not in names:
            faults.append(
                "advantage: wrong and no_answer differ: add leadline.integrations.trl.answered "
                "to reward_funcs, weight 0"
            )
        faults += self._paid_answers(names)
        if self.multi_objective_aggregation != "sum_then_normalize":
            faults.append(
                "multi_objective_aggregation: advantage decides; only 'sum_then_normalize' is its equal"
            )
        if faults:
            raise ConfigError(faults)

    @property
    def _weights_of_correctness(self) -> tuple[float, ...]:
        return (1.0,) if self.advantage_config.pay_accuracy else (1.0, 0.0)

    def _paid_answers(self, names: Sequence[str]) -> list[str]:
        """A function ``answered`` tells "no answer" from "wrong" and earns nothing: its weight must say so."""
        for name, function, weight in zip(names, self.reward_funcs, self.reward_weights, strict=True):
            meant = self.args.reward_weights is not None or not isinstance(function, AnsweredReward)
            if name == "answered" and name != self.correctness and float(weight) != 0 and meant:
                return [
                    f"reward_weights: that of 'answered' is {float(weight):g}, must be 0: the function of this "
                    "name tells 'no answer' from 'wrong' (advantage.no_answer) and is not paid; one that is to be paid "
                    "needs another name"
                ]
        return []

    def _generate(self, prompts: Any) -> Any:
        generated = super()._generate(prompts)
        self._lead_mask = generated[2]
        self._lead_opened = [opens_thought(self._tokenizer, ids) for ids in generated[0]]
        return generated

    def _calculate_rewards(
        self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Sequence[Sequence[int]]
    ) -> Tensor:
        masks = self._lead_mask  # of a rollout_func lists, arrays or tensors
        if masks is None:
            masks = [[1] * len(ids) for ids in completion_ids_list]
        known = [
            {OWN_TOKENS: int(sum(mask)), OPENED: opened}
            for mask, opened in zip(masks, self._lead_opened, strict=True)
        ]
        inputs = [{**row, **more} for row, more in zip(inputs, known, strict=True)]
        columns: Tensor = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        ends = Ends.of(
            [*self.eos_token_ids, self._tokenizer.pad_token_id],  # what TRL itself takes for an end
            self.max_completion_length,
            self.args.generation_kwargs,
            rolled=getattr(self, "rollout_func", None) is not None,
        )
        local = torch.tensor(
            [
                (
                    row[OWN_TOKENS],
                    ends.ended(ids, mask),
                    fingerprint(row.get("prompt")),
                )
                for row, ids, mask in zip(inputs, completion_ids_list, masks, strict=True)
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
        verdict = columns[:, self.verdict_column]
        right = verdicts(verdict, self.correctness, self.correct_above)
        columns = columns.clone()
        columns[:, self.verdict_column] = torch.where(verdict.isnan(), verdict, right.to(columns))
        return self._weighed(columns, length, finished, group)

    @property
    def verdict_column(self) -> int:
        """Which of the reward functions says whether a completion is right."""
        return list(self.reward_func_names).index(self.correctness)

    def _weighed(self, columns: Tensor, length: Tensor, finished: Tensor, group: Tensor) -> LeadBatch:
        """Advantages of rewards whose verdicts are 1, 0 or NaN."""
        names, verdict = list(self.reward_func_names), columns[:, self.verdict_column]
        answered = finished
        if "answered" in names:
            answered = finished & (columns[:, names.index("answered")] > 0.5)
        weights = self.reward_weights.to(columns.device)
        others = [i for i, name in enumerate(names) if name not in (self.correctness, "answered")]
        out, length_metrics = self.weigher(
            finished & (verdict == 1),
            length,
            group,
            scorable=~verdict.isnan(),
            answered=answered,
            bonus=(columns[:, others].double() * weights[others].double()).nansum(1),
            learn=self.model.training and self.learns,
        )
        return LeadBatch(columns, length, finished, group, out, length_metrics)

    def weighed_together(self, rounds: Sequence[LeadBatch]) -> LeadBatch:
        """Several generations of one step as one batch, which is logged."""
        size = self.num_generations
        columns, length, finished = (
            torch.cat(parts) for parts in zip(*(batch[:3] for batch in rounds), strict=True)
        )
        whole = self._weighed(
            columns, length, finished, torch.arange(len(length), device=length.device) // size
        )
        for name, value in lead_metrics(whole).items():
            self._metrics["train"][f"lead/{name}"].append(value)
        self._log_advantages(whole)
        return whole

    def _log_advantages(self, batch: LeadBatch) -> None:
        """Instead of the last ones of the log, which are of the same rows."""
        log = self._logs["advantages"]
        for _ in range(min(len(log), len(batch.length))):
            log.pop()
        log.extend(batch.out.advantage.tolist())

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        batch = self.lead_batch
        assert batch is not None  # set by _calculate_rewards, which TRL calls in between
        first = self.accelerator.process_index * len(inputs)
        output["advantages"] = batch.out.advantage[first : first + len(inputs)].to(output["advantages"].dtype)
        self._log_advantages(batch)
        if not self.model.training:
            self._lead_measured.append(len(batch.length))
        metrics = lead_metrics(batch) | weight_by_length(output, self.accelerator.gather)
        for name, value in metrics.items():
            self._metrics["train" if self.model.training else "eval"][f"lead/{name}"].append(value)
        return output

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if not self.model.training:
            weigh_batches(self._metrics["eval"], self._lead_measured)
            self._lead_measured = []
        super().log(logs, start_time)


def verdicts(values: Tensor, name: str, above: float | None) -> Tensor:
    """bool [B]: right or not; False where the value is NaN (unscorable).

    Raises:
        ConfigError: without a threshold, anything but 1, 0 and None: taking a half for a whole would be a guess.

    >>> verdicts(torch.tensor([1.0, 0.0, float("nan")]), "accuracy", None)
    tensor([ True, False, False])
    """
    if above is not None:
        return values > above
    strange = ~(values.isnan() | (values == 0) | (values == 1))
    if bool(strange.any()):
        raise ConfigError(
            f"reward_funcs: {name!r} gave {float(values[strange][0]):g}: correctness is 1, 0 or None. Where it has "
            "other values say what is right: correct_above=..."
        )
    return values == 1


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
