"""Results as a section of a model card, put between two marks so that the next one replaces it and nothing else."""

from __future__ import annotations

from pathlib import Path

from leadline.data.samples.counts import Counts
from leadline.data.samples.exports.about import About
from leadline.data.samples.exports.headline import headline
from leadline.display.numbers import share
from leadline.errors import InputError
from leadline.storage.outputs import write_text_atomic
from leadline.storage.reading import as_text, read_bytes

__all__ = ["card_section", "write_card_section"]

BEGIN, END = "<!-- leadline: results -->", "<!-- leadline: end of results -->"
MAX_CARD = 2**22


def card_section(counts: Counts, about: About) -> str:
    """The section, marks included."""
    found = headline(counts)
    where = about.benchmark or "the problem set"
    task = "" if about.task == "default" else f" ({about.task})"
    rows = [f"| pass@1 | {share(found.first)} |"]
    rows += [f"| pass@{found.k} | {share(found.top)} |"] if found.k > 1 else []
    said = f" {about.notes.rstrip('.')}." if about.notes else ""
    return "\n".join(
        (
            BEGIN,
            f"## Results on {where}{task}",
            "",
            "| | mean over problems, 95% interval |",
            "|---|---|",
            *rows,
            "",
            f"{found.size}, {about.date[:10]}.{said} Graded and measured with leadline.",
            END,
        )
    )


def write_card_section(path: Path, section: str) -> None:
    """Put the section into the card at ``path``: where its marks are, else at its end, else into a new card.

    Raises:
        InputError: a card with one of the marks, or with several.
        DataError: the card cannot be read. StorageError: the disk refused; the card is untouched.
    """
    card = as_text(read_bytes(path, MAX_CARD), str(path)) if path.exists() else ""
    begun, ended = card.count(BEGIN), card.count(END)
    if not begun and not ended:
        head = f"{card.rstrip()}\n\n" if card.strip() else ""
        write_text_atomic(path, f"{head}{section}\n")
        return
    if begun != 1 or ended != 1 or card.index(BEGIN) > card.index(END):
        raise InputError(
            f"{path}: marks of leadline's section are missing or doubled; remove what is left of it"
        )
    before, rest = card.split(BEGIN)
    write_text_atomic(path, before + section + rest.split(END)[1])
