"""Results of a batch of requests as OpenAI and vLLM's ``run-batch`` write them: one request a line.

Source: vllm-project/vllm, ``vllm/entrypoints/openai/run_batch.py`` (``BatchRequestOutput``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, own_row, reach
from leadline.data.samples.formats.endings import finished_of

__all__ = ["OPENAI_BATCH"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """All choices of a request, whose ``custom_id`` names the problem: neither prompt nor verdict are in the file.

    A request that failed has no choices: it says nothing of the model.
    """
    choices = reach(row, "response.body.choices")
    if not isinstance(choices, list) or not choices:
        reading.count("requests that failed were left out")
        return
    for choice in choices:
        message = choice.get("message")
        yield own_row(
            reading,
            problem=row["custom_id"],
            completion=message.get("content") if isinstance(message, Mapping) else choice.get("text"),
            n_tokens=reach(row, "response.body.usage.completion_tokens") if len(choices) == 1 else None,
            finished=finished_of(choice),
        )


def _fits(row: RawRow) -> bool:
    return isinstance(reach(row, "response.body"), Mapping) or bool(row.get("error"))


OPENAI_BATCH = Layout("openai_batch", ("custom_id",), _read, _fits)
