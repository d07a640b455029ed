"""The house rule: imports point down only, and what must stay light stays light."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "leadline"

# From the ground up. A module may import what stands on a lower floor, or what shares its room (package).
FLOORS = [
    {"types", "errors", "seeds", "stats", "theory"},
    {"storage"},
    {"model", "tasks", "display", "grpo"},
    {"grading", "recipes", "report"},
    {"rewards", "data", "engine"},
    {"samplers", "studies", "health", "tracking"},
    {"evaluation", "integrations"},
    {"diagnosis"},
    {"runs"},
    {"cli"},
]
FRONT_DOORS = {"__init__", "__main__"}
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
TORCH = (
    "grpo/advantages",
    "grpo/losses",
    "grpo/rows",
    "grpo/weighing",
    "model/",
    "storage/checkpoints",
    "engine/",
    "samplers/",
    "studies/experiment/",
    "integrations/",
    "runs/backends/",
)
REPORT_SEES = {"report", "storage", "display", "stats", "errors", "types", "theory"}
INTEGRATIONS_SEE = {
    "integrations",
    "grpo",
    "rewards",
    "grading",
    "theory",
    "types",
    "errors",
    "seeds",
    "health",
    "tracking",
}


# Names that still have two owners. The list only gets shorter.
STILL_TWICE: set[str] = set()


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def room(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path, *, top_only: bool = False) -> set[str]:
    """Dotted names that a file imports; ``TYPE_CHECKING`` blocks and, if asked, function bodies are left out."""
    names: set[str] = set()
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if top_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        pending += ast.iter_child_nodes(node)
    return names


def rooms_seen(path: Path) -> set[str]:
    ours = [name.split(".") for name in imported(path) if name.split(".")[0] == "leadline"]
    return {parts[1] for parts in ours if len(parts) > 1 and parts[1] in FLOOR}


def test_every_module_has_a_floor() -> None:
    unknown = {room(path) for path in modules()} - FLOOR.keys() - FRONT_DOORS
    assert not unknown, f"give these a floor in FLOORS: {sorted(unknown)}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    here = room(path)
    if here in FRONT_DOORS:
        return
    upwards = {seen for seen in rooms_seen(path) if seen != here and FLOOR[seen] >= FLOOR[here]}
    assert not upwards, f"{path.relative_to(SOURCE)} imports {sorted(upwards)}, which do not stand below it"


def test_the_map_names_exactly_the_rooms_and_their_floors() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE)
    assert {name: int(floor) - 1 for floor, name in rows} == FLOOR
    assert len(rows) == len(FLOOR)
    assert FLOOR.keys() == {room(path) for path in modules()} - FRONT_DOORS


def test_report_and_integrations_see_little() -> None:
    for path in modules():
        allowed = {"report": REPORT_SEES, "integrations": INTEGRATIONS_SEE}.get(room(path))
        if allowed is not None:
            assert rooms_seen(path) <= allowed, (
                f"{path.relative_to(SOURCE)}: {sorted(rooms_seen(path) - allowed)}"
            )


def definitions(path: Path) -> dict[str, str]:
    """Public names that a module defines at its top, each with the text of what defines it."""
    found: dict[str, str] = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            found[node.name] = f"{path}:{node.lineno}"
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {name.id: ast.unparse(node) for name in targets if isinstance(name, ast.Name)}
    return {name: text for name, text in found.items() if not name.startswith("_")}


def test_no_public_name_is_defined_twice() -> None:
    owners: dict[str, set[str]] = {}
    texts: dict[str, set[str]] = {}
    for path in modules():
        for name, text in definitions(path).items():
            owners.setdefault(name, set()).add(str(path.relative_to(SOURCE)))
            texts.setdefault(name, set()).add(text)
    twice = {name for name, places in owners.items() if len(places) > 1} - {"main"}
    # An abbreviation of one of numpy's types may stand in every file that uses it, if it says the same in all.
    twice -= {name for name in ("Array", "Bools") if len(texts[name]) == 1}
    assert twice == STILL_TWICE, {name: sorted(owners[name]) for name in twice ^ STILL_TWICE}


def test_torch_stays_where_it_belongs() -> None:
    for path in modules():
        if not str(path.relative_to(SOURCE)).startswith(TORCH):
            heavy = {
                name
                for name in imported(path, top_only=True)
                if name.split(".")[0] in ("torch", "transformers")
            }
            assert not heavy, f"{path.relative_to(SOURCE)} imports {sorted(heavy)} at the top"


def test_functions_and_files_are_short() -> None:
    """At most 50 lines per function, its docstring included, and 350 per file."""
    long: list[str] = []
    for path in modules():
        name, text = str(path.relative_to(SOURCE)), path.read_text()
        if len(text.splitlines()) > 350:
            long.append(name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno + 1 > 50:
                    long.append(f"{name}:{node.name}")
    assert not long, long


def test_cited_decisions_stand_in_the_book() -> None:
    book = (ROOT / "docs" / "decisions.md").read_text()
    for path in modules():
        for cited in re.findall(r'decision\s+"([^"]+)"', path.read_text()):
            name = " ".join(cited.split())
            assert f"**{name}**" in book, f"{path.relative_to(ROOT)}: docs/decisions.md has no {name!r}"


def paragraphs(text: str) -> list[list[str]]:
    """Those of a docstring that are prose: lists, examples and sections are left out."""
    found = [part.split("\n") for part in inspect.cleandoc(text).split("\n\n")]
    return [
        lines
        for lines in found
        if not re.match(r"\s|>>>|[-*] |:", lines[0])
        and not any(line.endswith(":") or line.lstrip().startswith((">>>", "- ", "*")) for line in lines)
    ]


def test_paragraphs_of_docstrings_are_whole() -> None:
    """A reflow once indented the second lines of prose, and cut first sentences in two (ruff's D205)."""
    for path in [*modules(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node, clean=False) or ""
                broken = [lines for lines in paragraphs(text) if any(line.startswith(" ") for line in lines)]
                assert not broken, f"{path.relative_to(ROOT)}: {broken[0]}"


LIGHT = [
    "leadline",
    "leadline.grpo.config",
    "leadline.recipes.schema",
    "leadline.theory",
    "leadline.stats",
    "leadline.storage.run_directory",
    "leadline.grading",
    "leadline.report",
    "leadline.cli.main",
    "leadline.rewards",
]


@pytest.mark.parametrize("name", LIGHT)
def test_light_modules_import_neither_torch_nor_transformers(name: str) -> None:
    heavy = "(m for m in ('torch', 'transformers', 'sympy') if m in sys.modules)"
    code = f"import sys, {name}; sys.exit(' '.join({heavy}) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
