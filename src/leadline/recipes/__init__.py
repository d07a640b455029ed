"""Packaged recipes, and how a recipe is found: a file of that name, or a packaged one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from leadline.errors import ConfigError
from leadline.recipes.reading import load_recipe, parse_recipe
from leadline.recipes.schema import Recipe

__all__ = ["find_recipe", "packaged", "read_packaged", "title"]


def packaged() -> dict[str, str]:
    """Name -> text of every packaged recipe, sorted."""
    files = [item for item in resources.files(__name__).iterdir() if item.name.endswith(".yaml")]
    return {item.name.removesuffix(".yaml"): item.read_text() for item in sorted(files, key=lambda f: f.name)}


def title(text: str) -> str:
    r"""The first sentence of the comment that a recipe begins with.

    >>> title("# Sums, in characters: a small\n# transformer (1.5B). More of it.\n#   a command\nname: sums")
    'Sums, in characters: a small transformer (1.5B).'
    >>> title("# On one node:\n#   leadline launch verl NAME\nname: one")
    'On one node.'
    """
    prose: list[str] = []
    for line in text.splitlines():
        if not line.startswith("# ") or line.startswith("#  "):  # the end of the comment, or a command in it
            break
        prose.append(line.removeprefix("# "))
    first = re.split(r"(?<=\.)\s", " ".join(prose), maxsplit=1)[0]
    return re.sub(r":$", ".", first)


def read_packaged(name: str) -> str:
    """The text of a packaged recipe.

    Raises:
        ConfigError: there is none of that name.
    """
    known = packaged()
    if name not in known:
        raise ConfigError(f"{name}: no such recipe; packaged are: {', '.join(known)}")
    return known[name]


def find_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """A recipe by file name or packaged name, with ``a.b=value`` changes.

    Raises:
        ConfigError: neither a file nor a packaged name, or a recipe with faults.
    """
    path = Path(name)
    if path.is_file() or path.suffix in (".yaml", ".yml"):
        return load_recipe(path, changes)
    return parse_recipe(read_packaged(name), changes, where=name)
