"""Would the tests notice? Faults put into the core on purpose, each run against the tests that claim that code.

    python benchmarks/mutations.py --out mutations.jsonl            # the named ones, then 150 drawn by --seed
    python benchmarks/mutations.py --out mutations.jsonl --named    # the named ones alone
    python benchmarks/mutations.py --out mutations.jsonl --report   # what is known so far

Resumable: a mutant that stands in the file is not run again. One process at a time, on a copy of ``src`` and ``tests``
in a temporary folder. A mutant is *killed* when its tests fail or take ``TIMEOUT_S``; one that survives is listed with
its line. EQUIVALENT names survivors that no test can kill, each with the reason; they leave the rate.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path("src/leadline")
TIMEOUT_S = 600

CLAIMS: Mapping[str, tuple[str, ...]] = {
    "grpo": ("tests/grpo", "tests/engine/test_policy_trainer.py"),
    "engine": ("tests/engine",),
    "rewards": ("tests/rewards", "tests/engine/test_policy_trainer.py"),
    "evaluation": ("tests/evaluation",),
    "diagnosis": ("tests/diagnosis",),
    "stats": ("tests/stats",),
    "storage": ("tests/storage", "tests/grading/test_files.py"),
    "integrations": ("tests/integrations",),
}
"""The tests that claim a room's code."""

NAMED: tuple[tuple[str, str, str, str], ...] = (
    ("optimiser not restored", "engine/policy_trainer.py",
     'learner.optimiser.load_state(load_file(checkpoint.folder / "optimizer.safetensors"))', "pass"),
    ("best not restored", "engine/policy_trainer.py", "(best[0], best[1]) if best else None", "None"),
    ("best means worst", "engine/policy_trainer.py", "quality > self.best", "quality < self.best"),
    ("mask_truncated inverted", "engine/policy_trainer.py",
     "take_part = batch.rollouts.finished", "take_part = ~batch.rollouts.finished"),
    ("sign of the KL in the reward", "engine/scored_batch.py", "bonus - penalty.cpu()", "bonus + penalty.cpu()"),
    ("updates dealt by row", "engine/learner.py",
     "rollouts.owner * self.updates // rollouts.prompts.tokens.shape[0]",
     "torch.arange(len(rollouts.owner)) * self.updates // len(rollouts.owner)"),
    ("rollout seed ignores the step", "engine/policy_trainer.py", '"rollouts", step,', '"rollouts", 0,'),
    ("cosine's floor ignored", "engine/optimiser.py",
     "return floor + (1 - floor) * 0.5 *", "return 0.5 *"),
    ("learning_rate_scale ignored", "engine/optimiser.py",
     "self.learning_rate(step) * self.scale", "self.learning_rate(step)"),
    ("truncated counts as answered", "types.py", '("no_answer", "truncated")', '("no_answer",)'),
    ("unscorable counts as wrong", "engine/scored_batch.py",
     "scorable=torch.tensor([score.correct is not None for score in scores])",
     "scorable=torch.tensor([True for score in scores])"),
)  # fmt: skip
"""Faults that survived all tests at commit 2e3488d: name, file, text, what it becomes."""

EQUIVALENT: Mapping[str, str] = {}
"""Survivors that behave alike, as ``file:line:column:what`` -> why."""

