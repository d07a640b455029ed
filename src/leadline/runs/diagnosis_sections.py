"""The probe before training and the comparison after it, for the report of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leadline.diagnosis.compare import run_compare
from leadline.diagnosis.compare.tables import comparison_finding as comparison_finding
from leadline.diagnosis.probe import run_probe
from leadline.diagnosis.probe.tables import probe_finding as probe_finding
from leadline.recipes.schema import Recipe
from leadline.storage.run_directory import RunWriter
from leadline.types import Problem

__all__ = ["write_comparison", "write_probe"]


def write_probe(
    writer: RunWriter,
    recipe: Recipe,
    start: str,
    problems: Sequence[Problem],
    solution_logprobs: Mapping[str, Sequence[float]],
) -> str:
    """Probe the model that the arms start from, on its evaluation samples; returns the verdict in one sentence."""
    found = run_probe(
        f"{writer.root}:{start}:eval",
        data=problems,
        # One known solution a problem: its own log-probability is the lower bound on log Q.
        log_forced={name: max(values) for name, values in solution_logprobs.items() if values},
        group=recipe.rl.group_size,
        batch=recipe.rl.prompts,
        steps=recipe.rl.steps,
        seed=recipe.seed,
    )
    shown = probe_finding(found, f"Before training: probe of {start}")
    writer.section("probe", start, shown.section() | {"values": found.as_dict()})
    return shown.sentences[0]


def write_comparison(
    writer: RunWriter, recipe: Recipe, start: str, arm: str, problems: Sequence[Problem]
) -> str:
    """Compare an arm with the model it started from, on the same problems; returns the verdict in one sentence."""
    found = run_compare(
        f"{writer.root}:{start}:eval", f"{writer.root}:{arm}:eval", data=problems, seed=recipe.seed
    )
    shown = comparison_finding(found, f"After training: {arm} against {start}")
    writer.section("compare", arm, shown.section())
    return shown.sentences[0]
