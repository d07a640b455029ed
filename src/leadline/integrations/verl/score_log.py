"""Every score of a run, written down where it is made.

verl dumps texts and rewards of what it trained on, but no lengths, reasons or parts. The reward manager knows them;
each of its processes appends to a file of its own, so that any number of them, on any node, share one folder.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.errors import StorageError
from leadline.types import Completion, Problem, Score

__all__ = ["Trail"]


class Trail:
    """One process's file in the folder.

    Raises:
        StorageError: the folder cannot be written to; also later, when the disk is full.
    """

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / f"{socket.gethostname()}-{os.getpid()}.jsonl"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}") from error

    def write(self, said: Mapping[str, Any], problem: Problem, completion: Completion, score: Score) -> None:
        """Append one line; ``uid`` and ``session`` are what verl calls the row by."""
        row = {
            "uid": f"{said.get('uid', '')}_{said.get('session_id', 0)}",
            "split": str(problem.meta.get("split", "")),
            "problem_id": problem.id,
            "prompt": problem.prompt,
            "gold": problem.answer,
            "completion": completion.text,
            "n_tokens": completion.n_tokens,
            "finished": completion.finished,
            "correct": score.correct,
            "reason": score.reason,
            "answer": score.answer,
            "bonus": score.bonus,
            "parts": dict(score.parts),
            "spans": [list(span) for span in score.spans],
        }
        line = (json.dumps(row, ensure_ascii=True) + "\n").encode()
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}") from error
