"""Rows that hold all samples of one problem: Qwen's evaluation, nested rollouts, reasoning-gym's results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leadline.data.column_roles import sample_names
from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, is_verdict, own_row
from leadline.data.samples.formats.endings import ENDINGS, finished_of
from leadline.data.samples.formats.named_score import named_score

__all__ = ["NESTED", "QWEN_MATH", "REASONING_GYM", "REASONING_GYM_SET", "VERDICT_LISTS"]

_LISTS = (
    *("rollouts", "samples", "responses", "completions", "generations", "outputs"),
    *("output_list", "code_list"),  # LiveCodeBench
)
_TEXTS = ("text", "completion", "response", "generation", "output", "full_model_response")
_SCORES = ("correct", "is_correct", "score", "reward")
_SCORE_LISTS = tuple(
    "scores correct rewards score correctness_math_verify correctness is_correct graded_list".split()
)
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
    name = next(n for n in _LISTS if isinstance(row.get(n), list))
    about = _about(row, reading)
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
            completion=first_of(own, *(_TEXTS if own is one else (name,))),
            score=score,
            n_tokens=first_of(own, "n_tokens", "completion_tokens"),
            finished=finished_of({**also, **own}),
        )


def _about(row: RawRow, reading: Reading) -> dict[str, Any]:
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
        yield own_row(reading, **_about(row, reading), score=score, finished=finished_of(also))


def _is_verdicts(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(is_verdict(one) for one in value if one is not None)
    )


def _is_list_of_verdicts(row: RawRow) -> bool:
    """A list of verdicts that is no list of the rewards of the tokens of one text."""
    texts = any(isinstance(row.get(name), str) for name in sample_names("completion"))
    known = any(value is not None for value in _about(row, Reading()).values())
    return known and not texts and any(_is_verdicts(row.get(name)) for name in _SCORE_LISTS)


def _verdict(own: RawRow, also: RawRow, reading: Reading) -> Any:
    """Right or wrong as the sample says, else as the lists beside do; what neither says is graded here."""
    there = {f"of a sample: {name}": own.get(name) for name in _SCORES}
    there |= {name: also.get(name) for name in _SCORE_LISTS}
    taken = reading.settle("correct", there, there)
    value = None if taken is None else there[taken]
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
    found = next((row[n] for n in _LISTS if isinstance(row.get(n), list)), None)
    return bool(found) and all(isinstance(one, str | dict) for one in found or ())


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
