"""Would the tests notice? Faults put into the core on purpose, each run against the tests that claim that code.

    python benchmarks/mutations.py --out mutations.jsonl              # the named ones, then 160 drawn by --seed
    python benchmarks/mutations.py --out mutations.jsonl --again      # the survivors, after tests were added
    python benchmarks/mutations.py --out mutations.jsonl --report FILE  # what is known so far, as JSON too

Resumable: a mutant that stands in the file is not run again. One process at a time, on a copy of the sources in a
temporary folder. First the tests that claim a room run once, undisturbed, a few files at a time, and it is noted which
statements with a mutant each of them executes; one that fails is left out. A mutant is then run against the tests that
execute its statement, in themselves or in a fixture of their file, the quickest first, up to the first that fails.

A mutant is *killed* when a test fails, or takes ten times as long as the undisturbed tests did (and at least
``TIMEOUT_S``). EQUIVALENT names survivors that no test can kill, each with the reason; they leave the rate.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import compileall
import contextlib
import copy
import hashlib
import importlib
import json
import os
import py_compile
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path("src/leadline")
TIMEOUT_S = 60.0
BASELINE_TIMEOUT_S = 1800.0
FILES_AT_ONCE = 2
"""Files of tests that are run together undisturbed; what was seen is kept after each such part."""

CLAIMS: Mapping[str, tuple[str, ...]] = {
    "grpo": ("tests/grpo", "tests/engine/test_policy_trainer.py"),
    "engine": ("tests/engine",),
    "rewards": ("tests/rewards", "tests/engine/test_policy_trainer.py"),
    "evaluation": ("tests/evaluation", "tests/cli/test_evaluate.py"),
    "diagnosis": ("tests/diagnosis", "tests/display/test_next_step.py"),
    "stats": ("tests/stats",),
    "storage": ("tests/storage", "tests/grading/test_files.py"),
    "integrations": ("tests/integrations",),
}
"""The tests that claim a room's code; the examples in its docstrings do so too."""

ELSEWHERE = ("integrations/verl/plugin.py", "integrations/verl/reward_manager.py")
"""Files that need verl, whose tests (tests/beside_verl) run in an environment of their own: not drawn."""

