"""A whole study: plan, cost, cells, outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from leadline.display.numbers import minutes
from leadline.errors import DataError, InputError
from leadline.storage.jsonl import Row, read_json
from leadline.storage.outputs import check_folder_name, check_output, check_output_folder, is_our_page
from leadline.studies.analysis.claims import judge_claims
from leadline.studies.analysis.summary import StudyTable, curve, laws, power, summarise
from leadline.studies.beyond import write_beyond
from leadline.studies.design.axes import find_axis
from leadline.studies.execution.cost import NO_COST, Cost, measure_cost, outstanding
from leadline.studies.execution.pools import open_pool
from leadline.studies.execution.runner import StudyProgress, run_plan
from leadline.studies.execution.store import Store
from leadline.studies.output.figures import figures
from leadline.studies.output.files import plan_and_versions, write_rows, write_study
from leadline.studies.output.page import study_page
from leadline.studies.plan import Plan, beyond_plan, make_plan
from leadline.types import finite_number

__all__ = ["run_study", "write_outputs"]

SCHEMA = 1
_COLUMNS = (
    *("axis", "cell", "seed", "algorithm", "step", "prompt", "side", "Q", "p", "N", "kl", "excess"),
    *("overlap", "role", "tabular", "tilt"),
)


def run_study(
    axis: str,
    out: Path,
    *,
    seeds: int | None = None,
    algorithms: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    quick: bool = False,
    beyond: bool = False,
    workers: int = 2,
    ray: str | None = None,
    dry_run: bool = False,
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[StudyProgress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Compute a study (or what is missing of it under ``out``) and write its outputs.

    Args:
        axis: a name (:data:`leadline.studies.design.axes.AXES`) or ``module:function``.
        out: its directory; going on with one computes only what it lacks.
        seeds: 5 when not given, 4 for a quick one.
        algorithms: names or ``module:function``; all when not given.
        steps: 60 and 600 when not given, 60 for a quick one; 300 and 600 for one that goes beyond.
        beyond: ask for algorithms that reach what the base model never gets right, instead of the paper's claims.
        dry_run: tell the cost, and do nothing.
        note: told the cost before anything starts.

    Returns:
        what ``results.json`` holds; nothing of a dry run.

    Raises:
        InputError: unknown names, no cluster at ``ray``, numbers that make no sense, or ``out`` holds another study.
    """
    check_folder_name(out)
    check_output(out / "report.html", ours=is_our_page)
    check_output_folder(out, mark="cells", files=("results.json", "results.parquet", "figures"))
    check_output_folder(out / "cells", mark=".")
    plan = _plan(axis, seeds, algorithms, steps, quick=quick, beyond=beyond)
    _refuse_another_study(out, plan.axis.name, beyond)
    pool = open_pool(workers, ray)
    # Nothing is timed where nothing is left to compute.
    cost = measure_cost(plan) if outstanding(plan, Store(out), NO_COST)[1] else NO_COST
    note(_announcement(plan, Store(out), cost, None if ray else max(1, workers)))
    if dry_run:
        return {}
    rows = run_plan(plan, out, pool, cost, progress)
    kind = " --beyond" * beyond + " --quick" * quick
    command = _command(f"{axis}{kind}", algorithms, steps, seeds)
    return (write_beyond if beyond else write_outputs)(plan, rows, out, command)


def _refuse_another_study(out: Path, axis: str, beyond: bool) -> None:
    """The outputs of one study are not written over with those of another, which would not say so."""
    path = out / "results.json"
    if not path.is_file():
        return
    there = read_json(path)
    before, went_beyond = there.get("axis"), "judgements" in there
    if before != axis or went_beyond != beyond:
        kind = f"{before!r:.60}" + " --beyond" * went_beyond
        raise InputError(f"{path}: results of the study {kind}; give this one a folder of its own (--out)")


def _plan(
    axis: str,
    seeds: int | None,
    algorithms: Sequence[str] | None,
    steps: Sequence[int] | None,
    *,
    quick: bool,
    beyond: bool,
) -> Plan:
    """What was asked for, with the defaults of its kind."""
    lengths = (300, 600) if beyond else (60, 600)
    return (beyond_plan if beyond else make_plan)(
        find_axis(axis),
        seeds=seeds if seeds is not None else 4 if quick and not beyond else 5,
        algorithms=algorithms,
        steps=steps if steps is not None else (60,) if quick else lengths,
        quick=quick,
    )


def write_outputs(plan: Plan, rows: Sequence[Row], out: Path, command: str) -> dict[str, Any]:
    """Write ``results.parquet``, ``results.json``, ``figures/*.svg`` and ``report.html``; return the JSON."""
    table = StudyTable(rows)
    own = curve([row for row in rows if row["side"] == "trained" and row["algorithm"] == _grid(plan)])
    result = {
        "schema": SCHEMA,
        **plan_and_versions(plan, command),
        "claims": [claim.to_json() for claim in judge_claims(plan, table)],
        "power": power(plan.scale.prompts, plan.scale.group, plan.steps),
        "laws": laws(table),
        "curve": own,
        "conditions": summarise(table),
    }
    write_rows(out / "results.parquet", rows, _COLUMNS)
    drawings = figures(plan, table, {plan.axis.name: own, **_neighbours(out, plan.axis.name)})
    return write_study(out, result, drawings, study_page)


def _announcement(plan: Plan, store: Store, cost: Cost, workers: int | None) -> str:
    """What is to be computed, and what it costs; no wall-clock time for a cluster of unknown machines."""
    bases, arms, seconds = outstanding(plan, store, cost)
    text = (
        f"study {plan.axis.name}: {bases} of {len(plan.bases)} base models and {arms} of {len(plan.arms)} arms to "
        f"compute, about {minutes(seconds)} of CPU time"
    )
    if workers is None:
        return text
    noun = "worker" if workers == 1 else "workers"
    return f"{text}, {minutes(seconds / workers)} on {workers} {noun} with a core each"


def _neighbours(out: Path, own: str) -> dict[str, list[dict[str, float]]]:
    """Curves of other axes' studies in directories beside ``out``; what cannot be read is not one."""
    found: dict[str, list[dict[str, float]]] = {}
    for path in sorted(out.resolve().parent.glob("*/results.json")):
        try:
            other = read_json(path)
        except DataError:
            continue
        axis, bins = other.get("axis"), other.get("curve")
        if other.get("schema") == SCHEMA and isinstance(axis, str) and axis != own and _is_curve(bins):
            found.setdefault(axis, bins)
    return found


def _is_curve(bins: Any) -> TypeGuard[list[dict[str, float]]]:
    """Whether that is what :func:`curve` makes: any file may be called ``results.json``."""
    return isinstance(bins, list) and all(
        isinstance(each, dict) and finite_number(each.get(name)) is not None
        for each in bins
        for name in ("Q", "gain")
    )


def _grid(plan: Plan) -> str:
    return next(arm.algorithm for arm in plan.arms if arm.base.cell.role == "dose")


def _command(
    what: str, algorithms: Sequence[str] | None, steps: Sequence[int] | None, seeds: int | None
) -> str:
    """The command that makes this study again."""
    parts = ["leadline", "study", what]
    parts += ["--seeds", str(seeds)] if seeds is not None else []
    parts += ["--algorithms", ",".join(algorithms)] if algorithms else []
    parts += ["--steps", ",".join(map(str, steps))] if steps is not None else []
    return " ".join(parts)
