"""Problems as the Parquet files that verl reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leadline.errors import StorageError
from leadline.types import Problem

__all__ = ["verl_row", "write_parquet"]


def verl_row(problem: Problem, *, split: str, index: int, source: str, system: str | None) -> dict[str, Any]:
    """A problem in verl's columns; ``extra_info.id`` brings its name back to us."""
    turns = [{"role": turn.role, "content": turn.content} for turn in problem.messages or ()]
    turns = turns or [{"role": "user", "content": problem.prompt}]
    if system and turns[0]["role"] != "system":
        turns.insert(0, {"role": "system", "content": system})
    extra = {"id": problem.id, "split": split, "index": index, "difficulty": problem.difficulty}
    return {
        "data_source": source,
        "prompt": turns,
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": problem.answer},
        "extra_info": extra,
    }


def write_parquet(
    path: Path, problems: Sequence[Problem], *, split: str, source: str, system: str | None = None
) -> None:
    """Write one file, complete or not at all.

    Raises:
        StorageError: the disk refused.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        verl_row(problem, split=split, index=index, source=source, system=system)
        for index, problem in enumerate(problems)
    ]
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), aside)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise StorageError(f"{path}: {error.strerror or error}") from error
