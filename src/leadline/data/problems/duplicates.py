"""When two problems are the same: the normalised prompt, ids, duplicates, and overlap between two sets."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from leadline.errors import DataError
from leadline.grading import Grader
from leadline.types import Problem

__all__ = [
    "Duplicate",
    "Overlap",
    "content_hash",
    "find_duplicates",
    "normalised_prompt",
    "overlap",
    "problem_key",
    "refuse_overlap",
]

_SHOWN = 20

# Only typesetting goes; whatever carries meaning stays: letters, digits, signs, relations, parentheses.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"\\[\[\]()]|\$", " "),  # \[ \] \( \) and $ around formulas
        (r"\\[,;:! ]|\\q?quad(?![a-z])|~", " "),  # spaces
        (r"\\(?:left|right|displaystyle|textstyle|limits)(?![a-z])", " "),
        (r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname)(?![a-z])", " "),
        (r"\\[dt]frac(?![a-z])", r"\\frac"),
        (r"\\([lg])eq?(?![a-z])", r"\\\1e"),
        (r"(?:[\^_]\{\s*\})+", " "),  # empty scripts, as scanned pages have them
        (r"\{,\}", ","),
        (r"(?<=\d),(?=\d{3}(?!\d))", ""),  # 1,000
        (r"(?<=\d)\s*,\s*(?=\d)", ","),
        (r"(?<!\d),|,(?!\d)|\.(?!\d)", " "),  # punctuation, but no decimal point and no comma of a pair
        (r"(?<=\d)[^\w+\-*/=<>!^|().,%]+(?=\d)", " "),  # 1 2 is not 12, and neither is {1}{2}
        (r"[^\w+\-*/=<>!^|().,% ]+|(?<!\d) +| +(?!\d)", ""),  # other spaces, braces, quotes, the rest
    )
)


def normalised_prompt(prompt: str) -> str:
    """A prompt without its typesetting: equal for two printings of one problem, different for two problems.

    Case, whitespace, dollar signs, braces, spacing commands and punctuation go; signs, relations, digits and
    letters stay. Time is linear in the text.

    >>> normalised_prompt(r"Find $x^{2}$, \\, if $x \\geq 1$.")
    'findx^2ifxge1'
    >>> normalised_prompt(r"find \\(x^2\\) if \\(x\\ge1\\)")
    'findx^2ifxge1'
    >>> normalised_prompt("Find 2n - 1.") == normalised_prompt("Find 2n + 1.")
    False
    """
    text = unicodedata.normalize("NFKC", prompt).lower()
    for pattern, to in _RULES:
        text = pattern.sub(to, text)
    return text


def problem_key(problem: Problem) -> str:
    """What makes a problem the one that it is: its normalised prompt, and the images and the like beside it."""
    return _key(*problem.asked)


def _key(prompt: str, media: str | None) -> str:
    return normalised_prompt(prompt) + (f"\0{media}" if media else "")


def content_hash(prompt: str, media: str | None = None) -> str:
    """16 hexadecimal digits of the normalised prompt: the id of a problem that came without one.

    ``media`` is the digest of what of the prompt is no text (`leadline.data.prompt_media`): problems that differ in an
    image alone are several.

    >>> content_hash("What is shown?", "0a") != content_hash("What is shown?", "0b")
    True
    """
    return hashlib.sha256(_key(prompt, media).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Duplicate(NamedTuple):
    """A problem whose normalised prompt stood before in the same set.

    ``first`` and ``again`` are places (``file:line``); ``exact`` says whether the two prompts are equal to
    the character, ``same_answer`` whether their reference answers are.
    """

    first: str
    again: str
    problem_id: str
    exact: bool
    same_answer: bool


def find_duplicates(
    problems: Sequence[Problem], places: Sequence[str], grader: Grader | None = None
) -> list[Duplicate]:
    """Every problem that repeats an earlier one, in order.

    Each is compared with the first of its kind, and called exact when any earlier one is equal to the
    character. Reference answers that are written differently are compared by ``grader``, where there is one.
    """
    first: dict[str, int] = {}
    prompts: set[tuple[str, str | None]] = set()
    found, pairs = [], []
    for i, problem in enumerate(problems):
        j = first.setdefault(problem_key(problem), i)
        if j != i:
            pairs.append((problem.answer.strip(), problems[j].answer.strip()))
            found.append((places[j], places[i], problem.id, problem.asked in prompts))
        prompts.add(problem.asked)
    unlike = [pair for pair in dict.fromkeys(pairs) if pair[0] != pair[1]]
    grades = grader.grade_many([(f"\\boxed{{{a}}}", b) for a, b in unlike]) if grader and unlike else []
    equal = {pair for pair, grade in zip(unlike, grades, strict=False) if grade.correct}
    return [
        Duplicate(*row, pair[0] == pair[1] or pair in equal) for row, pair in zip(found, pairs, strict=True)
    ]


class Overlap(NamedTuple):
    """One problem that stands in both of two sets, by its id in each."""

    a: str
    b: str


def overlap(a: Iterable[Problem], b: Iterable[Problem]) -> list[Overlap]:
    """The problems of ``b`` that are in ``a`` (`problem_key`), in the order of ``b``; each with its first in ``a``.

    >>> train, test = [Problem("t1", "What is $1+1$?", "2")], [Problem("e1", "what is 1 + 1", "2")]
    >>> overlap(train, test)
    [Overlap(a='t1', b='e1')]
    """
    known: dict[str, str] = {}
    for problem in a:
        known.setdefault(problem_key(problem), problem.id)
    keys = ((problem, problem_key(problem)) for problem in b)
    return [Overlap(known[key], problem.id) for problem, key in keys if key in known]


def refuse_overlap(
    train: Iterable[Problem],
    evaluation: Iterable[Problem],
    *,
    train_name: str = "train",
    name: str = "evaluation",
) -> None:
    """Refuse a training set that holds problems of the evaluation set (decision "Hashes").

    Raises:
        DataError: names every shared problem (the first 20).
    """
    shared = overlap(train, evaluation)
    if shared:
        lines = [f"{name} problem {b!r} is {train_name} problem {a!r}" for a, b in shared[:_SHOWN]]
        more = [f"... and {len(shared) - _SHOWN} more"] if len(shared) > _SHOWN else []
        raise DataError([f"{len(shared)} problems are both in {train_name} and in {name}", *lines, *more])