_COMPARE: Mapping[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_BINARY: Mapping[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One fault: where it stands, and the whole text of the file with it."""

    key: str
    file: str
    text: str
    tests: tuple[str, ...]


def named() -> Iterator[Mutant]:
    """The faults of ``NAMED``."""
    for name, file, before, after in NAMED:
        source = (ROOT / SOURCE / file).read_text()
        if source.count(before) != 1:
            raise SystemExit(
                f"{name}: {before!r} stands {source.count(before)} times in {file}: bring NAMED up to date"
            )
        yield Mutant(f"named: {name}", file, source.replace(before, after), CLAIMS["engine"])


def drawn(count: int, seed: int) -> list[Mutant]:
    """``count`` mutants over the rooms of ``CLAIMS``, as evenly as their files allow."""
    rng = random.Random(seed)
    rooms = {room: [m for p in _files(room) for m in _mutants(p, tests)] for room, tests in CLAIMS.items()}
    for mutants in rooms.values():
        rng.shuffle(mutants)
    picked: list[Mutant] = []
    while len(picked) < count and any(rooms.values()):
        picked += [mutants.pop() for mutants in rooms.values() if mutants]
    return picked[:count]


def _files(room: str) -> list[Path]:
    return sorted((ROOT / SOURCE / room).rglob("*.py"))


def _mutants(path: Path, tests: tuple[str, ...]) -> Iterator[Mutant]:
    """Every change of one operator, constant or condition in a file; strings and annotations stay."""
    source = path.read_text()
    places = list(_places(ast.parse(source)))
    for index, what in enumerate(places):
        tree = ast.parse(source)
        node, change = list(_changes(tree))[index]
        change(node)
        file = str(path.relative_to(ROOT / SOURCE))
        yield Mutant(f"{file}:{node.lineno}:{node.col_offset}:{what}", file, ast.unparse(tree), tests)  # type: ignore[attr-defined]


def _places(tree: ast.AST) -> Iterator[str]:
    return (type(node).__name__ for node, _ in _changes(tree))


def _changes(tree: ast.AST) -> Iterator[tuple[ast.AST, object]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARE:
            yield node, lambda n: n.ops.__setitem__(0, _COMPARE[type(n.ops[0])]())
        elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY and not _is_text_or_type(node):
            yield node, lambda n: setattr(n, "op", _BINARY[type(n.op)]())
        elif isinstance(node, ast.BoolOp):
            yield node, lambda n: setattr(n, "op", ast.And() if isinstance(n.op, ast.Or) else ast.Or())
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield node, lambda n: setattr(n, "op", ast.UAdd())
        elif isinstance(node, ast.If):
            yield node, lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))


def _is_text_or_type(node: ast.BinOp) -> bool:
    parts = (node.left, node.right)
    return any(isinstance(p, ast.JoinedStr | ast.List | ast.Tuple) or _is_string(p) for p in parts)


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def run(mutant: Mutant, copy: Path) -> str:
    """``killed``, ``timeout`` or ``survived``."""
    target = copy / SOURCE / mutant.file
    original = target.read_text()
    target.write_text(mutant.text)
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutant.tests]
    environment = os.environ | {"PYTHONPATH": str(copy / "src"), "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False
        )
        return "survived" if done.returncode == 0 else "killed"
    except subprocess.TimeoutExpired:
        return "timeout"
    finally:
        target.write_text(original)


def report(rows: list[dict[str, str]]) -> None:
    """Rate and survivors."""
    argued = [row for row in rows if row["key"] in EQUIVALENT]
    judged = [row for row in rows if row["key"] not in EQUIVALENT]
    survivors = [row["key"] for row in judged if row["outcome"] == "survived"]
    killed = len(judged) - len(survivors)
    print(
        f"{killed} of {len(judged)} mutants killed ({killed / max(1, len(judged)):.1%}), {len(argued)} equivalent"
    )
    for key in survivors:
        print(f"survived  {key}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--named", action="store_true")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    if not options.report:
        known = {row["key"] for row in rows}
        todo = [*named(), *([] if options.named else drawn(options.count, options.seed))]
        with tempfile.TemporaryDirectory(prefix="leadline-mutants-") as folder:
            for part in ("src", "tests", "benchmarks", "pyproject.toml", "conftest.py"):
                place = ROOT / part
                (shutil.copytree if place.is_dir() else shutil.copy)(place, Path(folder) / part)
            for mutant in todo:
                if mutant.key in known:
                    continue
                rows.append(asdict(mutant) | {"outcome": run(mutant, Path(folder))})
                rows[-1].pop("text")
                with options.out.open("a") as out:
                    out.write(json.dumps(rows[-1]) + "\n")
                print(rows[-1]["outcome"], mutant.key, flush=True)
    report(rows)


if __name__ == "__main__":
    main()
