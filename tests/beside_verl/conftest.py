"""These tests run in an environment of their own, beside the real verl: ``make test-verl``."""

from __future__ import annotations

from importlib import metadata

try:
    metadata.version("verl")
except metadata.PackageNotFoundError:
    collect_ignore_glob = ["*.py"]
