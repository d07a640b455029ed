"""The layouts of sample files that are read, one registry; recognised by the content of a row."""

from __future__ import annotations

from collections.abc import Mapping

from leadline.data.samples.formats.base import Layout, RawRow, Reading, few_names
from leadline.data.samples.formats.evalplus import EVALPLUS
from leadline.data.samples.formats.evalscope import EVALSCOPE
from leadline.data.samples.formats.guessed_columns import guessed_columns
from leadline.data.samples.formats.helm import HELM, HELM_STATE
from leadline.data.samples.formats.inspect_log import INSPECT, INSPECT_SAMPLE
from leadline.data.samples.formats.lighteval import LIGHTEVAL, LIGHTEVAL_OLD
from leadline.data.samples.formats.llamafactory import LLAMAFACTORY
from leadline.data.samples.formats.lm_eval import LM_EVAL
from leadline.data.samples.formats.nemo import NEMO_GYM, NEMO_SKILLS
from leadline.data.samples.formats.nemo_rl import NEMO_RL
from leadline.data.samples.formats.nested import (
    NESTED,
    QWEN_MATH,
    REASONING_GYM,
    REASONING_GYM_SET,
    VERDICT_LISTS,
)
from leadline.data.samples.formats.openai_batch import OPENAI_BATCH
from leadline.data.samples.formats.own import ALIASES, BY_NAME, OWN
from leadline.data.samples.formats.promptfoo import PROMPTFOO
from leadline.data.samples.formats.rllm import RLLM
from leadline.data.samples.formats.skyrl import SKYRL
from leadline.data.samples.formats.trl import TRL, WANDB_TABLE
from leadline.data.samples.formats.verifiers import VERIFIERS, VERIFIERS_OLD, VERIFIERS_TRACE
from leadline.data.samples.formats.verl import VERL_ROLLOUT

__all__ = ["ALIASES", "LAYOUTS", "Layout", "Reading", "layout_of", "unknown_layout"]

# The most particular first: the last three take what has names that are common.
LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout
    for layout in (
        *(OWN, LM_EVAL, INSPECT, INSPECT_SAMPLE, VERIFIERS_TRACE, VERIFIERS, VERIFIERS_OLD, WANDB_TABLE, TRL),
        *(VERL_ROLLOUT, NEMO_GYM, NEMO_SKILLS, NEMO_RL, SKYRL, RLLM, LLAMAFACTORY, EVALSCOPE, EVALPLUS),
        *(PROMPTFOO, HELM, HELM_STATE, OPENAI_BATCH, QWEN_MATH, LIGHTEVAL, LIGHTEVAL_OLD),
        *(REASONING_GYM, REASONING_GYM_SET, NESTED, VERDICT_LISTS, BY_NAME),
    )
}
# Layouts of which the user says with --columns correct=NAME which of several scores counts.
_HEED_COLUMNS = {
    *("trl", "wandb", "lm_eval", "lighteval", "lighteval_old", "inspect", "inspect_sample"),
    *("verifiers", "verifiers_old", "verifiers_trace", "nemo_skills", "nested"),
    *("evalscope", "evalplus", "promptfoo", "helm"),
}


def layout_of(row: RawRow, columns: Mapping[str, str], name: str | None = None) -> Layout | None:
    """The layout of a file by its first row, or the one of that name; None where none fits."""
    if name is not None:
        return LAYOUTS[name]
    if columns.keys() & {"solve_rate", "n_correct", "n_samples"}:
        return BY_NAME  # a row is a whole problem, whatever else it holds
    found = next((layout for layout in LAYOUTS.values() if layout.recognises(row)), None)
    if columns and (found is None or found.name not in _HEED_COLUMNS):
        return BY_NAME
    return found


def unknown_layout(row: RawRow, place: str) -> str:
    """What to say of a row of no known layout: its columns, the nearest layout, the option to write."""
    nearest = max((x for x in LAYOUTS.values() if x.needs), key=lambda layout: layout.near(row))
    lacks = [name for name in nearest.needs if name.partition(".")[0] not in row]
    near = (
        f"nearest is {nearest.name} (lacks {', '.join(lacks)}); " if lacks and nearest.near(row) > 0 else ""
    )
    have = few_names(row) or "none"
    return (
        f"{place}: a layout that is not known. Columns: {have}; {near}say what they mean: --columns "
        f"{guessed_columns(row)}"
    )
