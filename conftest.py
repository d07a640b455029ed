"""Doctests are collected from the package; modules whose optional dependency is absent are left out by name."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [
    pattern
    for package, pattern in {
        "trl": "src/leadline/*/trl/*",
        "verl": "src/leadline/integrations/verl/*",
        "ray": "src/leadline/studies/*ray*",
        "triton": "src/leadline/model/kernels.py",
    }.items()
    if find_spec(package) is None
]
