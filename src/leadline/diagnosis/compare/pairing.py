"""Two sets of counts on the same problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from leadline.data.problems.choices import unordered
from leadline.data.problems.duplicates import normalised_prompt
from leadline.data.samples.counts import Counts
from leadline.data.samples.same_problems import differing_prompts, refusal, shuffled
from leadline.diagnosis.partly_stated import Partly, partly_stated
from leadline.errors import DataError

__all__ = ["Pair", "ended_alike", "pair_up"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Base and tuned counts of the shared problems, in one order.

    ``only_base`` and ``only_tuned`` name problems that the other side lacks; they are left out. ``partly`` has, for
    ``base`` and ``tuned``, what only some samples of that side state.
    """

    base: Counts = field(repr=False)
    tuned: Counts = field(repr=False)
    only_base: tuple[str, ...] = ()
    only_tuned: tuple[str, ...] = ()
    partly: Mapping[str, Partly] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.base)

    @property
    def rates(self) -> tuple[Array, Array]:
        """Measured solve rates of base and tuned."""
        return self.base.c / self.base.n, self.tuned.c / self.tuned.n

    @property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Problems of which both sides have samples that state their length."""
        return np.asarray((self.base.measured > 0) & (self.tuned.measured > 0))

    def states(self, name: str) -> bool:
        """Whether both sides state a field, and all of their samples do."""
        some = self.base.stated[name] > 0 and self.tuned.stated[name] > 0
        return some and not any(name in fields for fields in self.partly.values())


def ended_alike(base: Counts, tuned: Counts, repeat: Counts | None) -> tuple[Counts, Counts, Counts | None]:
    """The sides by one rule for cut-off samples: wrong where all sides say how samples ended, else by verdict.

    Otherwise the same samples would be right on the side that does not say, and wrong on the other.
    """
    sides = [base, tuned, *([] if repeat is None else [repeat])]
    if not all(side.endings_known for side in sides):
        sides = [_by_verdict(side) for side in sides]
    return sides[0], sides[1], sides[2] if repeat is not None else None


def _by_verdict(side: Counts) -> Counts:
    """The side with all verdicts counted, and what is to be said where its file has none for cut-off samples."""
    found = side.by_verdict("other samples do not say whether they were cut off")
    graded_wrong = int(found.cut_off.sum())
    if not side.endings_known or not graded_wrong:
        return found
    note = (
        f"{graded_wrong:,} samples were cut off and are wrong by their verdict; other samples do not say whether they "
        "were: a difference may be that alone"
    )
    return replace(found, notes=(*found.notes, note))


def pair_up(base: Counts, tuned: Counts) -> Pair:
    """Keep the problems that both sides have, in the order of the base.

    A multiple-choice question is known by its id where its choices stand in another order on the other side.

    Raises:
        DataError: there are none, or one id stands for other problems on the two sides (three examples); or questions
            that have other ids on the two sides differ in the order of their choices.
    """
    theirs, ours = set(tuned.ids), set(base.ids)
    _refuse_shuffled(base, tuned)
    shared = [name for name in base.ids if name in theirs]
    if not shared:
        raise DataError(_none_shared(base, tuned))
    both = [name for name in shared if name in base.prompts and name in tuned.prompts]
    apart = {
        name: tuned.prompts[name] for name in both if not shuffled(base.prompts[name], tuned.prompts[name])
    }
    other = differing_prompts(base.prompts, apart)
    if other:
        raise DataError(
            refusal(other, base.prompts, tuned.prompts, "problem", ("the base", "the tuned model"))
        )
    return Pair(
        base.take(shared),
        tuned.take(shared),
        tuple(name for name in base.ids if name not in theirs),
        tuple(name for name in tuned.ids if name not in ours),
        {"base": partly_stated(base), "tuned": partly_stated(tuned)},
    )


def _refuse_shuffled(base: Counts, tuned: Counts) -> None:
    """Say what to do where questions are known by prompts that differ in the order of the choices alone.

    Else they would be left out, but for those whose order is the same by chance.
    """
    theirs, ours = set(tuned.ids), set(base.ids)
    alone = {key: name for name, key in _unordered(base) if name not in theirs}
    twice = [(alone[key], name) for name, key in _unordered(tuned) if name not in ours and key in alone]
    if not twice:
        return
    one, other = twice[0]
    raise DataError(
        [
            f"{len(twice):,} questions have other ids on the two sides and differ in the order of their choices alone: "
            f"such as {one[:60]!r} of the base, {other[:60]!r} of the tuned model",
            "  say which column names a question whatever the order: --columns problem_id=COLUMN (the same names on "
            "both sides)",
        ]
    )


def _unordered(side: Counts) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Each multiple-choice problem and what is asked, whatever the order of its choices (and with which image)."""
    for name in side.ids:
        key = unordered(side.prompts.get(name, ""))
        if key is not None:
            yield name, (f"{key[0]}\0{side.media.get(name)}", key[1])


def _none_shared(base: Counts, tuned: Counts) -> str:
    """What to say of sides without an id in common; where their prompts are the same, what gives them the same ids."""
    theirs = set(map(normalised_prompt, tuned.prompts.values()))
    alike = sum(normalised_prompt(text) in theirs for text in base.prompts.values())
    remedy = (
        f"; {alike:,} prompts are the same: --data PROBLEMS gives both the ids of the problem set"
        if alike
        else ""
    )
    return f"the two share no problem: base has {base.ids[0]!r}, ..., tuned has {tuned.ids[0]!r}, ...{remedy}"
