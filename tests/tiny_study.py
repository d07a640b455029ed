"""The smallest scale at which every part of a study still happens."""

from __future__ import annotations

from leadline.studies.design.cell import Scale

TINY = Scale(
    hidden=16,
    layers=1,
    heads=2,
    pretraining_steps=6,
    batch=16,
    pool=4,
    trained=4,
    held_out=2,
    prompts=4,
    group=4,
)
