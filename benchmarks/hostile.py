"""Does every command refuse what it cannot use in one line, at once, and with nothing written?

    python benchmarks/hostile.py                        # all inputs of hostile_inputs.py
    python benchmarks/hostile.py --only run/ --show     # those with this in their name, with what was said
    python benchmarks/hostile.py --report FILE          # the figures, as JSON too; with --only, beside those in it

Each input is given to the command line in a process of its own, forked from one that has imported the libraries, in a
folder of its own that is also its home and its place for temporary files. Held against what is promised: the exit
code; one line a fault, ours, that names the place; no file made, changed or left behind anywhere in that folder (so no
canary of a hostile model either); a peak of memory at most 300 MB above that of the same command with a good input; at
most 5 s of processor time, its children's and the start of the interpreter included (what a process of its own takes
for the good input more than a forked one; where that is too much, what it takes for this one). Code 1 at the end when
one of them fails.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from hostile_inputs import USUAL, Case, every_case, lay, make_good  # noqa: E402

MEMORY_MB = 300
CPU_S = 5.0
LIMIT = (2 * round(CPU_S), 2 * round(CPU_S) + 1)
"""Processor seconds after which a call is ended."""
WALL_S = 60.0
LINE = 1500
"""No refusal is longer."""

PRELOADED = (
    "leadline.cli.main", "leadline.runs.pipeline", "leadline.runs.model_directory", "leadline.evaluation",
    "leadline.diagnosis.probe", "leadline.diagnosis.compare.tables", "leadline.diagnosis.audit",
    "leadline.diagnosis.watch", "leadline.data.samples.exports", "leadline.data.samples.converting",
    "leadline.grading.files", "leadline.report", "leadline.samplers.factory", "leadline.samplers.local",
    "leadline.studies.study", "leadline.model.gguf_import", "leadline.runs.cost_estimate", "datasets",
    "pyarrow.parquet", "pyarrow.csv", "pandas", "transformers.models.auto",
)  # fmt: skip


@dataclass(frozen=True)
class Usual:
    """What a command takes with a good input: memory, and the start of an interpreter in seconds of processor time."""

    memory_mb: float
    start_s: float


@dataclass(frozen=True)
class Outcome:
    """What came of one call."""

    code: int
    out: str
    err: str
    memory_mb: float
    cpu_s: float
    wall_s: float
    touched: tuple[str, ...]

    def faults(self, case: Case, usual: Usual, seconds: float) -> list[str]:
        """What of the promise does not hold."""
        more = self.memory_mb - usual.memory_mb
        said = self.err.splitlines()
        ours = [line for line in said if line.startswith("leadline: ")]
        checks = {
            f"exit code {self.code}": self.code == case.code,
            "a traceback or a fault of our own": "Traceback" not in self.err
            and "fault of leadline" not in self.err,
            f"{len(said)} lines": 1 <= len(said) <= case.lines and len(ours) == len(said),
            "a long line": all(len(line) <= LINE for line in said),
            "a control character": not any(ord(c) < 32 for line in said for c in line if c != "\t"),
            f"does not say {case.says!r}": case.says in self.err,
            f"printed {self.out[:80]!r}": not self.out,
            f"touched {', '.join(self.touched[:5])}": not self.touched,
            f"{more:.0f} MB more than usual": more <= MEMORY_MB,
            f"{seconds:.1f} s of processor time": seconds <= CPU_S,
        }
        return [fault for fault, holds in checks.items() if not holds]


def call(words: tuple[str, ...], folder: Path) -> Outcome:
    """Run the command line in a process of its own, in ``folder / here``."""
    here, home = folder / "here", folder / "home"
    for place in (home, folder / "tmp"):
        place.mkdir(exist_ok=True)
    before = _snapshot(folder)
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(words, here, home, folder)
    status, usage = ended(child)
    wall = time.monotonic() - start
    out, err = ((folder / name).read_text(errors="replace") for name in ("out.txt", "err.txt"))
    after = _snapshot(folder)
    touched = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    code = os.waitstatus_to_exitcode(status)
    return Outcome(
        code, out, err, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, wall, tuple(touched)
    )


def ended(child: int) -> tuple[int, Any]:
    """Wait for a process that leads a group, for a minute at most; nothing of its group is left. Status and usage."""
    start, over = time.monotonic(), False
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - start > WALL_S and not over:
            over = True
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return status, usage


def usual_of(command: str, good: Path) -> Usual:
    """Run the good input twice: forked from this process, and in a process that begins with the interpreter.

    Raises:
        SystemExit: it fails.
    """
    calm = Case(command, USUAL[command], {}, code=0)
    with laid_out(calm, good) as folder:
        done = call(calm.words, folder)
    if done.code not in (0, 1):
        raise SystemExit(f"{' '.join(calm.words)}: {done.code}\n{done.err}")
    with laid_out(calm, good) as folder:
        return Usual(done.memory_mb, max(0.0, from_the_start(calm.words, folder) - done.cpu_s))


def from_the_start(words: tuple[str, ...], folder: Path) -> float:
    """Processor seconds of a command that begins with the interpreter."""
    nothing = subprocess.DEVNULL
    child = subprocess.Popen(
        [sys.executable, "-m", "leadline", *words],
        cwd=folder / "here", stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True,
    )  # fmt: skip
    resource.prlimit(child.pid, resource.RLIMIT_CPU, LIMIT)
    _, usage = ended(child.pid)
    child.returncode = 0  # waited for above
    return usage.ru_utime + usage.ru_stime


def _become(words: tuple[str, ...], here: Path, home: Path, folder: Path) -> None:
    code = 70
    try:
        os.setsid()
        os.chdir(here)
        resource.setrlimit(resource.RLIMIT_CPU, LIMIT)
        streams = [os.open(os.devnull, os.O_RDONLY)]
        streams += [
            os.open(folder / n, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600) for n in ("out.txt", "err.txt")
        ]
        for target, source in enumerate(streams):
            os.dup2(source, target)
        os.environ |= {"HOME": str(home), "TMPDIR": str(folder / "tmp"), "COLUMNS": "100"}
        tempfile.tempdir = None
        sys.argv = ["leadline", *words]
        try:
            importlib.import_module("leadline.cli.main").main()
        except SystemExit as ends:
            code = ends.code if isinstance(ends.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Every name below a folder, with what tells whether it was changed."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name in ("out.txt", "err.txt") or name.startswith(("home/.cache", "home/.config")):
            continue  # what was said, and caches of libraries
        facts = path.lstat()
        content = b""
        if path.is_file() and not path.is_symlink() and facts.st_size < 2**20:
            content = path.read_bytes()
        directory = path.is_dir() and not path.is_symlink()
        stamp = () if directory else (facts.st_size, facts.st_mtime_ns)
        found[name] = (facts.st_mode, *stamp, hashlib.sha256(content).digest())
    return found


@contextlib.contextmanager
def laid_out(case: Case, good: Path) -> Iterator[Path]:
    """A folder with the good inputs and the files of one case."""
    with tempfile.TemporaryDirectory(prefix="leadline-hostile-") as name:
        folder = Path(name).resolve()
        here = folder / "here"
        here.mkdir()
        lay(here, good, case)
        yield folder


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="inputs with this in their name")
    parser.add_argument("--show", action="store_true", help="print what was said")
    parser.add_argument("--report", type=Path, help="write the figures here")
    options = parser.parse_args()
    os.environ |= {
        "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT / "src"),
        # as the command line has it where nobody looks on; these libraries read it when they are imported
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }  # fmt: skip
    sys.dont_write_bytecode = True
    for name in PRELOADED:
        importlib.import_module(name)
    asked = [case for case in every_case() if options.only in case.name]
    with tempfile.TemporaryDirectory(prefix="leadline-good-") as place:
        rows = list(tried(asked, make_good(Path(place).resolve()), show=options.show))
    if options.report is not None:
        rows = merged(options.report, rows)
    found = figures(rows)
    print(json.dumps(found))
    if options.report is not None:
        options.report.write_text(json.dumps(found | {"rows": rows}, indent=1) + "\n")
    return 1 if found["as promised"] < found["inputs"] else 0


def tried(cases: Iterable[Case], good: Path, *, show: bool) -> Iterator[dict[str, Any]]:
    """A row for each case; what fails, or everything, is printed."""
    usual: dict[str, Usual] = {}
    for case in cases:
        if case.command not in usual:
            usual[case.command] = usual_of(case.command, good)
        taken = usual[case.command]
        with laid_out(case, good) as folder:
            done = call(case.words, folder)
        seconds = done.cpu_s + taken.start_s
        if seconds > CPU_S:  # a refusal need not have imported all that a good input does
            with laid_out(case, good) as folder:
                seconds = from_the_start(case.words, folder)
        faults = done.faults(case, taken, seconds)
        if faults or show:
            mark = "BAD " if faults else "ok  "
            print(f"{mark} {case.name}: {' '.join(case.words)[:150]}  {'; '.join(faults)}")
            print(*(f"        {line[:300]}" for line in done.err.splitlines()[:3]), sep="\n", flush=True)
        yield {
            "name": case.name, "code": done.code, "cpu_s": round(seconds, 2),
            "more_mb": round(done.memory_mb - taken.memory_mb), "faults": faults,
        }  # fmt: skip


def merged(report: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of an earlier report with these in the place of theirs, in the order of the inputs that there are."""
    before = json.loads(report.read_text())["rows"] if report.exists() else []
    known = {row["name"]: row for row in (*before, *rows)}
    return [known[case.name] for case in every_case() if case.name in known]


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    commands = Counter(row["name"].partition("/")[0] for row in rows)
    return {
        "inputs": len(rows),
        "as promised": sum(not row["faults"] for row in rows),
        "by command": dict(sorted(commands.items())),
        "most processor seconds": max((row["cpu_s"] for row in rows), default=0.0),
        "most MB above a good input": max((row["more_mb"] for row in rows), default=0),
    }


if __name__ == "__main__":
    sys.exit(main())
