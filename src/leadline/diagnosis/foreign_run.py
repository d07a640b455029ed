"""A run that leadline did not start, written down as one of its own, so that the report can show it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.diagnosis.audit import Audit
from leadline.health.observation import Observation
from leadline.health.sources.opening import Records
from leadline.storage.run_directory import RunWriter, write_json_atomic

__all__ = ["write_as_run"]

_NOT_SHOWN = frozenset({"mean_tokens_correct", "mean_tokens_wrong", "copies", "clip_fresh"})
"""What completions alone tell in characters, fit for ratios and not for a curve of tokens; and no fields of files."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._+@=-]")


def write_as_run(records: Records, found: Audit, root: Path) -> None:
    """Write what a trainer has written so far, and what the checks say of it, as the run directory ``root``."""
    names = {name: safe_name(name) for name in records.arms}
    with RunWriter(root) as writer:
        for name, seen in records.arms.items():
            for one in seen:
                writer.metric(metrics_row(names[name], one))
        told = {
            names[name]: [alarm.as_dict(causes) for alarm, causes in dog.explained]
            for name, dog in found.arms.items()
        }
        write_json_atomic(root / "alarms.json", told)


def safe_name(name: str) -> str:
    """A name that an arm may have.

    >>> safe_name("my run (2)"), safe_name("...")
    ('my-run--2-', 'run-...')
    """
    plain = _UNSAFE.sub("-", name)[:90]
    return plain if plain[:1].isalnum() else f"run-{plain}"


def metrics_row(arm: str, seen: Observation) -> Mapping[str, Any]:
    """One line of ``metrics.jsonl``."""
    if "valid" in seen.values:
        return {"arm": arm, "stage": "valid", "step": seen.step, "pass@1": seen.values["valid"]}
    known = {name: value for name, value in seen.values.items() if name not in _NOT_SHOWN}
    return {"arm": arm, "stage": "rl", "step": seen.step, **known, **seen.parts}
