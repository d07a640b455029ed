"""Which packages are installed, in which version: what results are written down with."""

from __future__ import annotations

from importlib import metadata

__all__ = ["installed"]


def installed(*packages: str) -> dict[str, str]:
    """Versions of those of the packages that are there."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
