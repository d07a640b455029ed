"""verl's metrics and rollouts as a run directory, so that ``leadline report`` reads them like any other run.

What verl dumps of a step says which completions it trained on; the trail of leadline's reward manager says all that
is known of each. Advantages are computed again from both, by the function that the estimator calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from leadline.errors import DataError
from leadline.grpo.config import AdvantageConfig
from leadline.recipes.schema import Recipe, parse_recipe
from leadline.storage.run_directory import RunReader, RunWriter, read_jsonl
from leadline.types import Completion, Problem, Score, Span

__all__ = ["FOLDER", "collect", "is_launched"]

FOLDER = "verl"
"""Where in a run directory everything lies that verl reads and writes."""

_FROM_VERL = {
    "loss": "actor/pg_loss",
    "grad_norm": "actor/grad_norm",
    "clip_share": "actor/pg_clipfrac",
    "kl": "actor/kl_loss",
    "entropy": "actor/entropy",
    "tokens_per_second": "perf/throughput",
    "seconds": "timing_s/step",
}
"""Field of metrics.jsonl -> verl's name for it."""


@dataclass(frozen=True)
class Row:
    """One completion that was trained on."""

    group: str
    problem: Problem
    completion: Completion
    score: Score


def is_launched(run: Path) -> bool:
    """Whether ``leadline launch verl`` made this run directory."""
    return (run / FOLDER / "data").is_dir() and (run / "recipe.yaml").is_file()


def collect(run: Path) -> int:
    """Write metrics.jsonl and samples/ of a run anew from what verl has written so far; returns the steps found.

    Raises:
        InputError: not such a run, or another process is collecting.
        DataError: a file of verl's that is not what it should be; rows without their entry in the trail.
    """
    recipe = parse_recipe(RunReader(run).recipe, where=str(run / "recipe.yaml"))
    steps = 0
    with RunWriter(run, resume=True) as writer:
        writer.truncate_metrics(0)
        for name in recipe.arms:
            steps += _collect_arm(writer, recipe, name, run / FOLDER / name)
    return steps


def _collect_arm(writer: RunWriter, recipe: Recipe, name: str, folder: Path) -> int:
    said = _metrics(folder)
    trail = _trail(folder / "trail")
    config = recipe.arms[name].advantage
    done = sorted(_steps(folder / "rollouts"))
    checked = set(_steps(folder / "validation"))
    for step in done:
        rows = list(_rows(folder / "rollouts" / f"{step}.jsonl", trail))
        metrics, samples = _step(rows, config)
        numbers = {field: said.get(step, {}).get(theirs) for field, theirs in _FROM_VERL.items()}
        writer.metric({"arm": name, "stage": "rl", "step": step, **metrics, **numbers})
        if step % recipe.rl.samples_every == 0 or step == done[-1]:
            named = [{**sample, "arm": name, "step": step} for sample in samples]
            writer.samples(name, f"step-{step:06d}", named)
        if step in checked:
            valid = _validation(folder / "validation" / f"{step}.jsonl")
            writer.metric({"arm": name, "stage": "valid", "step": step, **valid})
    return len(done)


def _steps(folder: Path) -> Iterator[int]:
    return (int(path.stem) for path in folder.glob("*.jsonl") if path.stem.isdigit())


def _metrics(folder: Path) -> dict[int, Mapping[str, Any]]:
    """Step -> verl's numbers; a later start of the run overrules what an earlier one said of the same step."""
    found: dict[int, Mapping[str, Any]] = {}
    for path in sorted(folder.glob("metrics-*.jsonl")):
        for number, row in read_jsonl(path, torn_tail=True):
            step, data = row.get("step"), row.get("data")
            if not isinstance(step, int) or not isinstance(data, dict):
                raise DataError(f"{path}:{number}: not a line of verl's file logger")
            found[step] = {**found.get(step, {}), **data}
    return found


def _trail(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        str(row.get("uid")): row
        for path in sorted(folder.glob("*.jsonl"))
        for _, row in read_jsonl(path, torn_tail=True)
    }


def _rows(path: Path, trail: Mapping[str, dict[str, Any]]) -> Iterator[Row]:
    """The completions of one step; rows that verl padded the batch with are left out."""
    lost = []
    for number, dumped in read_jsonl(path):
        uid = str(dumped.get("uid", ""))
        if uid.startswith("pad"):
            continue
        session = uid.rpartition("_")[0]  # verl: prompt_session_turn
        if session not in trail:
            lost.append(f"{path}:{number}: no entry {session!r} in the trail of the reward manager")
            continue
        yield _row(session.rpartition("_")[0], trail[session], f"{path}:{number}")
    if lost:
        raise DataError(
            [*lost[:3], f"{path}: {len(lost)} rows in all; is verl/*/trail on storage shared by all nodes?"]
        )


def _row(group: str, known: Mapping[str, Any], place: str) -> Row:
    try:
        problem = Problem(known["problem_id"], known["prompt"], known["gold"])
        completion = Completion(problem.id, known["completion"], known["n_tokens"], known["finished"])
        spans = tuple(Span(*span) for span in known["spans"])
        score = Score(
            known["correct"],
            known["reason"],
            known["answer"],
            known["n_tokens"],
            known["bonus"],
            known["parts"],
            spans,
        )
    except (KeyError, TypeError) as error:
        raise DataError(f"{place}: its entry in the trail is damaged: {error}") from error
    return Row(group, problem, completion, score)


def _step(rows: list[Row], config: AdvantageConfig) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The numbers of one step, by the definitions of the other backends, and its completions as sample rows."""
    import torch

    from leadline.engine.scored_batch import advantages_of, sample_row

    if not rows:
        return {}, []
    names = {group: index for index, group in enumerate(dict.fromkeys(row.group for row in rows))}
    owner = torch.tensor([names[row.group] for row in rows])
    scores = [row.score for row in rows]
    out = advantages_of(scores, owner, config)
    correct = [score.correct is True for score in scores]
    lengths = [row.completion.n_tokens for row in rows]
    right = [length for length, good in zip(lengths, correct, strict=True) if good]
    by_group = [
        [score.correct for row, score in zip(rows, scores, strict=True) if row.group == g] for g in names
    ]
    live = {int(g) for g, is_live in zip(owner, out.live, strict=True) if is_live}
    metrics = {
        "reward": float(out.reward.nanmean()),
        "pass@1": fmean(correct),
        "mean_tokens": fmean(lengths),
        "mean_tokens_correct": fmean(right) if right else None,
        "truncated": fmean(not row.completion.finished for row in rows),
        "no_answer": fmean(score.reason == "no_answer" for score in scores),
        "live": len(live) / len(names),
        "mixed": fmean(True in group and False in group for group in by_group),
        "weight": float(out.weight.nanmean()),
        **{
            part: fmean(score.parts[part] for score in scores)
            for part in scores[0].parts
            if part != "accuracy" and all(part in score.parts for score in scores)
        },
    }
    samples = [
        sample_row(row.problem, row.completion, row.score, row.problem.prompt)
        | {"reward": reward, "advantage": advantage}
        for row, reward, advantage in zip(rows, out.reward.tolist(), out.advantage.tolist(), strict=True)
    ]
    return metrics, samples


def _validation(path: Path) -> dict[str, float]:
    rows = [row for _, row in read_jsonl(path)]
    if not rows or any(not isinstance(row.get("n_tokens"), int | float) for row in rows):
        raise DataError(f"{path}: not a validation of leadline's reward manager (it has no n_tokens)")
    return {
        "pass@1": fmean(row["acc"] for row in rows),
        "mean_tokens": fmean(row["n_tokens"] for row in rows),
    }
