"""verl's rollout dumps (``rollout_data_dir``: a JSON-lines file a step) and the metrics of its file logger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from leadline.health.observation import Observation
from leadline.health.sources.completion_batch import (
    CompletionRow,
    batch_name,
    batch_parts,
    batch_values,
    flat_text,
    paid_number,
)
from leadline.storage.jsonl import read_jsonl
from leadline.types import finite_number

__all__ = ["is_verl", "observations_of_metrics", "read_verl"]

_NAMES = {
    "reward": ("critic/rewards/mean", "critic/score/mean"),
    "mean_tokens": ("response_length/mean",),
    "truncated": ("response_length/clip_ratio",),
    "entropy": ("actor/entropy", "actor/entropy_loss"),
    "kl": ("actor/kl_loss", "actor/reward_kl_penalty"),
    "loss": ("actor/pg_loss",),
    "grad_norm": ("actor/grad_norm",),
    "clip_share": ("actor/pg_clipfrac",),
    "logp_gap": ("training/rollout_probs_diff_mean",),
    "logp_agreement": ("training/rollout_actor_probs_pearson_corr",),
    "tokens_per_second": ("perf/throughput",),
    "seconds": ("timing_s/step",),
}
"""Field of metrics.jsonl -> verl's names for it, the first that is there. A difference of probabilities is smaller
than that of their logarithms: what the check then sees is there all the more."""

_OTHERS = frozenset({"step", "input", "output", "gts", "score", "acc", "pred", "uid", "n_tokens"})

_OF_LEADLINE = frozenset({"scorable", "answered", "bonus", "finished", "leadline_signal"})
"""What leadline's own rewards write beside the score, which is a code of all of it and no reward
(docs/verl-reference.md)."""
_RIGHT, _WRONG = 1.0, -1.0
"""What these earn in GRPO-LEAD: the files do not say what the run pays, and no preset has them further apart."""


def is_verl(path: Path) -> bool:
    """Whether a file, or the first file of a folder, is one of verl's."""
    return any(_kind(file) is not None for file in _files(path)[:3])


def read_verl(path: Path) -> list[Observation]:
    """Every step that rollouts or metrics tell of.

    Raises:
        DataError: a line that is no row.
    """
    rows: dict[int, list[CompletionRow]] = {}
    said: dict[int, dict[str, Any]] = {}
    coded = False
    for file in _files(path):
        for _, row in read_jsonl(file, torn_tail=True):
            step = finite_number(row.get("step"))
            if step is None:
                continue
            if isinstance(row.get("data"), Mapping):
                said.setdefault(int(step), {}).update(row["data"])
                coded = coded or any("/scorable/" in name for name in row["data"])
            elif "output" in row:
                coded = coded or _is_coded(row)
                rows.setdefault(int(step), []).append(_completion(row))
    return list(_observations(rows, said, coded))


def observations_of_metrics(said: Mapping[int, Mapping[str, Any]]) -> list[Observation]:
    """Every step of metrics alone, by verl's names, whoever kept them."""
    coded = any("/scorable/" in name for data in said.values() for name in data)
    return list(_observations({}, said, coded))


def _observations(
    rows: Mapping[int, list[CompletionRow]], said: Mapping[int, Mapping[str, Any]], coded: bool
) -> Iterator[Observation]:
    """``coded``: the scores are leadline's codes, so that verl's means of them say nothing."""
    for step in sorted({*rows, *said}):
        data, drawn = said.get(step, {}), rows.get(step, [])
        values = batch_values(drawn) if drawn else {}
        names = {ours: theirs for ours, theirs in _NAMES.items() if not (coded and ours == "reward")}
        if coded and (paid := [row.reward for row in drawn if row.reward is not None]):
            values["reward"] = fmean(paid)
        for ours, theirs in names.items():
            known = next(
                (value for name in theirs if (value := finite_number(data.get(name))) is not None), None
            )
            if known is not None:
                values[ours] = known
        if "kl" in values:
            values["kl"] = abs(values["kl"])
        if values:
            parts, batch = (batch_parts(drawn), batch_name(drawn)) if drawn else ({}, None)
            yield Observation(step, values, parts, batch)
        valid = [
            value
            for name, raw in data.items()
            if name.startswith("val") and "acc/mean" in name and (value := finite_number(raw)) is not None
        ]
        if valid:
            yield Observation(step, {"valid": sum(valid) / len(valid)})


def _is_coded(row: Mapping[str, Any]) -> bool:
    return paid_number(row.get("scorable")) is not None and paid_number(row.get("bonus")) is not None


def _decoded(row: Mapping[str, Any]) -> CompletionRow:
    """A row of leadline's own rewards; one that cannot be scored has no verdict and earns nothing."""
    scorable, right = ((paid_number(row.get(name)) or 0.0) > 0 for name in ("scorable", "acc"))
    paid = (_RIGHT if right else _WRONG) + (paid_number(row.get("bonus")) or 0.0)
    finished = paid_number(row.get("finished"))
    return CompletionRow(
        flat_text(row.get("input")),
        flat_text(row.get("output")),
        right if scorable else None,
        paid if scorable else None,
        {
            name.removeprefix("part/"): value
            for name, value in _parts(row).items()
            if name not in _OF_LEADLINE
        },
        None if finished is None else finished > 0,
    )


def _parts(row: Mapping[str, Any]) -> dict[str, float | None]:
    return {
        name: paid_number(value)
        for name, value in row.items()
        if name not in _OTHERS and (value is None or paid_number(value) is not None)
    }


def _completion(row: Mapping[str, Any]) -> CompletionRow:
    if _is_coded(row):
        return _decoded(row)
    score, verdict = paid_number(row.get("score")), paid_number(row.get("acc"))
    if verdict is None and score in (0, 1, -1):
        verdict = score
    return CompletionRow(
        flat_text(row.get("input")),
        flat_text(row.get("output")),
        None if verdict is None else verdict > 0,
        score,
        {"score": score, **_parts(row)},
    )


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    names = [*path.glob("*.jsonl"), *path.glob("rollouts/*.jsonl"), *path.glob("rollout/*.jsonl")]
    return sorted(names, key=lambda file: (len(file.stem), file.stem))


def _kind(file: Path) -> str | None:
    for _, row in read_jsonl(file, torn_tail=True):
        if "output" in row and "score" in row:
            return "rollouts"
        return "metrics" if isinstance(row.get("data"), Mapping) and "step" in row else None
    return None
