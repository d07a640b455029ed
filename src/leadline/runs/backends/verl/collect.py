"""verl's metrics and rollouts as a run directory, so that ``leadline report`` reads them like any other run.

What verl dumps of a step says which completions it trained on; the trail of leadline's reward manager says all that
is known of each. Advantages are computed again from both, by the function that the estimator calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from leadline.errors import DataError
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.storage.run_directory import RunReader, RunWriter, read_jsonl
from leadline.storage.step_row import step_row
from leadline.types import SampleRow

if TYPE_CHECKING:
    from leadline.grpo.weighing import Weigher

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
    from leadline.grpo.weighing import Weigher  # here, so that nothing but a collection waits for torch

    said = _metrics(folder)
    trail = _trail(folder / "trail")
    weigher = Weigher(recipe.arms[name].advantage)  # the dumps hold every step, in order
    done = sorted(_steps(folder / "rollouts"))
    checked = set(_steps(folder / "validation"))
    for step in done:
        rows = list(_rows(folder / "rollouts" / f"{step}.jsonl", trail))
        numbers = {field: said.get(step, {}).get(theirs) for field, theirs in _FROM_VERL.items()}
        metrics, parts, samples = _step(rows, weigher)
        writer.metric(step_row(name, "rl", step, metrics | numbers, parts=parts))
        if step % recipe.rl.samples_every == 0 or step == done[-1]:
            named = [{**sample, "arm": name, "step": step} for sample in samples]
            writer.samples(name, f"step-{step:06d}", named)
        if step in checked:
            valid = _validation(folder / "validation" / f"{step}.jsonl")
            writer.metric(step_row(name, "valid", step, valid))
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


def _rows(path: Path, trail: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, SampleRow]]:
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
        yield session.rpartition("_")[0], _sample(trail[session], f"{path}:{number}")
    if lost:
        raise DataError(
            [*lost[:3], f"{path}: {len(lost)} rows in all; is verl/*/trail on storage shared by all nodes?"]
        )


def _sample(known: Mapping[str, Any], place: str) -> SampleRow:
    try:
        sample = SampleRow.from_row(known, place)
    except ValueError as error:
        raise DataError(f"{place}: its entry in the trail is damaged: {error}") from error
    if sample.score is None or not sample.score.reason or sample.gold is None:
        raise DataError(f"{place}: its entry in the trail is damaged: it has no verdict")
    return sample


def _step(
    rows: Sequence[tuple[str, SampleRow]], weigher: Weigher
) -> tuple[dict[str, Any], Mapping[str, float], list[dict[str, Any]]]:
    """The numbers of one step, the means of its reward's parts, and its completions as sample rows."""
    import torch

    from leadline.engine.scored_batch import weighed
    from leadline.engine.step_metrics import Graded, completion_metrics

    if not rows:
        return {}, {}, []
    place = {group: index for index, group in enumerate(dict.fromkeys(group for group, _ in rows))}
    owner = torch.tensor([place[group] for group, _ in rows])
    scores = [sample.score for _, sample in rows if sample.score is not None]
    out, length_metrics = weighed(scores, owner, weigher)
    finished = torch.tensor([sample.completion.finished for _, sample in rows])
    graded = Graded.of(scores, finished, owner)
    earned = zip(rows, out.reward.tolist(), out.advantage.tolist(), strict=True)
    samples = [
        replace(sample, context={"reward": reward, "advantage": advantage}).to_row()
        for (_, sample), reward, advantage in earned
    ]
    return completion_metrics(graded, out) | length_metrics, graded.parts, samples


def _validation(path: Path) -> dict[str, float]:
    rows = [row for _, row in read_jsonl(path)]
    if not rows or any(not isinstance(row.get("n_tokens"), int | float) for row in rows):
        raise DataError(f"{path}: not a validation of leadline's reward manager (it has no n_tokens)")
    return {
        "pass@1": fmean(row["acc"] for row in rows),
        "mean_tokens": fmean(row["n_tokens"] for row in rows),
    }
