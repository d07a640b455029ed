"""Counts of samples, one number a problem: what probe and compare work on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.errors import InputError

__all__ = ["NEARLY", "STATED", "SUMS", "Counts", "check_counts"]

NEARLY = 0.95
"""Share of the samples that state something, from which on the others count as free of it: 5 points at most."""

Array = npt.NDArray[np.float64]

SUMS = tuple(
    (
        "n c unscorable truncated no_answer format_failed tokens tokens_correct measured measured_correct "
        "cut_right tokens_cut_right measured_cut_right copies long_copies repeats"
    ).split()
)
STATED = ("finished", "reason", "format", "n_tokens", "lengths", "completion")


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted, one number a problem, all arrays of shape (problems,) and in the order of ``ids``.

    Attributes:
        ids: the problems, in order of first appearance.
        n, c: samples, and correct ones; unscorable rows count as wrong (decision "Unscorable rows"), truncated ones too
            (decision "Truncated completions"), unless too few samples say how they ended (`by_verdict`).
        unscorable: samples whose gold was at fault (``correct`` null).
        truncated: samples cut off by the token cap.
        cut_right, tokens_cut_right, measured_cut_right: samples that were cut off and are right by their verdict; their
            tokens, and how many of them state those.
        cut_counts: whether these count as right (`by_verdict`).
        no_answer: finished samples in which no answer was found.
        format_failed: samples that missed the format (``parts.format`` below 1).
        tokens, tokens_correct: summed completion tokens of the samples that state their length, and of the correct ones
            of them.
        measured, measured_correct: how many samples state their length (or are in a row of counts with its mean), and
            how many of them are correct.
        copies: samples whose text another sample of the same problem already had.
        long_copies: those of them with at least 500 characters, which chance does not repeat.
        repeats: largest number that divides how often each text of the problem occurs; 0 without texts.
        stated: how many samples stated each of finished, reason, format, n_tokens, completion; ``lengths`` those whose
            ``n_tokens`` is their own, and not the mean of a row of counts.
        prompts, golds: of the problems whose rows carried them.
        other_prompts, other_golds: another text that a later row of a problem had, of a fresh reading alone.
        media: digest of the images and the like of the prompts that have some.
        difficulty: as the rows say; NaN where they do not.
        notes: what was odd in the rows but usable, in words.
        skipped: rows left out with ``on_bad_row="skip"``, each ``source:line: why``.
    """

    ids: tuple[str, ...]
    n: Array
    c: Array
    unscorable: Array
    truncated: Array
    no_answer: Array
    format_failed: Array
    tokens: Array
    tokens_correct: Array
    measured: Array
    measured_correct: Array
    cut_right: Array
    tokens_cut_right: Array
    measured_cut_right: Array
    copies: Array
    long_copies: Array
    repeats: Array
    difficulty: Array
    stated: Mapping[str, int]
    prompts: Mapping[str, str] = field(default_factory=dict, repr=False)
    golds: Mapping[str, str] = field(default_factory=dict, repr=False)
    other_prompts: Mapping[str, str] = field(default_factory=dict, repr=False)
    other_golds: Mapping[str, str] = field(default_factory=dict, repr=False)
    media: Mapping[str, str] = field(default_factory=dict, repr=False)
    cut_counts: bool = False
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def said(self) -> tuple[str, ...]:
        """The notes, and how many samples count as wrong as they were cut off."""
        number = int(self.cut_right.sum())
        note = f"{number:,} truncated samples were marked correct and count as wrong, as in training"
        return (*self.notes, note) if number and not self.cut_counts else self.notes

    @property
    def cut_off(self) -> Array:
        """Samples that are not right and were cut off."""
        return self.truncated - self.cut_right if self.cut_counts else self.truncated

    @property
    def endings_known(self) -> bool:
        """Whether nearly all samples say whether they were cut off."""
        return self.stated["finished"] >= NEARLY * self.n_samples

    def by_verdict(self, why: str) -> Counts:
        """The same, samples that were cut off counting by their verdict: as those do that do not say how they ended.

        ``why`` is said in a note, where it makes a difference.
        """
        number = int(self.cut_right.sum())
        if not number or self.cut_counts:
            return self
        note = (
            f"{number:,} truncated samples were marked correct and count as right, as {why}; in training a completion "
            "that is cut off earns nothing, so that success at this cap may be lower"
        )
        return replace(
            self,
            c=self.c + self.cut_right,
            tokens_correct=self.tokens_correct + self.tokens_cut_right,
            measured_correct=self.measured_correct + self.measured_cut_right,
            cut_counts=True,
            notes=(*self.notes, note),
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of any figure has to know of the reading: its notes, and that rows were left out."""
        if not self.skipped:
            return self.said
        first, *others = self.skipped
        more = (
            f" ({others[-1] if others[-1].endswith('more rows') else f'and {len(others)} more'})"
            if others
            else ""
        )
        return (*self.said, f"rows were left out: {first}{more}")

    @property
    def n_samples(self) -> int:
        """Samples of all problems."""
        return int(self.n.sum())

    def take(self, ids: Iterable[str]) -> Counts:
        """The same counts of some problems only, in the order given.

        Raises:
            KeyError: an id that is not there.
        """
        place = {name: i for i, name in enumerate(self.ids)}
        names = tuple(ids)
        rows = np.array([place[name] for name in names], dtype=int)
        arrays: dict[str, Any] = {name: getattr(self, name)[rows] for name in (*SUMS, "difficulty")}
        return Counts(
            names, **arrays, stated=self.stated, prompts=self.prompts, golds=self.golds, media=self.media
        )

    def thinned(self) -> Counts:
        """The same problems with every repeated text counted once, for files that hold each sample m times."""
        factor = np.maximum(self.repeats, 1)
        names = [name for name in SUMS if "copies" not in name and name != "repeats"]
        arrays = {name: np.floor(getattr(self, name) / factor + 1e-9) for name in names}
        rest = {
            name: getattr(self, name)
            for name in ("difficulty", "stated", "prompts", "golds", "media", "cut_counts", "skipped")
        }
        zero = np.zeros(len(self))
        return Counts(
            self.ids, **arrays, copies=zero, long_copies=zero, repeats=zero + 1, notes=self.notes, **rest
        )

    @classmethod
    def from_arrays(cls, n: npt.ArrayLike, c: npt.ArrayLike, ids: Iterable[str] | None = None) -> Counts:
        """Counts of samples and correct ones alone; ids default to ``p0``, ``p1``, ...

        Raises:
            ValueError: ``c`` outside [0, n], or no sample of some problem.
        """
        samples, correct = np.broadcast_arrays(np.asarray(n, float), np.asarray(c, float))
        if np.any(correct < 0) or np.any(correct > samples) or np.any(samples < 1):
            raise ValueError("need 0 <= c <= n and n >= 1 for every problem")
        names = tuple(ids) if ids is not None else tuple(f"p{i}" for i in range(samples.size))
        zero = np.zeros(samples.size)
        rest: dict[str, Any] = {name: zero for name in SUMS if name not in ("n", "c")}
        stated = dict.fromkeys(STATED, 0)
        nan = np.full(samples.size, np.nan)
        return cls(names, n=samples.copy(), c=correct.copy(), **rest, difficulty=nan, stated=stated)


def check_counts(**given: object) -> None:
    """Refuse what is no counts, such as the name of a file.

    Raises:
        InputError: with what makes counts of it.
    """
    faults = [
        f"{name}: {type(value).__name__}, expected Counts: load_counts(FILE) reads them, and run_probe and run_compare "
        "do all of it"
        for name, value in given.items()
        if not isinstance(value, Counts)
    ]
    if faults:
        raise InputError(faults)
