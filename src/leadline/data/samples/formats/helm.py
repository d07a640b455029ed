"""HELM: ``per_instance_stats.json``, ``display_predictions.json`` and ``scenario_state.json``.

Source: stanford-crfm/helm, ``helm/benchmark/metrics/metric.py``, ``helm/benchmark/adaptation/scenario_state.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row, reach
from leadline.data.samples.formats.endings import finished_of
from leadline.data.samples.formats.named_score import named_score, said_choice

__all__ = ["HELM", "HELM_STATE"]

_METRICS = (
    *("exact_match", "final_number_exact_match", "math_equiv_chain_of_thought", "math_equiv"),
    *(
        "chain_of_thought_correctness",
        "quasi_exact_match",
        "quasi_prefix_exact_match",
        "ifeval_strict_accuracy",
    ),
)
_SHOWN = 20


def _stats(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """A row an instance and trial: its statistics by name, as numbers or as means."""
    if row.get("perturbation"):
        reading.count("rows of perturbed instances were left out")
        return
    stats = _by_name(row["stats"])
    there = [name for name in _METRICS if name in stats]
    chosen = reading.columns.get("correct") or next(iter(there), "")
    if not there and "correct" not in reading.columns:
        raise ValueError(
            f"which statistic says right or wrong? --columns correct=NAME, of: {', '.join(list(stats)[:_SHOWN])}"
        )
    if len(there) > 1:
        reading.notes[said_choice("metric", chosen, there)] = None
    cut, ended = stats.get("finish_reason_length"), stats.get("finish_reason_stop")
    yield own_row(
        reading,
        problem=row["instance_id"],
        completion=row.get("predicted_text"),
        score=named_score(chosen, stats),
        n_tokens=stats.get("num_output_tokens"),
        finished=False if cut == 1 else True if ended == 1 else None,
    )


def _by_name(stats: Any) -> dict[str, Any]:
    if isinstance(stats, Mapping):
        return dict(stats)
    return {str(reach(one, "name.name")): one.get("mean") for one in stats if isinstance(one, Mapping)}


def _state(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """Requests and what came back, without verdicts: graded here by the reference that is tagged as correct."""
    for one in row["request_states"]:
        if reach(one, "instance.perturbation"):
            reading.count("requests of perturbed instances were left out")
            continue
        tagged = [
            ref for ref in reach(one, "instance.references") or () if "correct" in (ref.get("tags") or ())
        ]
        for answer in one["result"]["completions"]:
            yield own_row(
                reading,
                problem=reach(one, "instance.id"),
                prompt=first_of(one, "instance.input.text", "request.prompt"),
                gold=reach(tagged[0], "output.text") if len(tagged) == 1 else None,
                completion=answer["text"],
                finished=finished_of({"finish_reason": reach(answer, "finish_reason.reason")}),
            )


HELM = Layout("helm", ("instance_id", "stats"), _stats, lambda row: isinstance(row["stats"], list | dict))
HELM_STATE = Layout(
    "helm_state", ("request_states",), _state, lambda row: isinstance(row["request_states"], list)
)
