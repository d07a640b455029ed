"""Oddities of other tools' sample files: what they leave out, misspell, cut off or write in their own way."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from leadline.data.samples.sources import load_counts


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def inspect_sample(name: Any, epoch: int, value: str | None, **more: Any) -> dict[str, Any]:
    output = {"choices": [{"message": {"role": "assistant", "content": "7"}, "stop_reason": "stop"}]}
    scores = {} if value is None else {"match": {"value": value}}
    return {"id": name, "epoch": epoch, "input": f"{name}?", "target": "7", "output": output} | (
        {"scores": scores} | more
    )


def test_inspect_samples_that_ended_in_an_error_are_left_out_and_counted(tmp_path: Path) -> None:
    failed = {"error": {"message": "timeout"}, "output": {"choices": [], "completion": ""}}
    samples = [
        *(inspect_sample(i, 1, "C", error=None) for i in range(3)),
        inspect_sample(0, 2, None, **failed),
        inspect_sample(1, 2, None, **failed, scores=None),
        inspect_sample(2, 2, "I", error={"message": "late"}),  # it was scored all the same
    ]
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"eval": {}, "samples": samples}, indent=0))
    counts = load_counts(path)
    assert (counts.n.tolist(), counts.c.tolist()) == ([1, 1, 2], [1, 1, 1])
    assert "2 samples with an error and without scores were left out" in counts.notes[0]


def test_inspect_samples_whose_ids_are_paths_lie_in_folders_of_the_log(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.eval", "w") as packed:
        packed.writestr("header.json", "{}")
        packed.writestr("_journal/start.json", "{}")
        for name in ("HumanEval/0", "a/b/1", "2"):
            packed.writestr(f"samples/{name}_epoch_1.json", json.dumps(inspect_sample(name, 1, "C")))
    assert load_counts(tmp_path / "log.eval").ids == ("HumanEval/0", "a/b/1", "2")