NAMED: tuple[tuple[str, str, str, str], ...] = (
    ("optimiser not restored", "engine/policy_trainer.py",
     'learner.optimiser.load_state(load_file(checkpoint.folder / "optimizer.safetensors"))', "pass"),
    ("best not restored", "engine/policy_trainer.py", "(best[0], best[1]) if best else None", "None"),
    ("best means worst", "engine/policy_trainer.py", "quality > self.best", "quality < self.best"),
    ("mask_truncated inverted", "engine/policy_trainer.py",
     "take_part = rollouts.finished if", "take_part = ~rollouts.finished if"),
    ("sign of the KL in the reward", "engine/scored_batch.py", "bonus - penalty.cpu()", "bonus + penalty.cpu()"),
    ("updates dealt by row", "engine/learner.py",
     "rollouts.owner * self.updates // rollouts.prompts.tokens.shape[0]",
     "torch.arange(len(rollouts.owner)) * self.updates // len(rollouts.owner)"),
    ("rollout seed ignores the step", "engine/collector.py", '"rollouts", step,', '"rollouts", 0,'),
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

EQUIVALENT: Mapping[str, str] = {
    "stats/mass_law.py: np.exp(special.xlogy(kinds[:, 1][:, None], q) + sp … kinds[:, :1] + 1) -> "
    "np.exp(special.xlogy(kinds[:, 1][:, None], q) + sp … kinds[:, :1] + 1)":
    "times n + 1 instead of by n + 1: one factor for each kind of (n, c), which cancels wherever the likelihood is "
    "used, as it is divided by its own mean under the weights",
    "diagnosis/compare/tilt_fit.py: 4 * abs(value - centre) -> 5 * abs(value - centre)":
    "how far a step of the search may go at most; the end that is found is the same to CLOSE",
    "stats/roots.py: function(middle) > 0 -> function(middle) >= 0":
    "a zero in the very middle becomes the one end or the other of what is halved on, and is found in either case",
    "grpo/advantages.py: n > 1 -> n >= 1":
    "a group of one row is flat: its advantage is 0 whatever it would be divided by",
    "diagnosis/compare/sentences.py: 100 * noise.size -> 101 * noise.size":
    "said only of the size by convention, 0.02: 2.02 is shown as 2.0 like 2.00",
    "engine/optimiser.py: step < warmup -> step <= warmup":
    "at the step where the warm-up ends both formulas give the peak rate",
    "storage/jsonl.py: len(line) <= MAX_INTEGER_DIGITS -> len(line) < MAX_INTEGER_DIGITS":
    "a line of just that length is read by the slower reader, which finds the same in it",
    "engine/draw.py: -1 -> +1":
    "softmax over the last dimension of logits [B, V], which is also the one numbered 1",
    "engine/draw.py: -1 -> +1 #4":
    "log_softmax over the last dimension of logits [B, V], which is also the one numbered 1",
}  # fmt: skip
"""Survivors that behave alike, by their key -> why."""

PRELOADED = (
    "hypothesis", "numpy", "scipy.stats", "scipy.optimize", "torch", "safetensors.torch", "transformers", "datasets",
    "pyarrow.parquet", "pydantic", "typer", "rich.console", "yaml", "httpx", "plotly", "peft",
    "transformers:AutoTokenizer", "transformers:AutoModelForCausalLM", "transformers:LlamaForCausalLM",
    "transformers:Qwen2ForCausalLM", "trl:GRPOTrainer", "trl:SFTTrainer",
)  # fmt: skip
"""What is imported once, before a process is forked for each mutant: libraries, never leadline."""

_COMPARE: Mapping[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_BINARY: Mapping[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One fault: where it stands (lines of the original), and which change of its file it is, or the change itself."""

    key: str
    room: str
    file: str
    lines: tuple[int, int]
    change: int | tuple[str, str]

    def applied(self, source: str) -> str:
        """The text of its file with the fault in it."""
        if not isinstance(self.change, int):
            return source.replace(*self.change)
        tree = ast.parse(source)
        node, change = _changes(tree)[self.change]
        change(node)
        return ast.unparse(tree) + "\n"


@dataclass
class Seen:
    """Which mutants' statements the tests that claim a room execute: by test, and by file of tests in its fixtures."""

    seconds: dict[str, float] = field(default_factory=dict)
    called: dict[str, list[str]] = field(default_factory=dict)
    prepared: dict[str, list[str]] = field(default_factory=dict)

    def executing(self, key: str) -> list[str]:
        """The tests that execute a mutant's statement, or have a fixture in their file that does; quickest first."""
        files = {name for name, keys in self.prepared.items() if key in keys}
        tests = [t for t in self.seconds if key in self.called.get(t, ()) or _file_of(t) in files]
        cost: dict[str, float] = defaultdict(float)
        for test in tests:
            cost[_file_of(test)] += self.seconds[test]
        return sorted(
            tests, key=lambda test: (cost[_file_of(test)], _file_of(test), self.seconds[test], test)
        )

    def of_file(self, file: str) -> Seen:
        """What concerns the tests of one file."""
        seconds = {test: value for test, value in self.seconds.items() if _file_of(test) == file}
        called = {test: keys for test, keys in self.called.items() if test in seconds}
        return Seen(seconds, called, {file: self.prepared.get(file, [])})

    @classmethod
    def joined(cls, parts: Iterable[Seen]) -> Seen:
        """What concerns the tests of several files."""
        whole = cls()
        for part in parts:
            whole.seconds |= part.seconds
            whole.called |= part.called
            whole.prepared |= part.prepared
        return whole


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def named() -> Iterator[Mutant]:
    """The faults of ``NAMED``."""
    for name, file, before, after in NAMED:
        source = (ROOT / SOURCE / file).read_text()
        if source.count(before) != 1:
            raise SystemExit(
                f"{name}: {before!r} stands {source.count(before)} times in {file}: bring NAMED up to date"
            )
        line = source[: source.index(before)].count("\n") + 1
        yield Mutant(f"named: {name}", "engine", file, (line, line), (before, after))


def drawn(count: int, seed: int) -> list[Mutant]:
    """``count`` mutants over the rooms of ``CLAIMS``, one of each in turn, so that any beginning is even."""
    rooms = {}
    for room in CLAIMS:
        paths = sorted((ROOT / SOURCE / room).rglob("*.py"))
        paths = [path for path in paths if str(path.relative_to(ROOT / SOURCE)) not in ELSEWHERE]
        mutants = [mutant for path in paths for mutant in _mutants(path, room)]
        # by a hash of their own each, so that a line that comes or goes does not change which others are drawn
        rooms[room] = sorted(mutants, key=lambda m: hashlib.sha256(f"{seed} {m.key}".encode()).digest())
    picked: list[Mutant] = []
    while len(picked) < count and any(rooms.values()):
        picked += [mutants.pop() for mutants in rooms.values() if mutants]
    return picked[:count]


def _mutants(path: Path, room: str) -> Iterator[Mutant]:
    """Every change of one operator, number of a formula, or condition in a file; strings and annotations stay."""
    file = str(path.relative_to(ROOT / SOURCE))
    keys: dict[str, int] = defaultdict(int)
    for index, (node, change) in enumerate(_changes(ast.parse(path.read_text()))):
        changed = change(copy.deepcopy(node) if isinstance(node, ast.BinOp) else copy.copy(node))
        key = f"{file}: {_short(node)} -> {_short(changed)}"
        keys[key] += 1
        yield Mutant(key + (f" #{keys[key]}" if keys[key] > 1 else ""), room, file, _lines(node), index)


def _lines(node: Any) -> tuple[int, int]:
    part = node.test if isinstance(node, ast.If) else node
    return part.lineno, part.end_lineno


def _short(node: ast.AST) -> str:
    text = f"if {ast.unparse(node.test)}" if isinstance(node, ast.If) else ast.unparse(node)
    return text if len(text) <= 70 else f"{text[:50]} … {text[-17:]}"


def _changes(tree: ast.AST) -> list[tuple[ast.AST, Callable[[Any], ast.AST]]]:
    found: list[tuple[ast.AST, Callable[[Any], ast.AST]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARE:
            found.append((node, lambda n: _put(n, "ops", [_COMPARE[type(n.ops[0])](), *n.ops[1:]])))
        elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY and not _is_text_or_type(node):
            found.append((node, lambda n: _put(n, "op", _BINARY[type(n.op)]())))
            if any(map(_is_number, (node.left, node.right))):
                found.append((node, _another_number))
        elif isinstance(node, ast.BoolOp):
            found.append((node, lambda n: _put(n, "op", ast.And() if isinstance(n.op, ast.Or) else ast.Or())))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            found.append((node, lambda n: _put(n, "op", ast.UAdd())))
        elif isinstance(node, ast.If) and not (
            isinstance(node.test, ast.Name) and "CHECKING" in node.test.id
        ):
            found.append((node, lambda n: _put(n, "test", ast.UnaryOp(ast.Not(), n.test))))
    return found


def _put(node: ast.AST, name: str, value: object) -> ast.AST:
    setattr(node, name, value)
    return node


def _another_number(node: ast.BinOp) -> ast.AST:
    number = node.right if _is_number(node.right) else node.left
    assert isinstance(number, ast.Constant)
    number.value = number.value + 1
    return node


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _is_text_or_type(node: ast.BinOp) -> bool:
    parts = (node.left, node.right)
    return any(isinstance(p, ast.JoinedStr | ast.List | ast.Tuple) or _is_string(p) for p in parts)


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def watched(source: str, places: Mapping[str, tuple[int, int]]) -> str:
    """A file's text with a call before the statement of each place, which notes that the statement is executed."""
    tree = ast.parse(source)
    for key, (first, last) in places.items():
        blocks = [
            block for node in ast.walk(tree) for block in vars(node).values()
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt)
        ]  # fmt: skip
        within = [
            (block, number) for block in blocks for number, statement in enumerate(block)
            if getattr(statement, "lineno", 0) <= first and last <= (getattr(statement, "end_lineno", 0) or 0)
        ]  # fmt: skip
        if within:  # the innermost comes last: ast.walk goes outside in
            block, number = max(within, key=lambda place: place[0][place[1]].lineno)
            note = ast.parse(f"__import__('builtins').mutants_seen({key!r})").body[0]
            block.insert(number, ast.copy_location(note, block[number]))
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


class Watch:
    """A pytest plugin that notes which mutants' statements each test executes."""

    def __init__(self) -> None:
        self.called: dict[str, set[str]] = defaultdict(set)
        self.prepared: dict[str, set[str]] = defaultdict(set)
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: list[str] = []
        builtins.mutants_seen = lambda key: None  # type: ignore[attr-defined]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        builtins.mutants_seen = self.prepared[_file_of(item.nodeid)].add  # type: ignore[attr-defined]
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        builtins.mutants_seen = self.called[item.nodeid].add  # type: ignore[attr-defined]
        yield

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.append(report.nodeid)

    def seen(self) -> dict[str, Any]:
        return {
            "failed": self.failed,
            "seconds": self.seconds,
            "called": {test: sorted(keys) for test, keys in self.called.items()},
            "prepared": {name: sorted(keys) for name, keys in self.prepared.items()},
        }


class Chosen:
    """A pytest plugin that runs the given tests alone, in the given order, and notes the first that fails."""

    def __init__(self, tests: list[str]) -> None:
        self.place = {test: number for number, test in enumerate(tests)}
        self.first_failure: str | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (i for i in items if i.nodeid in self.place), key=lambda item: self.place[item.nodeid]
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.first_failure is None:
            self.first_failure = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.first_failure is None:
            self.first_failure = f"{report.nodeid} (cannot be imported)"


class Copy:
    """The sources in a folder of their own, and processes that run tests there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        leave = shutil.ignore_patterns("__pycache__", ".*")
        for part in (
            "src",
            "tests",
            "benchmarks",
            "docs",
            "examples",
            "pyproject.toml",
            "conftest.py",
            "README.md",
        ):
            place = ROOT / part
            if place.is_dir():
                shutil.copytree(place, folder / part, ignore=leave)
            else:
                shutil.copy(place, folder / part)
        # byte code that is checked by content: a mutant written within the same second must not be missed
        compileall.compile_dir(
            folder / "src", quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
        )

    def seen(self, files: list[str], mutants: list[Mutant]) -> Seen:
        """Run files of tests once, undisturbed but for the notes.

        Raises:
            SystemExit: they cannot be run.
        """
        by_file: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
        for mutant in mutants:
            by_file[mutant.file][mutant.key] = mutant.lines
        originals = {file: (self.folder / SOURCE / file).read_text() for file in by_file}

        def work() -> dict[str, Any]:
            watch = Watch()
            return {"code": self._pytest(files, watch)} | watch.seen()

        try:
            for file, places in by_file.items():
                (self.folder / SOURCE / file).write_text(watched(originals[file], places))
            done = self._fork(work, BASELINE_TIMEOUT_S)
        finally:
            for file, text in originals.items():
                (self.folder / SOURCE / file).write_text(text)
        if done is None or "seconds" not in done:
            raise SystemExit(f"{', '.join(files)}: cannot be run undisturbed: see {self.folder / 'log.txt'}")
        done.pop("code")
        for test in done.pop("failed"):  # proves nothing: it fails without a mutant too
            print(f"fails undisturbed, and is left out: {test}", flush=True)
            done["seconds"].pop(test, None)
        return Seen(**done)

    def run(self, mutant: Mutant, tests: list[str], seconds: float) -> tuple[str, str]:
        """``killed`` and the test that did it, ``timeout`` or ``survived``."""
        if not tests:
            return "survived", "no test executes it"
        files = list(dict.fromkeys(map(_file_of, tests)))

        def work() -> dict[str, Any]:
            chosen = Chosen(tests)
            return {"code": self._pytest(["-x", *files], chosen), "by": chosen.first_failure}

        target = self.folder / SOURCE / mutant.file
        original = target.read_text()
        try:
            target.write_text(mutant.applied(original))
            done = self._fork(work, max(TIMEOUT_S, 10 * seconds))
        finally:
            target.write_text(original)
        if done is None:
            return "timeout", ""
        return (
            ("survived", "")
            if done["code"] == 0
            else ("killed", done["by"] or f"pytest ends with {done['code']}")
        )

    def _pytest(self, arguments: list[str], plugin: object) -> int:
        shutil.rmtree(
            ".hypothesis", ignore_errors=True
        )  # what one mutant taught is not used against the next
        flags = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"]
        return int(pytest.main([*flags, *arguments], plugins=[plugin]))

    def _fork(self, work: Callable[[], dict[str, Any]], limit: float) -> dict[str, Any] | None:
        """What ``work`` returns in a process of its own; None when it took longer or ended otherwise."""
        answer = self.folder / "answer.json"
        answer.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            try:
                self._settle()
                text = json.dumps(work())
                answer.with_suffix(".part").write_text(text)
                answer.with_suffix(".part").rename(answer)
            finally:
                os._exit(0)
        ends, over = time.monotonic() + limit, False
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > ends:
                over = True
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                break
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what its tests have started
        if not over and not answer.exists():
            return {"code": "a crash", "by": None, "failed": ["a crash"]}
        return None if over else json.loads(answer.read_text())

    def _settle(self) -> None:
        os.setsid()
        os.chdir(self.folder)
        log = os.open(self.folder / "log.txt", os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, target)
        sys.path.insert(0, str(self.folder / "src"))
        os.environ["PYTHONPATH"] = str(self.folder / "src")
        sys.dont_write_bytecode = False


def preload() -> None:
    """Import the libraries that a test may need; one that is not installed is left out."""
    for name in PRELOADED:
        module, _, attribute = name.partition(":")
        with contextlib.suppress(ImportError):
            loaded = importlib.import_module(module)
            if attribute:
                getattr(loaded, attribute)
    assert "leadline" not in sys.modules, "each mutant imports leadline anew"


def tests_of(room: str, sources: Copy) -> list[str]:
    """The files of tests that claim a room, and those of its modules that have examples."""
    found = []
    for place in CLAIMS[room]:
        there = sources.folder / place
        found += [there] if place.endswith(".py") else sorted(there.rglob("test_*.py"))
    modules = sorted((sources.folder / SOURCE / room).rglob("*.py"))
    found += [module for module in modules if ">>> " in module.read_text()]
    return [str(path.relative_to(sources.folder)) for path in found]


def seen_of(room: str, mutants: list[Mutant], sources: Copy, kept: Path) -> Seen:
    """From the file beside the results where sources, tests and mutants are as they were, else measured."""
    before = hashlib.sha256(json.dumps([mutant.key for mutant in mutants]).encode())
    for path in sorted((sources.folder / "src").rglob("*.py")):
        before.update(path.read_bytes())
    files = tests_of(room, sources)
    digests = {}
    for file in files:
        digest = before.copy()
        digest.update((sources.folder / file).read_bytes())
        digests[file] = digest.hexdigest()
    known = json.loads(kept.read_text()) if kept.exists() else {}
    todo = [file for file in files if known.get(file, {}).get("digest") != digests[file]]
    for first in range(0, len(todo), FILES_AT_ONCE):
        part = todo[first : first + FILES_AT_ONCE]
        start = time.monotonic()
        seen = sources.seen(part, mutants)
        print(f"{len(seen.seconds)} tests of {', '.join(part)}: {time.monotonic() - start:.0f} s", flush=True)
        for file in part:
            known[file] = {"digest": digests[file], "seen": vars(seen.of_file(file))}
        kept.write_text(json.dumps(known))
    return Seen.joined(Seen(**known[file]["seen"]) for file in files)


def judge(mutant: Mutant, sources: Copy, seen: Seen) -> dict[str, Any]:
    """Run one mutant against the tests that execute its statement; where none is known to, against all of the room."""
    start = time.monotonic()
    tests = seen.executing(mutant.key) or sorted(seen.seconds, key=_file_of)
    outcome, by = sources.run(mutant, tests, sum(seen.seconds[test] for test in tests))
    return {
        "key": mutant.key, "room": mutant.room, "line": mutant.lines[0], "outcome": outcome, "by": by,
        "tests": len(tests), "seconds": round(time.monotonic() - start, 1),
    }  # fmt: skip


def report(rows: list[dict[str, Any]], place: Path | None) -> None:
    """Rate and survivors, printed and written; mutants whose code has changed since they were run leave it."""
    there = {mutant.key for mutant in (*named(), *drawn(10**6, 0))}
    latest = {row["key"]: row for row in rows if row["key"] in there}
    judged = [row for row in latest.values() if row["key"] not in EQUIVALENT]
    survivors = [row for row in judged if row["outcome"] == "survived"]
    rooms = {
        room: [sum(r["outcome"] != "survived" for r in judged if r["room"] == room),
               sum(r["room"] == room for r in judged)]
        for room in CLAIMS
    }  # fmt: skip
    killed = len(judged) - len(survivors)
    rate = killed / max(1, len(judged))
    argued = {key: why for key, why in EQUIVALENT.items() if key in latest}
    print(f"{killed} of {len(judged)} mutants killed ({rate:.1%}), {len(argued)} equivalent")
    for room, (dead, of) in rooms.items():
        print(f"  {room:14} {dead:3} of {of:3}")
    for row in survivors:
        print(f"survived  {row['key']}  (line {row['line']}; {row['by'] or 'all its tests pass'})")
    if place is not None:
        found = {
            "killed": killed,
            "judged": len(judged),
            "rate": round(rate, 4),
            "rooms": rooms,
            "equivalent": argued,
        }
        found["survivors"] = [row["key"] for row in survivors]
        found["mutants"] = {row["key"]: row["by"] or row["outcome"] for row in latest.values()}
        place.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a line a mutant; read and appended to")
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rooms", nargs="*", default=list(CLAIMS))
    parser.add_argument("--again", action="store_true", help="run the survivors once more")
    parser.add_argument("--report", type=Path, help="write what is known here, and run nothing")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    if options.report is None:
        latest = {row["key"]: row["outcome"] for row in rows}
        known = {key for key, outcome in latest.items() if not (options.again and outcome == "survived")}
        todo = [*named(), *drawn(options.count, options.seed)]
        random.seed(0)
        os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
        preload()
        with tempfile.TemporaryDirectory(prefix="leadline-mutants-") as folder:
            sources, seen = Copy(Path(folder).resolve()), dict[str, Seen]()
            for mutant in todo:
                if mutant.key in known or (options.again and mutant.key not in latest):
                    continue
                if mutant.room not in options.rooms:
                    continue
                if mutant.room not in seen:
                    kept = options.out.with_suffix(".seen.json")
                    seen[mutant.room] = seen_of(mutant.room, todo, sources, kept)
                rows.append(judge(mutant, sources, seen[mutant.room]))
                with options.out.open("a") as out:
                    out.write(json.dumps(rows[-1], ensure_ascii=False) + "\n")
                print(*(rows[-1][name] for name in ("outcome", "seconds", "key", "by")), sep="  ", flush=True)
    report(rows, options.report)


if __name__ == "__main__":
    main()
