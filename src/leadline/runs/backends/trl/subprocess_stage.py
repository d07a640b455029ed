"""A stage in several processes: ``accelerate launch`` starts them, and what they say is written down here.

The processes write events to a file and look for a file that asks them to stop; the run directory stays in the
hands of the one process that holds its lock.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from leadline import errors
from leadline.model import load_tokenizer
from leadline.model.codec import Codec
from leadline.recipes.schema import Recipe
from leadline.runs.backends.protocol import Stage
from leadline.runs.backends.trl.checkpoints import newest
from leadline.samplers import Draw, Drawn, Prompting, Sampling
from leadline.storage.run_directory import RunWriter
from leadline.types import Completion, Problem

__all__ = ["LaunchedSampler", "launched"]

_WORKER = "leadline.runs.backends.trl.worker"


def launched(kind: Literal["sft", "grpo"], stage: Stage[RunWriter], start: Path, recipe: Recipe) -> Path:
    """Run one stage under ``accelerate launch`` and return the model directory that it ends in.

    Raises:
        LeadlineError: what the processes raised; with the end of their log where it was something else.
    """
    folder = stage.folder / "launch"
    folder.mkdir(parents=True, exist_ok=True)
    events, stop = folder / "events.jsonl", folder / "stop"
    for file in (events, stop):
        file.unlink(missing_ok=True)
    newest(stage.folder / "trl")  # removes what is torn, before several processes look there
    spec = {
        "kind": kind,
        "name": stage.name,
        "start": str(start.resolve()),
        "folder": str(stage.folder.resolve()),
    }
    (folder / "spec.json").write_text(json.dumps({**spec, "recipe": recipe.to_yaml()}), encoding="utf-8")
    command = [sys.executable, "-m", "accelerate.commands.launch", *recipe.trl["launch"]]
    command += ["-m", _WORKER, str(folder / "spec.json")]
    events.touch()
    with (folder / "log.txt").open("w", encoding="utf-8") as log, events.open(encoding="utf-8") as said:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            result = _follow(process, _lines(said), stage, stop)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if "done" in result:
        return Path(result["done"])
    raise _error(result, process.returncode, folder / "log.txt")


class LaunchedSampler:
    """Samples in a process of its own, which gives the accelerators' memory back when it ends."""

    def __init__(self, model: Path, recipe: Recipe) -> None:
        self.name, self.recipe = str(model.resolve()), recipe
        self.prompting = Prompting(system=recipe.data.system_prompt)
        self._codec = Codec(load_tokenizer(model), recipe.data.system_prompt)

    def prompt_text(self, problem: Problem) -> str:
        """The text that a completion of ``problem`` continues."""
        return self._codec.prompt_text(problem)

    def generate(
        self, problems: Sequence[Problem], n: int, sampling: Sampling, *, done: Drawn = frozenset()
    ) -> Iterator[Draw]:
        """Draw all samples and hand out those that are not in ``done``.

        Raises:
            LeadlineError: what the process raised; with the end of its log where it was something else.
        """
        asked = [{"id": p.id, "prompt": p.prompt, "messages": p.messages} for p in problems]
        spec = {"recipe": self.recipe.to_yaml(), "start": self.name, "problems": asked}
        asks = {"kind": "sample", "count": n, "sampling": asdict(sampling), **spec}
        with tempfile.TemporaryDirectory(prefix="leadline-") as name:
            folder = Path(name)
            (folder / "spec.json").write_text(json.dumps(asks), encoding="utf-8")
            command = [sys.executable, "-m", _WORKER, str(folder / "spec.json")]
            with (folder / "log.txt").open("w", encoding="utf-8") as log:
                code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
            events = folder / "events.jsonl"
            said = events.read_text(encoding="utf-8").splitlines() if events.is_file() else []
            result = json.loads(said[-1]) if said else {}
            if "draws" not in result:
                raise _error(result, code, folder / "log.txt")
        draws = (Draw(index, Completion(**row)) for index, row in result["draws"])
        return (draw for draw in draws if draw.key not in done)


def _follow(
    process: subprocess.Popen[bytes], lines: Iterator[str | None], stage: Stage[RunWriter], stop: Path
) -> dict[str, Any]:
    """Write down every event until the processes have ended; returns the last word."""
    result: dict[str, Any] = {}
    while True:
        over = process.poll() is not None  # asked before reading: what is said after it is nothing
        for line in lines:
            if line is None:
                break
            event = json.loads(line)
            if "metric" in event:
                stage.writer.metric(event["metric"])
                stage.on_row(event["metric"])
            elif "samples" in event:
                stage.writer.samples(*event["samples"])
            elif "cut" in event:
                stage.writer.cut_metrics(*event["cut"])
            else:
                result = event
        if over:
            return result
        if stage.interrupts.requested:
            stop.touch()
        time.sleep(0.1)


def _lines(file: Any) -> Iterator[str | None]:
    """Whole lines as they come; None whenever there is no more for now."""
    half = ""
    while True:
        half += file.readline()
        if half.endswith("\n"):
            yield half
            half = ""
        else:
            yield None


def _error(result: dict[str, Any], code: int | None, log: Path) -> errors.LeadlineError:
    """What the processes raised, as the same kind of error."""
    if "error" in result:
        kind: type[errors.LeadlineError] = getattr(errors, result["error"], errors.LeadlineError)
        return kind(result["problems"] or result["message"])
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    return errors.TrainingError(f"the processes of the stage ended with code {code} ({log}):\n{tail}")
