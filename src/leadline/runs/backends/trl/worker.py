"""One of the processes that ``accelerate launch`` starts for a stage.

``python -m leadline.runs.backends.trl.worker SPEC``
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from leadline.errors import Interrupted, LeadlineError
from leadline.model import load_tokenizer
from leadline.model.codec import Codec
from leadline.recipes.reading import parse_recipe
from leadline.runs.backends.protocol import Stage
from leadline.runs.backends.trl.callback import EventJournal
from leadline.runs.training_data import open_material
from leadline.samplers import Sampling
from leadline.types import Message, Problem

__all__ = ["main"]

_GRACE_S = 5.0


@dataclass(frozen=True)
class _StopFile:
    """A request to stop that comes as a file."""

    path: Path

    @property
    def requested(self) -> bool:
        return self.path.exists()


def main(arguments: list[str] | None = None) -> None:
    """Do what a spec file describes, and say how it ended."""
    file = Path((sys.argv[1:] if arguments is None else arguments)[0])
    first = int(os.environ.get("RANK", "0")) == 0
    journal = EventJournal(file.parent / "events.jsonl" if first else None)
    try:
        spec = json.loads(file.read_text(encoding="utf-8"))
        said = (
            _sample(spec)
            if spec["kind"] == "sample"
            else {"done": str(_work(spec, journal, file.parent / "stop"))}
        )
    except LeadlineError as error:
        problems = list(getattr(error, "problems", ()))
        journal.say({"error": type(error).__name__, "message": str(error), "problems": problems})
        if not first and not isinstance(error, Interrupted):
            # The first process may have the same to say; then end the others, which wait for us.
            time.sleep(_GRACE_S)
            sys.exit(error.exit_code)
    else:
        journal.say(said)


def _sample(spec: dict[str, Any]) -> dict[str, Any]:
    from leadline.runs.backends.trl.sampling import evaluation_sampler
    from leadline.runs.backends.trl.settings import uses_cuda

    recipe = parse_recipe(spec["recipe"])
    problems = [
        Problem(
            row["id"],
            row["prompt"],
            "",
            row["messages"] and tuple(Message(*turn) for turn in row["messages"]),
        )
        for row in spec["problems"]
    ]
    device = torch.device("cuda" if uses_cuda(recipe) else "cpu")
    sampler = evaluation_sampler(Path(spec["start"]), recipe, device)
    drawn = sampler.generate(problems, spec["count"], Sampling(**spec["sampling"]))
    return {"draws": [[draw.index, asdict(draw.completion)] for draw in drawn]}


def _work(spec: dict[str, Any], journal: EventJournal, stop: Path) -> Path:
    recipe = parse_recipe(spec["recipe"])
    material, start = open_material(recipe), Path(spec["start"])
    stage = Stage(spec["name"], Path(spec["folder"]), journal, _StopFile(stop), lambda row: None)
    codec = Codec(load_tokenizer(start), recipe.data.system_prompt)
    if spec["kind"] == "sft":
        from leadline.runs.backends.trl.train_supervised import train_supervised

        return train_supervised(stage, start, recipe, material, codec)
    from leadline.runs.backends.trl.train_policy import train_policy

    return train_policy(stage, start, recipe, material, codec)


if __name__ == "__main__":
    main()
