"""What the completions of a step looked like, in the numbers that ``metrics.jsonl`` holds, whoever trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Self

import torch
from torch import Tensor

from leadline.engine.sampler import SamplingConfig, sample_many
from leadline.engine.scored_batch import Scores, completions_of
from leadline.grpo.advantages import Advantages
from leadline.grpo.batch_signs import inverted_pairs, prompt_signs, text_signs, wrong_to_right
from leadline.grpo.groups import Groups
from leadline.model import Decoder
from leadline.model.codec import Codec
from leadline.recipes.schema import VALIDATION_SAMPLES, PolicyConfig
from leadline.seeds import torch_rng
from leadline.storage.step_row import GAVE_UP
from leadline.types import Problem, Score

__all__ = ["Graded", "completion_metrics", "validation_metrics"]


@dataclass(frozen=True)
class Graded:
    """The graded completions of one step, row by row.

    Attributes:
        correct, wrong: bool [R]; an unscorable completion is neither.
        no_answer: bool [R], True for finished completions in which no answer was found.
        finished: bool [R].
        length: int [R], completion tokens.
        group: int64 [R], in 0..n_groups-1.
        parts: means of the reward's parts but accuracy, which is ``pass@1``; counts of what the grader gave up on.
        bonus: [R], what the parts earn; None where that is not known.
        texts: of the completions; None where they are not at hand.
        asked: what each row was asked, its problem's id or prompt; likewise.
    """

    correct: Tensor
    wrong: Tensor
    no_answer: Tensor
    finished: Tensor
    length: Tensor
    group: Tensor
    parts: Mapping[str, float] = field(default_factory=dict)
    bonus: Tensor | None = None
    texts: Sequence[str] | None = None
    asked: Sequence[str] | None = None

    @classmethod
    def of(
        cls,
        scores: Sequence[Score],
        finished: Tensor,
        group: Tensor,
        *,
        texts: Sequence[str] | None = None,
        asked: Sequence[str] | None = None,
    ) -> Self:
        """From the scores of the rows."""
        reasons = [score.reason for score in scores]
        means = {
            name: fmean(score.parts[name] for score in scores if name in score.parts)
            for name in scores[0].parts
            if name != "accuracy"
        }
        gave_up: dict[str, float] = {name: reasons.count(name) for name in GAVE_UP if name in reasons}
        return cls(
            torch.tensor([score.correct is True for score in scores]),
            torch.tensor([score.correct is False for score in scores]),
            torch.tensor([reason == "no_answer" for reason in reasons]),
            finished.cpu(),
            torch.tensor([score.length for score in scores]),
            group.cpu(),
            means | gave_up,
            torch.tensor([score.bonus for score in scores]),
            texts,
            asked,
        )


def completion_metrics(graded: Graded, advantages: Advantages) -> dict[str, Any]:
    """Shares are of completions, except ``live`` and ``mixed``, which are of groups (decision "Live and mixed groups").

    Unscorable completions count as wrong in ``pass@1``, and in no other number.
    """
    correct, length = graded.correct, graded.length.float()
    groups = int(graded.group.max()) + 1

    def any_in_group(rows: Tensor) -> Tensor:
        return torch.zeros(groups).index_add_(0, graded.group, rows.float()) > 0

    return {
        "reward": float(advantages.reward.nanmean()),
        "pass@1": float(correct.float().mean()),
        "mean_tokens": float(length.mean()),
        "mean_tokens_correct": float(length[correct].mean()) if correct.any() else None,
        "truncated": float((~graded.finished).float().mean()),
        "no_answer": fmean(graded.no_answer.tolist()),
        "live": float(any_in_group(advantages.advantage.cpu() != 0).float().mean()),
        "mixed": float((any_in_group(correct) & any_in_group(graded.wrong)).float().mean()),
        "weight": float(advantages.weight.nanmean()),
    } | _signs(graded, advantages, groups)


def _signs(graded: Graded, advantages: Advantages, groups: int) -> dict[str, Any]:
    """What the checks of :mod:`leadline.health` want to know of a step beyond its means."""
    correct, wrong = graded.correct.numpy(), graded.wrong.numpy()
    reward = advantages.reward.double().cpu()
    scorable = ~reward.isnan()
    signs: dict[str, Any] = {
        "completions": len(correct),
        "groups": groups,
        "unscorable": float((~scorable).float().mean()),
        "reward_sd": float(reward[scorable].std(correction=0)) if scorable.any() else None,
        "mean_tokens_wrong": float(graded.length[graded.wrong].double().mean()) if wrong.any() else None,
    }
    rows = Groups(graded.group.numpy(), groups)
    signs["wrong_to_right"] = wrong_to_right(correct, wrong, graded.length.double().numpy(), rows)
    signs["inverted"] = inverted_pairs(correct, wrong, reward.numpy(), rows)
    if correct.any() and wrong.any():
        signs["outranked"] = float(reward[graded.wrong].max() - reward[graded.correct].min())
    if graded.bonus is not None:
        base = reward - graded.bonus.cpu()
        signs["inverted_base"] = inverted_pairs(correct, wrong, base.numpy(), rows)
    if graded.texts is not None:
        signs |= text_signs(graded.texts, graded.finished.tolist())
    if graded.asked is not None:
        first = dict(zip(graded.group.tolist()[::-1], graded.asked[::-1], strict=True))
        signs |= prompt_signs([first[group] for group in sorted(first)])
    return signs


def validation_metrics(
    model: Decoder, problems: Sequence[Problem], codec: Codec, scorer: Scores, config: PolicyConfig, seed: int
) -> dict[str, Any]:
    """pass@1 and mean tokens of four samples per problem, drawn with the same noise at every call."""
    settings = SamplingConfig(config.max_tokens, config.temperature)
    correct, lengths = [], []
    prompts = codec.encode_prompts(problems)
    generator = torch_rng(seed, "validation", device=model.device)
    for which, rollouts in sample_many(
        model, prompts, VALIDATION_SAMPLES, settings, eos=codec.eos, generator=generator
    ):
        owners = [problems[which[index]] for index in rollouts.owner.tolist()]
        scores = scorer.score(owners, completions_of(owners, rollouts, codec))
        correct += [score.correct is True for score in scores]
        lengths += rollouts.lengths.tolist()
    return {"pass@1": fmean(correct), "mean_tokens": fmean(lengths)}
