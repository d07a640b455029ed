"""Results as the Hub's ``.eval_results/*.yaml`` of a model repository.

Source: the format published in huggingface/hub-docs (``eval_results.yaml``); `huggingface_hub` reads it with
``parse_eval_result_entries``.
"""

from __future__ import annotations

from typing import Any

import yaml

from leadline.data.samples.counts import Counts
from leadline.data.samples.exports.about import About
from leadline.data.samples.exports.headline import headline
from leadline.display.numbers import percent
from leadline.errors import InputError

__all__ = ["check_benchmark", "eval_results_text", "is_eval_results"]

_FIRST = "# Evaluation result, written by leadline\n"


def is_eval_results(head: bytes) -> bool:
    """Whether a file that starts like this is one that leadline wrote."""
    return head.startswith(_FIRST.encode())


def check_benchmark(about: About) -> None:
    """Refuse results of nothing that the Hub knows.

    Raises:
        InputError: no benchmark was named, and the format wants one.
    """
    if not about.benchmark:
        raise InputError("--benchmark OWNER/NAME: the Hub files results under the data set that was asked")


def eval_results_text(counts: Counts, about: About) -> str:
    """The file: pass@1 in percent, with its interval and size in the notes; raises as :func:`check_benchmark`."""
    check_benchmark(about)
    found = headline(counts)
    low, high = (percent(limit) for limit in (found.first.lo, found.first.hi))
    notes = f"pass@1 in percent, 95% interval {low} to {high} over problems; {found.size}"
    dataset: dict[str, Any] = {"id": about.benchmark, "task_id": about.task}
    if about.revision:
        dataset["revision"] = about.revision
    entry = {
        "dataset": dataset,
        "value": round(100 * found.first.value, 2),
        "date": about.date,
        "notes": f"{notes}; {about.notes}" if about.notes else notes,
    }
    return _FIRST + yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=1000)
