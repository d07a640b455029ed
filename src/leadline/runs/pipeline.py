"""A recipe from start to report: base, supervised, one policy per arm, each measured, each resumable."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline import __version__
from leadline.display.numbers import count
from leadline.display.progress import Progress
from leadline.engine.signals import Interrupts
from leadline.errors import ConfigError, InputError, Interrupted, StoppedByAlarm
from leadline.evaluation import Evaluation, paired_differences
from leadline.evaluation.run import draw_and_grade, read_graded
from leadline.evaluation.sample_store import DrawStore
from leadline.grading import Grader
from leadline.health import Alarm, stopping
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.report import build_report
from leadline.runs.alarms import AlarmStop, RunAlarms
from leadline.runs.backends import Backend, Stage, open_run
from leadline.runs.diagnosis_sections import write_comparison, write_probe
from leadline.runs.tracked import Trackers
from leadline.runs.training_data import Material
from leadline.samplers import Sampling
from leadline.storage.installed import installed
from leadline.storage.outputs import check_output_folder
from leadline.storage.run_directory import RunReader, RunWriter
from leadline.tracking.sink import Tracked
from leadline.types import Problem, finite_number

__all__ = ["Pipeline", "run_recipe", "stage_names"]


def stage_names(recipe: Recipe) -> list[str]:
    """The stages of a recipe, in the order they run."""
    return [
        "base",
        *(["sft"] if recipe.sft.method != "none" else []),
        *(recipe.arms if recipe.rl.steps else []),
    ]


def run_recipe(recipe: Recipe, out: Path, *, resume: bool = False, progress: Progress) -> dict[str, Any]:
    """Run every stage of ``recipe`` into the run directory ``out`` and return its summary.

    Raises:
        InputError: the recipe, its data or its model cannot be used (nothing is written then), ``out`` holds a run
            and ``resume`` is False, or it holds a run of another recipe.
        Interrupted: stopped by a signal; ``resume=True`` goes on from there.
        StoppedByAlarm: likewise by an alarm that the recipe stops on.
    """
    if resume:
        _check_same_recipe(recipe, out)
    check_output_folder(out, mark="recipe.yaml")
    material, backend = open_run(recipe)
    with (
        Interrupts() as interrupts,
        RunWriter(out, resume=resume) as writer,
        closing(Grader()) as grader,  # one for all stages: its workers take seconds to start
    ):
        shown = Tracked(out, out.resolve().name, recipe.model_dump(mode="json"))
        with closing(Trackers(recipe.track, shown, progress.note)) as trackers:
            return Pipeline(recipe, material, backend, writer, interrupts, progress, trackers, grader).run()


@dataclass
class Pipeline:
    """The stages of one run. It sees models as directories and knows nothing of how a backend makes them."""

    recipe: Recipe
    material: Material
    backend: Backend
    writer: RunWriter
    interrupts: Interrupts
    progress: Progress
    trackers: Trackers
    grader: Grader
    """Of the stages that the recipe gives none."""

    def run(self) -> dict[str, Any]:
        """Every stage, its evaluation, the findings, the summary, the report."""
        started = time.monotonic()
        self.writer.recipe(self.recipe.to_yaml())
        self.writer.environment({"versions": versions(), "machine": machine(), "seed": self.recipe.seed})
        for note in self.material.notes:
            self.progress.note(note)
        problems = self.material.test(self.recipe.evaluation.problems)
        models: dict[str, Path] = {}
        results: dict[str, Evaluation] = {}
        for name in stage_names(self.recipe):
            models[name] = self._train(name, models)
            try:
                with self.interrupts.at_once():
                    results[name] = self._measure(name, models[name], problems)
                    self._sound(name, models, problems)
            except KeyboardInterrupt as stop:
                raise Interrupted(f"stopped while {name} was measured; --resume goes on from there") from stop
        before = RunReader(self.writer.root).summary  # still there: this session had nothing left to do
        seconds = finite_number((before or {}).get("seconds")) or time.monotonic() - started
        summary = self._summary(results, seconds)
        self.writer.summary(summary)
        build_report([self.writer.root], self.writer.root / "report.html")
        return summary

    def _train(self, name: str, models: Mapping[str, Path]) -> Path:
        folder = self.writer.root / "checkpoints" / name
        stop = AlarmStop(self.interrupts, stopping(self.recipe.stop_on))

        def on_alarm(alarm: Alarm) -> None:
            self.trackers.alarm(name, alarm)
            stop.heed(alarm)

        alarms = RunAlarms(self.writer.root, name, self.progress.note, on_alarm)

        def on_row(row: Mapping[str, Any]) -> None:
            self.progress.row(row)
            self.trackers.row(row)
            alarms.row(row)

        stage = Stage(name, folder, self.writer, stop, on_row, self.grader)
        offset = self.writer.metrics_offset()
        self.progress.stage(name, self._steps(name))
        try:
            path = self._work(stage, models.get("sft") or models.get("base"))
        except Interrupted as end:
            if stop.alarm is None:
                raise Interrupted(f"{end}; --resume goes on from there") from end
            raise StoppedByAlarm(
                f"{end} because of an alarm (stop_on: {stop.alarm.check.name}: {stop.alarm.seen}); "
                "--resume goes on all the same"
            ) from end
        finally:
            self.trackers.stage_ends()
        if self.writer.metrics_offset() != offset:
            self._forget_later_stages(name)
        return path

    def _work(self, stage: Stage[RunWriter], start: Path | None) -> Path:
        """Have the backend do it."""
        if start is None:
            return self.backend.base(stage)
        return self.backend.sft(stage, start) if stage.name == "sft" else self.backend.grpo(stage, start)

    def _forget_later_stages(self, name: str) -> None:
        """A stage that had work left makes whatever lies behind it stale (after a corrupt checkpoint, say)."""
        (self.writer.root / "summary.json").unlink(missing_ok=True)
        names = stage_names(self.recipe)
        for later in names[names.index(name) + 1 :]:
            shutil.rmtree(self.writer.root / "checkpoints" / later, ignore_errors=True)
            shutil.rmtree(self.writer.root / "samples" / later, ignore_errors=True)
        for file in ("eval.jsonl.gz", "raw.jsonl"):
            (self.writer.root / "samples" / name / file).unlink(missing_ok=True)

    def _steps(self, name: str) -> int:
        return {"base": 0, "sft": self.recipe.sft.steps}.get(name, self.recipe.rl.steps)

    def _measure(self, name: str, model: Path, problems: Sequence[Problem]) -> Evaluation:
        """The evaluation of ``leadline eval``; samples as they come wait in ``raw.jsonl`` until all are graded."""
        config, folder = self.recipe.evaluation, self.writer.root / "samples" / name
        samples, raw = folder / "eval.jsonl.gz", folder / "raw.jsonl"
        graded = read_graded(samples, problems, config.samples)
        if graded is None:
            self.progress.note(
                f"{name}: measuring {count(len(problems), 'problem')} x {count(config.samples, 'sample')}"
            )
            cap = config.max_tokens or self.recipe.rl.max_tokens
            with DrawStore(raw) as store:
                graded = draw_and_grade(
                    *(self.backend.sampler(model), problems, store, samples),
                    samples=config.samples,
                    sampling=Sampling(cap, config.temperature, seed=self.recipe.seed),
                    grader=config.grader or self.grader,
                    context={"arm": name, "step": self._steps(name)},
                )
        raw.unlink(missing_ok=True)
        result = graded.measure(config.ks, self.recipe.seed)
        self.progress.result(name, result.as_dict())
        return result

    def _sound(self, name: str, models: Mapping[str, Path], problems: Sequence[Problem]) -> None:
        """Probe the model that the arms start from before they do, and compare each arm with it afterwards."""
        start = "base" if self.recipe.sft.method == "none" else "sft"
        if name == start:
            known = self.backend.solution_logprobs(models[name], problems)
            verdict = write_probe(self.writer, self.recipe, start, problems, known)
            self.progress.note(f"probe: {verdict}")
            self.trackers.verdict(f"probe of {start}", verdict)
        elif name in self.recipe.arms:
            verdict = write_comparison(self.writer, self.recipe, start, name, problems)
            self.progress.note(f"compare: {verdict}")
            self.trackers.verdict(f"{name} against {start}", verdict)

    def _summary(self, results: Mapping[str, Evaluation], seconds: float) -> dict[str, Any]:
        arms: dict[str, Any] = {name: result.as_dict() for name, result in results.items()}
        for name, arm in self.recipe.arms.items():
            if name in arms:
                arms[name]["advantage"] = arm.advantage.model_dump()
        paired = [
            row
            for a, b in pairs(list(results))
            for row in paired_differences((a, results[a]), (b, results[b]), seed=self.recipe.seed)
        ]
        return {
            "name": self.recipe.name,
            "arms": arms,
            "paired": paired,
            "seed": self.recipe.seed,
            "seconds": seconds,
            "versions": versions(),
        }


def pairs(measured: Sequence[str]) -> list[tuple[str, str]]:
    """What is held against what: every arm against the model it began from, and against the first arm.

    >>> pairs(["base", "sft", "grpo", "lead"])
    [('sft', 'grpo'), ('sft', 'lead'), ('grpo', 'lead')]
    >>> pairs(["base", "grpo"])  # without a supervised stage
    [('base', 'grpo')]
    >>> pairs(["base", "sft"])
    []
    """
    start = "sft" if "sft" in measured else "base"
    arms = [name for name in measured if name not in ("base", "sft")]
    return [(start, arm) for arm in arms if start in measured] + [(arms[0], other) for other in arms[1:]]


def versions() -> dict[str, str]:
    """Versions of what decides the numbers of a run."""
    packages = installed("torch", "transformers", "numpy", "math-verify", "peft", "trl")
    return {"leadline": __version__, "python": platform.python_version(), **packages}


def machine() -> dict[str, Any]:
    """What the run computes on. Imports torch."""
    import os

    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": gpus,
    }


def _check_same_recipe(recipe: Recipe, out: Path) -> None:
    """Refuse to go on with a run of another recipe, naming what differs."""
    reader = RunReader(out)
    if not (out / "recipe.yaml").exists() and not (out / "checkpoints").exists():
        return  # killed before it had written down what it was to do
    before = parse_recipe(reader.recipe, where=str(out / "recipe.yaml"))
    shown = {"track", "stop_on"}  # where a run is shown, and what ends it, is no part of what it computes
    differing = _differences(before.model_dump(exclude=shown), recipe.model_dump(exclude=shown))
    if not differing:
        return
    if differing == ["threads"]:
        raise ConfigError(
            f"{out}: threads differ from those the run began with; the result would not be the same"
        )
    raise InputError([f"{out}: --resume of another recipe: {path} differs" for path in differing])


def _differences(before: Any, now: Any, path: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        return [
            line
            for key in keys
            for line in _differences(before.get(key), now.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [] if before == now else [path]
