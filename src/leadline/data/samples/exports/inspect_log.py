"""Samples as a log of Inspect, which its viewer and its data frames read.

Source: UKGovernmentBEIS/inspect_ai, ``inspect_ai/log/_log.py`` (log version 2, JSON).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from leadline.data.samples.counts import Counts
from leadline.data.samples.exports.about import About
from leadline.data.samples.exports.headline import headline
from leadline.storage.jsonl import encode_row
from leadline.storage.outputs import refusals_as_storage_errors, replacing
from leadline.types import SampleRow

__all__ = ["InspectLog", "is_inspect_log", "open_inspect_log"]

SCORER = "leadline"
_START = b'{"version": 2, "status": "success", "samples": [\n'


def is_inspect_log(head: bytes) -> bool:
    """Whether a file that starts like this is a log that leadline wrote."""
    return head.startswith(_START)


@contextmanager
def open_inspect_log(path: Path, about: About) -> Iterator[InspectLog]:
    """A log that gets its name when the body ends well."""
    with replacing(path) as stream:
        log = InspectLog(stream, path, about)
        log.write(_START)
        yield log


class InspectLog:
    """Samples are written as they come; what sums them up stands at the end, where JSON does not mind it."""

    def __init__(self, stream: IO[bytes], path: Path, about: About) -> None:
        self.stream, self.path, self.about = stream, path, about
        self.epochs: Counter[str] = Counter()

    def write(self, text: bytes) -> None:
        with refusals_as_storage_errors(self.path):
            self.stream.write(text)

    def add(self, row: Mapping[str, Any]) -> None:
        """One more sample: the next epoch of its problem."""
        sample = SampleRow.from_row({"n_tokens": 0, **row})
        name = sample.completion.problem_id
        comma = b", " if self.epochs else b""
        self.epochs[name] += 1
        self.write(comma + encode_row(_sample(sample, self.epochs[name], self.about.model, row)))

    def finish(self, counts: Counts) -> None:
        """Close the list; say which model was asked what, and what came out."""
        rest = {
            "eval": self._spec(counts),
            "results": self._results(counts),
            "stats": {"started_at": self.about.date, "completed_at": self.about.date},
        }
        self.write(b"], " + json.dumps(rest, ensure_ascii=True).encode()[1:] + b"\n")

    def _spec(self, counts: Counts) -> dict[str, Any]:
        benchmark = self.about.benchmark or "samples"
        return {
            "created": self.about.date,
            "task": self.about.task if self.about.task != "default" else benchmark,
            "model": self.about.model or "unknown",
            "dataset": {"name": benchmark, "samples": len(counts), "sample_ids": list(counts.ids)},
            "config": {"epochs": max(self.epochs.values(), default=1)},
            "metadata": {"notes": self.about.notes} if self.about.notes else None,
        }

    def _results(self, counts: Counts) -> dict[str, Any]:
        found = headline(counts)
        metrics = {
            part: {"name": part, "value": value}
            for name, values in found.as_dict().items()
            for part, value in zip((name, f"{name} low", f"{name} high"), values, strict=True)
        }
        accuracy = {"accuracy": {"name": "accuracy", "value": found.first.value}}
        return {
            "total_samples": found.samples,
            "completed_samples": found.samples,
            "scores": [{"name": SCORER, "scorer": SCORER, "metrics": accuracy | metrics}],
        }


def _sample(sample: SampleRow, epoch: int, model: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """What a log holds of one sample; ``said``: the row, which need not say how long it was and how it ended."""
    completion, score = sample.completion, sample.score
    prompt = sample.prompt or ""
    answer = {"role": "assistant", "content": completion.text, "source": "generate"}
    stop = ("stop" if completion.finished else "max_tokens") if "finished" in said else "unknown"
    output: dict[str, Any] = {
        "model": model or "unknown",
        "choices": [{"message": answer, "stop_reason": stop}],
        "completion": completion.text,
    }
    if "n_tokens" in said:
        length = completion.n_tokens
        output["usage"] = {"input_tokens": 0, "output_tokens": length, "total_tokens": length}
    row: dict[str, Any] = {
        "id": completion.problem_id,
        "epoch": epoch,
        "input": prompt,
        "target": sample.gold or "",
        "messages": [{"role": "user", "content": prompt}, answer],
        "output": output,
        "metadata": {"difficulty": sample.difficulty} if sample.difficulty is not None else {},
    }
    if score is not None and score.correct is not None:
        row["scores"] = {
            SCORER: {
                "value": "C" if score.correct else "I",
                "answer": score.answer,
                "explanation": score.reason,
                "metadata": {"parts": dict(score.parts)} if score.parts else None,
            }
        }
    return row
