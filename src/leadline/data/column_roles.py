"""What columns are called: one table of names for problem files, sample files, and tables as text.

A name that is added here is read in all three: as that field of problems and of samples, and in CSV as the words or the
number that the field is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["ROLES", "WORDS", "ColumnRole", "problem_names", "sample_names"]


class ColumnRole(NamedTuple):
    """The names of one field, lower case, in the order in which sample files try them.

    Attributes:
        names: all of them.
        problems_first: those that problem files try first, in their own order.
        samples_only: what means something else in a problem file.
        problems_only: what means something else in a sample file.
        words: cells of CSV are text as it stands, whatever they look like.
    """

    names: tuple[str, ...]
    problems_first: tuple[str, ...] = ()
    samples_only: tuple[str, ...] = ()
    problems_only: tuple[str, ...] = ()
    words: bool = True


ROLES: Mapping[str, ColumnRole] = {
    # Names that can only mean a problem come before those that may number samples.
    "problem_id": ColumnRole(
        (
            *("problem_id", "question_id", "example_id", "doc_id", "qid", "unique_id"),
            *("query_id", "prompt_id", "problem_idx", "prompt_idx", "group_index", "group_id"),
            *("reference_example_id", "dataset_item_id", "datasetitemid"),
            *("id", "task_id", "record_id", "record id", "uid", "idx", "index"),
        ),
        problems_first=("id", "problem_id", "unique_id", "uid", "qid"),
        samples_only=(
            *("query_id", "prompt_id", "problem_idx", "prompt_idx", "group_index", "group_id"),
            *("reference_example_id", "dataset_item_id", "datasetitemid"),
            *("question_id", "example_id", "doc_id", "task_id", "record_id", "idx", "index"),
        ),
    ),
    "messages": ColumnRole(
        ("messages", "conversations", "conversation"),
        problems_only=("messages", "conversations", "conversation"),
    ),
    "prompt": ColumnRole(
        ("prompt", "question", "problem", "query", "instruction", "input", "input_prompt"),
        problems_first=("prompt", "problem"),
        samples_only=("input", "input_prompt"),  # of a problem, what an instruction is to be done with
    ),
    # "answer" is the reference in a data set, where another column may have the final answer alone, and the model's own
    # in many an evaluation: the clear names come first.
    "gold": ColumnRole(
        (
            *("gold", "expected_answer", "ground_truth", "reference_answer", "correct_answer", "gt", "gts"),
            *("answer", "target", "reference", "label_answer", "final_answer"),
            *("reward_model.ground_truth", "reward_spec.ground_truth", "label", "labels"),
        ),
        problems_first=("final_answer", "expected_answer", "ground_truth", "gold", "answer"),
        samples_only=(
            *("reference_answer", "correct_answer", "gt", "gts", "target", "reference", "label_answer"),
        ),
        problems_only=(
            *("final_answer", "reward_model.ground_truth", "reward_spec.ground_truth"),
            "label",  # in a sample file as often a verdict
        ),
    ),
    "solution": ColumnRole(
        ("solution", "rationale", "ground_truth_solution", "output"),
        problems_only=("solution", "rationale", "ground_truth_solution"),
    ),
    "completion": ColumnRole(
        (
            *("completion", "response", "generation", "model_output", "generated_text", "output"),
            *("prediction", "predict", "full_model_response", "output_response", "text"),
        )
    ),
    "correct": ColumnRole(
        ("correct", "is_correct", "accuracy", "acc", "passed", "score", "reward"), words=False
    ),
    "n_correct": ColumnRole(
        ("n_correct", "num_correct", "passes", "correct_count", "n_passed", "correct", "passed"), words=False
    ),
    "n_samples": ColumnRole(
        ("n_samples", "num_samples", "k", "n", "n_rollouts", "total", "samples"), words=False
    ),
    "solve_rate": ColumnRole(
        (), words=False
    ),  # only where the user names it: shares of many other things look the same
    "n_tokens": ColumnRole(
        ("n_tokens", "num_generated_tokens", "completion_tokens", "output_tokens"), words=False
    ),
    "finished": ColumnRole(
        (), words=False
    ),  # the endings that are known are read by their own names (`finished_of`)
    "difficulty": ColumnRole(("difficulty", "level"), words=False),
}
"""Field -> its names. Problem files have ``problem_id`` as ``id`` and ``gold`` as ``answer``."""

WORDS = frozenset(
    (
        *(name for role in ROLES.values() if role.words for name in role.names),
        *("uuid", "correct answer", "predicted_answer", "extracted_answer", "pred", "judgement"),
        *("reason", "finish_reason", "stop_reason"),
    )
)
"""Columns whose cells are words, whatever they look like: as numbers the ids 1.1 and 1.10 would be one, an answer
``True`` a verdict, and the completion ``42`` no text. Every other column may be a verdict, a score or a count."""


def sample_names(role: str) -> tuple[str, ...]:
    """The names of a field in sample files, in the order in which they are tried."""
    return tuple(name for name in ROLES[role].names if name not in ROLES[role].problems_only)


def problem_names(role: str) -> tuple[str, ...]:
    """The names of a field in problem files, in the order in which they are tried."""
    one = ROLES[role]
    ordered = dict.fromkeys((*one.problems_first, *one.names))
    return tuple(name for name in ordered if name not in one.samples_only)
