"""leadline's own rows, and rows of anybody that use common names for the same things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leadline.data.column_roles import ROLES, sample_names
from leadline.data.problems.columns import with_context, with_input
from leadline.data.samples.formats.base import (
    TURNS,
    Layout,
    RawRow,
    Reading,
    gold_text,
    is_conversation,
    is_verdict,
    own_row,
    reach,
)
from leadline.data.samples.formats.endings import ENDINGS, finished_of
from leadline.data.samples.formats.inner_verdict import SCORES, is_inner_score, with_inner_verdict
from leadline.data.samples.formats.solve_rates import counts_of_rate, is_count
from leadline.data.samples.formats.verdict_columns import called_verdict, is_flag
from leadline.errors import DataError

__all__ = ["ALIASES", "BY_NAME", "OWN", "named_values"]

ALIASES: Mapping[str, tuple[str, ...]] = {
    role: sample_names(role) for role in ROLES if role not in ("messages", "solution")
}
"""Field -> names that columns of other tools have for it, tried in this order, letter case aside."""

PROSE = 8  # words, beyond which a text is no final answer

DOUBTFUL = ("gold", "completion", "correct", "problem_id")
"""Fields of which another candidate with another value is said to have been passed over."""

UNCLEAR_COUNTS = ("correct", "passed", "k", "n", "total", "samples")
"""Names of counts that are names of other things as well: the number of a sample, of its tokens, its verdict."""


def named_values(row: RawRow, reading: Reading) -> dict[str, tuple[str, Any]]:
    """Field -> the column that holds it and its value, the user's names first.

    Raises:
        ValueError: a column that the user named is not there.
    """
    columns = reading.columns
    row = with_inner_verdict(row, reading)
    lower = {str(name).lower(): name for name in row}
    found: dict[str, tuple[str, Any]] = {}
    for field, names in ALIASES.items():
        given = columns.get(field)
        if given is not None:
            if field == "n_samples" and given.isdecimal() and given not in row:
                found[field] = given, int(given)  # the same for every row
                continue
            if reach(row, given) is None and given not in row:
                raise ValueError(f"column {given!r} is missing")
            found[field] = given, reach(row, given)
            continue
        if field == "correct":
            names = _verdict_names(names, lower, row, reading.settled.get("correct"))
        if field == "prompt":
            names = (*names, *_behind_dots(names, lower))
        there = [lower[name] for name in names if name in lower and lower[name] not in columns.values()]
        held = [(name, row[name]) for name in there if row[name] is not None]
        if field == "gold":
            held = _references(held)
        if field in DOUBTFUL:
            held = _from_one_column(field, held, reading)
        if held:
            found[field] = held[0]
            if field == "correct" and called_verdict(held[0][0]) and held[0][0].lower() not in ALIASES[field]:
                reading.notes[f"right or wrong by the column {held[0][0]!r}"] = None
            if field in DOUBTFUL:
                _say_passed_over(reading, field, held)
    return _with_turns(found, row, reading)


def _with_turns(
    found: dict[str, tuple[str, Any]], row: RawRow, reading: Reading
) -> dict[str, tuple[str, Any]]:
    """What was found; where that is no completion, with the turns of a chat as prompt and completion."""
    name = next((name for name in TURNS if is_conversation(row.get(name))), None)
    if name is None or "completion" in found or {"prompt", "completion"} & reading.columns.keys():
        return found
    if sum(isinstance(turn, Mapping) and turn.get("role") == "user" for turn in row[name]) > 1:
        reading.notes[f"{name!r} holds several questions: a problem is known by what was asked first"] = None
    return {"prompt": (name, row[name]), "completion": (name, row[name])} | found


def _behind_dots(names: tuple[str, ...], lower: RawRow) -> list[str]:
    """The one column of a flattened table whose name ends in one of these (``inputs.question``)."""
    found = [name for name in lower if "." in name and name.rpartition(".")[2] in names]
    return found if len(found) == 1 else []


def _verdict_names(
    names: tuple[str, ...], lower: RawRow, row: RawRow, settled: str | None
) -> tuple[str, ...]:
    """The names of a verdict, and before a mere score the one other that is called so (``accuracy_reward``)."""
    others = [
        name
        for name in lower
        if name not in names
        and (called_verdict(name) or is_inner_score(name))
        and (is_flag(row[lower[name]]) or lower[name] == settled)
    ]
    if len(others) != 1:
        return names
    clear = tuple(name for name in names if name not in SCORES)
    return (*clear, *others, *SCORES)


def _from_one_column(field: str, held: list[tuple[str, Any]], reading: Reading) -> list[tuple[str, Any]]:
    """The candidates, that first which the field is read from in this file; none where that one is empty."""
    taken = reading.settle(field, dict(held), [name for name, _ in held])
    first = [one for one in held if one[0] == taken]
    return first and first + [one for one in held if one[0] != taken]


def _references(held: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Those of the candidates that may be a reference answer; a whole solution goes behind a short answer."""
    usable = [(name, value) for name, value in held if gold_text(value) is not None]
    return sorted(usable, key=lambda one: len(str(gold_text(one[1])).split()) > PROSE)


