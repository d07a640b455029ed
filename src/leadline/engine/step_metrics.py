"""What a batch of rollouts looked like, in the numbers that ``metrics.jsonl`` holds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from leadline.engine.learner import Update
from leadline.engine.sampler import SamplingConfig, sample_many
from leadline.engine.scored_batch import Batch, Scores, completions_of
from leadline.model import Decoder
from leadline.model.codec import Codec
from leadline.recipes.schema import PolicyConfig
from leadline.seeds import torch_rng
from leadline.types import Problem, Score

__all__ = ["batch_metrics", "validation_metrics"]

_VALIDATION_SAMPLES = 4


def batch_metrics(batch: Batch, update: Update) -> dict[str, Any]:
    """Shares are of completions, except ``live`` and ``mixed``, which are of groups (Decision 3)."""
    scores, owner = batch.scores, batch.rollouts.owner.cpu()
    correct = torch.tensor([score.correct is True for score in scores])
    lengths = batch.rollouts.lengths.cpu().float()
    groups = int(owner.max()) + 1
    live = _any_in_group(batch.advantages.advantage != 0, owner, groups)
    wrong = torch.tensor([score.correct is False for score in scores])
    mixed = _any_in_group(correct, owner, groups) & _any_in_group(wrong, owner, groups)
    metrics = {
        "reward": float(batch.advantages.reward.nanmean()),
        "pass@1": float(correct.float().mean()),
        "mean_tokens": float(lengths.mean()),
        "mean_tokens_correct": float(lengths[correct].mean()) if correct.any() else None,
        "truncated": float((~batch.rollouts.finished).float().mean()),
        "no_answer": fmean(score.reason == "no_answer" for score in scores),
        "live": float(live.float().mean()),
        "mixed": float(mixed.float().mean()),
        "weight": float(batch.advantages.weight.nanmean()),
        "entropy": float(-batch.rollouts.logprobs.sum() / lengths.sum()),
        "loss": update.loss,
        "grad_norm": update.grad_norm,
        "clip_share": update.clip_share,
        "kl": update.kl,
        "computed": update.computed_rows / len(scores),
        "skipped_steps": update.skipped_steps,
    }
    return metrics | _parts(scores) | _faults(scores)


def validation_metrics(
    model: Decoder, problems: Sequence[Problem], codec: Codec, scorer: Scores, config: PolicyConfig, seed: int
) -> dict[str, Any]:
    """pass@1 and mean tokens of four samples a problem, drawn with the same noise at every call."""
    settings = SamplingConfig(config.max_tokens, config.temperature)
    correct, lengths = [], []
    prompts = codec.encode_prompts(problems)
    generator = torch_rng(seed, "validation", device=model.device)
    for which, rollouts in sample_many(
        model, prompts, _VALIDATION_SAMPLES, settings, eos=codec.eos, generator=generator
    ):
        owners = [problems[which[index]] for index in rollouts.owner.tolist()]
        scores = scorer.score(owners, completions_of(owners, rollouts, codec))
        correct += [score.correct is True for score in scores]
        lengths += rollouts.lengths.tolist()
    return {"pass@1": fmean(correct), "mean_tokens": fmean(lengths)}


def _any_in_group(rows: Tensor, owner: Tensor, groups: int) -> Tensor:
    return torch.zeros(groups).index_add_(0, owner, rows.float()) > 0


def _parts(scores: Sequence[Score]) -> dict[str, float]:
    """Mean of every part of the reward but accuracy, which is ``pass@1``."""
    names = [name for name in scores[0].parts if name != "accuracy"]
    return {name: fmean(score.parts[name] for score in scores) for name in names}


def _faults(scores: Sequence[Score]) -> dict[str, int]:
    """How many answers the grader had to give up on, by reason; never silent (Decision 7)."""
    reasons = [score.reason for score in scores]
    return {reason: reasons.count(reason) for reason in ("timeout", "memory", "crashed") if reason in reasons}
