"""The front door: every public name of ``leadline`` resolves, lazily, and stands in the room that it says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import leadline

SOURCE = Path(leadline.__file__)


def typed_names() -> set[tuple[str, str]]:
    """What the ``TYPE_CHECKING`` block imports: (module, name)."""
    [block] = [node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {(str(node.module), alias.name) for node in imports for alias in node.names}


def test_names_are_sorted_and_listed() -> None:
    assert leadline.__all__ == sorted(leadline.__all__)
    assert set(leadline.__all__) == set(leadline._HOME) == {name for _, name in typed_names()}
    assert set(leadline.__all__) <= set(dir(leadline))


def test_type_checkers_and_the_interpreter_see_the_same() -> None:
    assert {(module, name) for name, module in leadline._HOME.items()} == typed_names()


@pytest.mark.parametrize("name", leadline.__all__)
def test_every_name_resolves_to_that_of_its_room(name: str) -> None:
    room = __import__(leadline._HOME[name], fromlist=[name])
    assert getattr(leadline, name) is getattr(room, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'leadline' has no attribute 'soundings'"):
        getattr(leadline, "soundings")  # noqa: B009 (a type checker would see it)


def test_importing_it_loads_nothing_of_weight() -> None:
    code = (
        "import sys; before = set(sys.modules); import leadline; dir(leadline);"
        "print(*sorted(m for m in set(sys.modules) - before if m.split('.')[0] != 'leadline'))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "transformers", "numpy", "scipy", "pydantic"} & set(loaded.split()), loaded