def _say_passed_over(reading: Reading, field: str, held: list[tuple[str, Any]]) -> None:
    (taken, value), *others = held
    other = [name for name, theirs in others if theirs != value]
    if other:
        reading.notes[
            f"{field} is read from {taken!r}; {', '.join(map(repr, other))} would do as well and hold something "
            f"else (--columns {field}=COLUMN)"
        ] = None


def _own(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    if reading.pass_at is not None and not isinstance(row.get("correct"), bool | None):
        row = {**row, "correct": reading.right(row["correct"])}
    yield dict(row)


def _is_own(row: RawRow) -> bool:
    return "correct" in row or "completion" in row or "n_samples" in row or "n_correct" in row


def _by_name(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    named = named_values(row, reading)
    found = {field: value for field, (_, value) in named.items()}
    who = {"problem": found.get("problem_id"), "prompt": _asked(row, named), "gold": found.get("gold")}
    if "problem_id" in named and named["problem_id"][0] == named.get("prompt", ("", None))[0]:
        who["problem"] = None  # the problem is known by its prompt
    counts = _counts(named, who["problem"] if who["problem"] is not None else who["prompt"], reading)
    if counts is not None:
        yield own_row(reading, **who, **counts)
        return
    yield own_row(
        reading,
        **who,
        completion=found.get("completion"),
        score=found.get("correct", ...),
        n_tokens=found.get("n_tokens"),
        finished=_finished(row, reading),
        difficulty=found.get("difficulty"),
    )


def _finished(row: RawRow, reading: Reading) -> Any:
    """Whether the model ended by itself; a column that the user names means what its name does elsewhere."""
    column = reading.columns.get("finished")
    if column is None:
        return finished_of(row)
    value, name = reach(row, column), column.rpartition(".")[2].lower()
    if name in ENDINGS:
        return finished_of({name: value})
    return finished_of({"finish_reason": value}) if isinstance(value, str) else value


def _asked(row: RawRow, named: Mapping[str, tuple[str, Any]]) -> Any:
    """The prompt; of an instruction and its input both (Alpaca's layout)."""
    column, prompt = named.get("prompt", ("", None))
    lower = {str(name).lower(): value for name, value in row.items()}
    if column.lower() != "instruction" or not isinstance(prompt, str):
        return with_context(prompt, lower)
    return with_input(prompt, lower.get("input"))


def _counts(named: Mapping[str, tuple[str, Any]], problem: object, reading: Reading) -> dict[str, int] | None:
    """Samples and right ones of a row that is a whole problem; None where it is a sample.

    Raises:
        ValueError: a solve rate that is none.
        DataError: counts by unclear names, of which a problem has several rows.
    """
    total_name, total = named.get("n_samples", ("", None))
    right_name, right = named.get("n_correct", named.get("correct", ("", None)))
    if "solve_rate" in named:
        return counts_of_rate(named["solve_rate"][1], total, reading)
    if "completion" in named or not is_count(total):
        return None
    if reading.pass_at is None and _looks_like_rate(named, right, total, reading):
        percent = " (in percent)" if right > 1 else ""
        raise ValueError(
            f"{right_name} is {right:g}, and {total_name} {total:g}: a solve rate{percent} is --columns "
            f"solve_rate={right_name},n_samples={total_name}; the verdict of one sample is --columns "
            f"correct={right_name}, with --pass-at 0.5 where it is a score"
        )
    if "n_correct" not in named or not is_count(right):
        return None
    said = {"n_correct", "n_samples"} <= reading.columns.keys()
    if not said and {right_name.lower(), total_name.lower()} <= set(UNCLEAR_COUNTS):
        _once(problem, right_name, total_name, reading)
    return {"n_correct": int(right), "n_samples": int(total)}


def _looks_like_rate(named: Mapping[str, tuple[str, Any]], right: Any, total: int, reading: Reading) -> bool:
    """Whether a score beside a number of samples may be the rate of as many, which would be counted as one sample."""
    if isinstance(right, bool) or not isinstance(right, int | float):
        return False
    if 0 < right < 1:
        return type(right) is float
    several = total > 1 and named["n_samples"][0].lower() not in UNCLEAR_COUNTS
    return several and "n_correct" not in named and "correct" not in reading.columns and 0 <= right <= 100


def _once(problem: object, right: str, total: str, reading: Reading) -> None:
    """Refuse a second row of a problem: these names may as well be those of single samples."""
    if problem in reading.counted:
        raise DataError(  # a question of the file, not of this row
            f"{str(problem)[:60]!r} has several rows with {right!r} and {total!r}: if a row is a sample, say "
            f"--columns correct={right}; if it counts several, --columns n_correct={right},n_samples={total}"
        )
    reading.counted.add(problem)


def _has_samples(row: RawRow) -> bool:
    found = {field: value for field, (_, value) in named_values(row, Reading()).items()}
    named = "problem_id" in found or "prompt" in found
    counted = is_count(found.get("n_samples")) and is_count(found.get("n_correct"))
    told = is_verdict(found.get("correct")) or ("completion" in found and "gold" in found)
    return named and (counted or told)


OWN = Layout("leadline", ("problem_id",), _own, _is_own)
BY_NAME = Layout("columns", (), _by_name, _has_samples)
