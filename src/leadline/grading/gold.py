"""Gold answers: read once, refused when they cannot be graded against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from leadline.errors import InputError
from leadline.grading.expressions.leaf import SAID
from leadline.grading.expressions.sets import INFINITY
from leadline.grading.expressions.structure import Structure, leaves_of
from leadline.grading.expressions.structure_reader import read_structure
from leadline.grading.text.clean import clean
from leadline.grading.text.extract import extract_answer

__all__ = ["MAX_GOLD", "Gold", "gold_as_text", "is_readable", "read_gold"]

MAX_GOLD = 10_000
"""Characters of a gold; a longer one is no final answer."""

_MARKED = re.compile(
    r"\\boxed|\\fbox|^\s*####|answers? (?:is|are)\b|answers?:|<answer>", re.IGNORECASE | re.MULTILINE
)
_NOTHING = frozenset(
    ("", "none", "null", "nan", "n/a", "na", "undefined_answer", "?", "-", "[]", "{}", "\\boxed{}")
)


class Gold(NamedTuple):
    """A gold as the grader uses it.

    Attributes:
        raw: the answer, found in the text given if that was a whole solution.
        text: ``raw``, cleaned.
        structure: what it is made of.
        fault: why it cannot be used, as far as that shows without algebra.
    """

    raw: str
    text: str
    structure: Structure
    fault: str | None


def gold_as_text(gold: object, where: str) -> str:
    """A gold out of a data set as text; of a missing one nothing is left, so that its row is unscorable.

    Args:
        where: what holds it, for the refusal.

    Raises:
        InputError: an object or bytes: as text no answer would ever be equal to it.

    >>> [gold_as_text(gold, "answer") for gold in (42, ["42"], None)]
    ['42', "['42']", '']
    """
    if isinstance(gold, Mapping | bytes):
        inside = f" ({', '.join(map(str, list(gold)[:5]))})" if isinstance(gold, Mapping) else ""
        raise InputError(
            f"{where}: a reference answer is text or a number, and here it is {type(gold).__name__}{inside}: make a "
            "column of the answer alone"
        )
    return "" if gold is None else str(gold)


def read_gold(gold: str) -> Gold:
    """Read a gold: a bare answer, ``$...$``, or a solution with a box or ``#### N`` at its end. Never raises."""
    raw = gold.strip()
    if len(raw) <= 200_000 and _MARKED.search(raw[-20_000:]):
        raw = extract_answer(raw) or raw
    text = clean(raw) if len(raw) <= MAX_GOLD else ""
    return Gold(raw, text, read_structure(text), _fault(raw, text))


def _fault(raw: str, text: str) -> str | None:
    if raw.lower() in _NOTHING:
        return "the gold is empty"
    if len(raw) > MAX_GOLD:
        return f"the gold has {len(raw)} characters, more than {MAX_GOLD}"
    if not text:
        return "nothing of the gold is left once it is cleaned"
    return None


def is_readable(gold: Gold) -> bool:
    """Whether every part of the gold was read here, so that no parser needs to be asked whether it can be used."""
    return all(
        leaf.form is not None or leaf.unit in SAID or INFINITY.match(leaf.text)
        for leaf in leaves_of(gold.structure)
    )
