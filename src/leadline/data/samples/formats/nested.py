"""Rows that hold all samples of one problem: Qwen's evaluation, nested rollouts, reasoning-gym's results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leadline.data.column_roles import sample_names
from leadline.data.samples.formats.base import (
    TURNS,
    Layout,
    RawRow,
    Reading,
    first_of,
    is_verdict,
    own_row,
    reach,
)
from leadline.data.samples.formats.endings import ENDINGS, finished_of
from leadline.data.samples.formats.inner_verdict import inner_verdicts
from leadline.data.samples.formats.named_score import named_score
from leadline.data.samples.formats.verdict_columns import called_verdict, is_flag

__all__ = ["NESTED", "QWEN_MATH", "REASONING_GYM", "REASONING_GYM_SET", "VERDICT_LISTS"]

_LISTS = (
    *("rollouts", "samples", "responses", "completions", "generations", "outputs"),
    "trajectories",
    *("output_list", "code_list"),  # LiveCodeBench
    "choices",  # of an answer of an API; those of a question are no objects with a message
)
_OF_A_PROBLEM = ("choices", "trajectories")  # what by itself is an answer of an API, or a group of ART
_TEXTS = (
    *("text", "completion", "response", "generation", "output", "full_model_response"),
    *("content", "message.content"),
)
_SCORES = sample_names("correct")
_SCORE_LISTS = tuple(
    "scores correct rewards score correctness_math_verify correctness is_correct graded_list".split()
)
_OF_SAMPLE = "of a sample: "
_FULL_SCORE = 0.99  # reasoning-gym pays a little for form alone


def _qwen(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """QwenLM/Qwen2.5-Math, ``evaluation/math_eval.py``: lists side by side; ``gt`` was normalised, ``answer`` not."""
    scores = row["score"] if isinstance(row["score"], list) else [row["score"]]
    about = {
        "problem": row["idx"],
        "prompt": first_of(row, "question", "problem"),
        "gold": first_of(row, "answer", "gt"),
    }
    beside = _beside(row, len(row["code"]))
    for text, score, also in zip(row["code"], scores, beside, strict=True):
        yield own_row(reading, **about, completion=text, score=score, finished=finished_of(also))


def _nested(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """Several tools: a problem with a list of samples, each an object or a text; more lists may stand beside it.

    Raises:
        ValueError: a list of verdicts has another length; a score is named and not there.
    """
    name = next(n for n in _LISTS if _samples(row, n))
    row = {**row, name: _samples(row, name)}
    about = _about(row)
    chosen = reading.columns.get("correct")
    size = len(row[name])
    for one, also in zip(row[name], _beside(row, size), strict=True):
        own = {name: one} if isinstance(one, str) else one
        reading.origins.meet(own)
        score = named_score(chosen, own, also, _nulls(row)) if chosen else _verdict(own, also, reading)
        if score is ... and size > 1:
            _check_beside(row, name, reading)
        yield own_row(
            reading,
            **about,
            completion=first_of(own, *(_TEXTS if own is one else (name,)), *TURNS),
            score=score,
            n_tokens=first_of(own, "n_tokens", "completion_tokens"),
            finished=finished_of({**also, **own}),
        )


def _about(row: RawRow) -> dict[str, Any]:
    """Id, prompt and reference answer of a problem."""
    return {
        "problem": first_of(row, "qid", "problem_id", "id", "idx", "question_id"),
        "prompt": first_of(row, "question", "prompt", "problem", "instruction", "question_content"),
        "gold": first_of(row, "gold", "expected_answer", "ground_truth", "answer", "target"),
    }


def _check_beside(row: RawRow, name: str, reading: Reading) -> None:
    """Refuse or say that samples are graded here although the row has verdicts: another number, or one for all.

    Raises:
        ValueError: a list of verdicts of another length.
    """
    for other in _SCORE_LISTS:
        value = row.get(other)
        if isinstance(value, list) and len(value) != len(row[name]):
            raise ValueError(f"{len(row[name])} {name} and {len(value)} {other}: which belongs to which?")
        if is_verdict(value):
            reading.notes[f"{other!r} is one value of several {name}: each of them is graded here"] = None


def _verdicts(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """A problem with a list of verdicts and no texts of its samples."""
    name = next(n for n in _SCORE_LISTS if _is_verdicts(row.get(n)))
    reading.notes[f"a sample is an entry of {name!r}"] = None
    for score, also in zip(row[name], _beside(row, len(row[name])), strict=True):
        yield own_row(reading, **_about(row), score=score, finished=finished_of(also))


def _is_verdicts(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(is_verdict(one) for one in value if one is not None)
    )


def _is_list_of_verdicts(row: RawRow) -> bool:
    """A list of verdicts that is no list of the rewards of the tokens of one text."""
    texts = any(isinstance(row.get(name), str) for name in sample_names("completion"))
    known = any(value is not None for value in _about(row).values())
    return known and not texts and any(_is_verdicts(row.get(name)) for name in _SCORE_LISTS)


def _verdict(own: RawRow, also: RawRow, reading: Reading) -> Any:
    """Right or wrong as the sample says, else as the lists beside do; what neither says is graded here."""
    inner = inner_verdicts(own)
    called = [name for name, value in own.items() if called_verdict(str(name)) and is_flag(value)]
    there = {f"{_OF_SAMPLE}{name}": own.get(name) for name in (*_SCORES, *called)}
    there |= {f"{_OF_SAMPLE}{path}": value for path, value in inner.items() if len(inner) == 1}
    there |= {name: also.get(name) for name in _SCORE_LISTS}
    taken = reading.settle("correct", there, there)
    value = None if taken is None else there.get(taken, reach(own, taken.removeprefix(_OF_SAMPLE)))
    if isinstance(value, Mapping):
        name = str(taken).rpartition(" ")[2]
        parts = " or ".join(f"--columns correct={name}.{part}" for part in list(value)[:3])
        raise ValueError(f"{name} holds several scores; which says right or wrong? {parts}")
    return ... if value is None else value


def _nulls(row: RawRow) -> dict[str, None]:
    """What the row has a name for and says nothing of: a list of verdicts that is null."""
    return {str(name): None for name, value in row.items() if value is None}


def _beside(row: RawRow, size: int) -> Iterator[dict[str, Any]]:
    """What the row says of each of its samples in lists of the same length; of a single one without a list, too."""
    lists = {k: v for k, v in row.items() if k not in _LISTS and isinstance(v, list) and len(v) == size}
    alone = {k: row[k] for k in ENDINGS if size == 1 and k in row and k not in lists}
    for i in range(size):
        yield alone | {k: values[i] for k, values in lists.items()}


def _is_nested(row: RawRow) -> bool:
    return any(_samples(row, name) for name in _LISTS)


def _samples(row: RawRow, name: str) -> list[Any]:
    """The samples under a name: a list of texts or objects, or objects by number; none where it is no list."""
    value = row.get(name)
    if isinstance(value, Mapping) and all(
        isinstance(one, Mapping) and str(key).isdigit() for key, one in value.items()
    ):
        value = list(value.values())
    if not isinstance(value, list) or not all(isinstance(one, str | Mapping) for one in value):
        return []
    if name in _OF_A_PROBLEM and all(about is None for about in _about(row).values()):
        return []
    answers = all(isinstance(one, Mapping) and isinstance(one.get("message"), Mapping) for one in value)
    return value if name != "choices" or answers else []


def _gym(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """open-thought/reasoning-gym-eval: data sets of results, one a file or all in one; a right answer scores 1."""
    sets = (
        [row] if "results" in row else [one for category in row["categories"] for one in category["datasets"]]
    )
    for result in (result for one in sets for result in one["results"]):
        for one in result.get("completions") or [result]:
            score = reading.right(one.get("score"), _FULL_SCORE)
            yield own_row(
                reading,
                prompt=result["question"],
                gold=result.get("expected_answer"),
                completion=one.get("full_model_response"),
                score=score,
            )


QWEN_MATH = Layout("qwen_math", ("idx", "code", "score"), _qwen, lambda row: isinstance(row["code"], list))
NESTED = Layout("nested", (), _nested, _is_nested)
VERDICT_LISTS = Layout("verdict_lists", (), _verdicts, _is_list_of_verdicts)
REASONING_GYM_SET = Layout(
    "reasoning_gym_set",
    ("name", "results"),
    _gym,
    lambda row: isinstance(row["results"], list) and all("question" in one for one in row["results"][:1]),
)
REASONING_GYM = Layout(
    "reasoning_gym", ("categories",), _gym, lambda row: isinstance(row["categories"], list)
)
