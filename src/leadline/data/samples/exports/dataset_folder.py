"""Samples as a data set of the Hub: a folder with one JSONL file and its card, which ``load_dataset`` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import yaml

from leadline.data.samples.counts import Counts
from leadline.data.samples.exports.about import About
from leadline.data.samples.exports.headline import headline
from leadline.display.numbers import share
from leadline.storage.jsonl import encode_row
from leadline.storage.outputs import (
    check_folder_name,
    check_output,
    check_output_folder,
    refusals_as_storage_errors,
    replacing,
)
from leadline.storage.outputs import write_text_atomic as write_text
from leadline.types import SampleRow

__all__ = ["DatasetFolder", "check_dataset_folder", "open_dataset_folder"]

DATA, CARD = "samples.jsonl", "README.md"
_MARK = "<!-- written by leadline -->"
CARD_FIELDS = {
    "problem_id": "the problem; all rows of one id are samples of it",
    "prompt": "what the model saw, template and system turn included where they are known",
    "completion": "what it wrote",
    "gold": "the reference answer",
    "n_tokens": "length of the completion in tokens, end of sequence included; null where it is not known",
    "finished": "true where the model ended by itself, false where the cap cut it off; null where nobody says",
    "correct": "the grader's verdict; null where the reference answer cannot be used",
    "reason": "why",
    "answer": "the answer that was found, in canonical form",
    "logprob": "summed log-probability in nats under the sampling distribution, where it is known",
    "difficulty": "as the problem set says it",
}


def check_dataset_folder(folder: Path, inputs: tuple[Path, ...]) -> None:
    """Refuse a folder of somebody else's before any work is done for it.

    Raises:
        InputError: a file in it is not one that leadline wrote, or is read here.
    """
    check_folder_name(folder)
    check_output_folder(folder, mark=CARD, files=(DATA,))
    check_output(folder / CARD, ours=lambda head: _MARK.encode() in head)
    check_output(folder / DATA, inputs=inputs, ours=lambda head: True)  # beside a card of ours


@contextmanager
def open_dataset_folder(folder: Path, about: About) -> Iterator[DatasetFolder]:
    """The folder, checked before; its data get their name when the body ends well, and the card after them."""
    made = not folder.exists()
    try:
        with replacing(folder / DATA) as stream:
            written = DatasetFolder(stream, folder, about)
            yield written
    except BaseException:
        if made:
            with suppress(OSError):  # somebody else has put something there
                folder.rmdir()
        raise
    write_text(folder / CARD, written.card)


class DatasetFolder:
    """Every row has every field, so that Arrow finds one type for each."""

    def __init__(self, stream: IO[bytes], folder: Path, about: About) -> None:
        self.stream, self.folder, self.about = stream, folder, about
        self.parts: set[str] = set()
        self.card = ""

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row."""
        sample = SampleRow.from_row({"n_tokens": 0, **row})
        completion, score = sample.completion, sample.score
        plain: dict[str, Any] = {
            "problem_id": completion.problem_id,
            "prompt": sample.prompt,
            "completion": completion.text,
            "gold": sample.gold,
            "n_tokens": completion.n_tokens if "n_tokens" in row else None,
            "finished": completion.finished if "finished" in row else None,
            "correct": sample.correct,
            "reason": score.reason if score else None,
            "answer": score.answer if score else None,
            "logprob": completion.logprob,
            "difficulty": sample.difficulty,
        }
        for name, value in (score.parts if score else {}).items():
            plain[f"part_{name}"] = value
            self.parts.add(name)
        with refusals_as_storage_errors(self.folder / DATA):
            self.stream.write(encode_row(plain))

    def finish(self, counts: Counts) -> None:
        """The card: what is in the folder, what came out, and what nobody told us."""
        found, about = headline(counts), self.about
        front = {
            "task_categories": ["text-generation"],
            "tags": ["leadline", "model-samples"],
            "configs": [{"config_name": "default", "data_files": [{"split": "samples", "path": DATA}]}],
        }
        fields = CARD_FIELDS | {
            f"part_{name}": f"value of the reward part {name}" for name in sorted(self.parts)
        }
        facts = {
            "model": about.model or "not said",
            "problems": about.benchmark or "not said",
            "how the samples were drawn": about.notes or "not said",
            "size": found.size,
            "pass@1": share(found.first),
            f"pass@{found.k}": share(found.top),
            "date": about.date,
        }
        self.card = "\n".join(
            (
                f"---\n{yaml.safe_dump(front, sort_keys=False)}---",
                _MARK,
                f"# Samples of {about.model or 'a language model'}",
                "",
                *_table(("", ""), facts),
                "",
                "95% intervals over problems. The licence is for the owner of the problems to state.",
                "",
                *_table(("field", "meaning"), fields),
                "",
            )
        )


def _table(head: tuple[str, str], rows: Mapping[str, str]) -> Iterator[str]:
    yield f"| {head[0]} | {head[1]} |"
    yield "|---|---|"
    for name, value in rows.items():
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in (name, value))
        yield f"| {' | '.join(cells)} |"
