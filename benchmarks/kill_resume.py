"""What is killed again and again ends exactly where an undisturbed one does, and leaves nothing lying about.

    python benchmarks/kill_resume.py --kills 20                     # a run, twenty times
    python benchmarks/kill_resume.py --kills 20 --what all          # a run, eval, grade, a study and a run through TRL
    python benchmarks/kill_resume.py --kills 20 --what all --report FILE
    python benchmarks/kill_resume.py --kills 3 --what llm --steps 4 --model models/smollm2-135m    # a language model
    python benchmarks/kill_resume.py --kills 7 --what trl --seed 1 --report FILE   # more kills, added to those in it

Each subject is carried out once undisturbed and then under SIGKILL, SIGTERM and SIGINT in turn, started again after
each. A kill comes at a random moment of its work, as soon as a file is being written aside, or anywhere from its first
import on; where it ends before the kill, another one is begun. Then the results are compared to the bit, times aside,
and the names of the files; no process of it may be left, and nothing in its place for temporary files when it ends
well. The last line is JSON; code 1 when something differs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RECIPE = """
name: kill-resume
threads: 1
model: {{hidden_size: 64, intermediate_size: 96, num_layers: 2, num_heads: 2, initial_scale: 0.05}}
data: {{world: {{name: chain, steps: [1, 3]}}}}
sft: {{steps: {steps}, batch_size: 16, checkpoint_every: 3, optimiser: {{name: muon}}}}
rl: {{steps: {steps}, prompts: 8, group_size: 4, max_tokens: 32, checkpoint_every: 3, samples_every: 4,
     validate_every: 5, validation_problems: 8}}
arms:
  grpo: {{advantage: grpo, rewards: {{accuracy: 1.0, format: 0.3}}}}
  lead: {{advantage: lead, rewards: {{accuracy: 1.0, format: 0.3, reflection: 0.2}}}}
  concise: {{advantage: {{preset: concise, control_gain: 2.0}}, rewards: {{accuracy: 1.0, format: 0.3}}}}
evaluation: {{problems: 16, samples: 4, ks: [1, 4]}}
"""
TRL_RECIPE = """
name: kill-resume-trl
threads: 1
backend: trl
data: {{world: {{name: chain, steps: [1, 2]}}}}
sft: {{method: lora, steps: {steps}, batch_size: 8, checkpoint_every: 2, micro_tokens: 400}}
rl: {{steps: {steps}, prompts: 4, group_size: 4, max_tokens: 16, micro_tokens: 400, validate_every: 4,
     validation_problems: 4, samples_every: 2, checkpoint_every: 2}}
arms:
  lead: {{advantage: lead, rewards: {{accuracy: 1.0, format: 0.3}}}}
evaluation: {{problems: 8, samples: 2, ks: [1, 2]}}
"""
LLM_RECIPE = """
name: kill-resume-llm
threads: 1
data: {{train: gym:simple_equations, limit: 64}}
sft: {{method: none}}
rl: {{steps: {steps}, prompts: 2, group_size: 4, max_tokens: 24, temperature: 1.0, checkpoint_every: 1,
     samples_every: 1, validate_every: 2, validation_problems: 2,
     optimiser: {{learning_rate: 1.0e-5, weight_decay: 0.0}}}}
arms:
  lead: {{advantage: lead, rewards: {{accuracy: 1.0, format: 0.3}}}}
evaluation: {{problems: 4, samples: 2, ks: [1, 2], max_tokens: 24}}
"""
TIMES = {"seconds", "sampling_seconds", "tokens_per_second"}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MARK = "LEADLINE_KILL_RESUME"
"""An environment variable by which the processes of a subject are known."""


@dataclass(frozen=True)
class Subject:
    """What is killed: how it is begun and gone on with, and what of its files must be the same."""

    name: str
    words: Callable[[Path, int], list[str | Path]]
    """The command for an output place, after ``leadline``; told how long the work is to be."""
    result: Callable[[Path], Mapping[str, Any]]
    """What it has computed, by a name each."""
    prepare: Callable[[Path, int], None] = lambda folder, steps: None


@dataclass
class Found:
    """What came of the kills of one subject."""

    kills: int = 0
    rounds: int = 0
    tries: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def start(words: list[str | Path], out: Path) -> subprocess.Popen[bytes]:
    """The command in a process of its own; what it says goes beside its output."""
    command = [sys.executable, "-m", "leadline", *map(str, words)]
    temporary = out.parent / f"{out.name}.tmp"
    temporary.mkdir(exist_ok=True)
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(temporary), MARK: str(out),
    }  # fmt: skip
    with (out.parent / f"{out.name}.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=out.parent)


def run_to_its_end(words: list[str | Path], out: Path) -> None:
    """Carry it out.

    Raises:
        SystemExit: it fails.
    """
    if start(words, out).wait() != 0:
        raise SystemExit(
            f"{' '.join(map(str, words))} failed:\n{(out.parent / f'{out.name}.log').read_text()}"
        )


# --- what is compared ---


def metrics(out: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def differing_rows(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> list[str]:
    """The first row of metrics that is not the same, in words."""
    if a == b:
        return []
    for number, (x, y) in enumerate(zip(a, b, strict=False), start=1):
        if x != y:
            keys = [key for key in sorted({*x, *y}) if x.get(key) != y.get(key)]
            where = ", ".join(f"{key}={x.get(key)}" for key in ("arm", "stage", "step"))
            unlike = ", ".join(f"{key} {x.get(key)} / {y.get(key)}" for key in keys)
            return [f"metrics.jsonl, row {number} ({where}): {unlike}"]
    return [f"metrics.jsonl: {len(a)} rows / {len(b)} rows"]


def _files(out: Path, *patterns: str) -> dict[str, bytes]:
    paths = sorted(path for pattern in patterns for path in out.glob(pattern))
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


def _run_result(out: Path) -> dict[str, Any]:
    """Weights and optimisers, samples, metrics and results."""
    samples = {n: gzip.decompress(b) for n, b in _files(out, "samples/*/*.jsonl.gz").items()}
    return {
        **_files(out, "checkpoints/*/*/*.safetensors"), **samples, "metrics.jsonl": metrics(out),
        "summary.json": json.loads((out / "summary.json").read_text())["arms"],
    }  # fmt: skip


def _eval_result(out: Path) -> dict[str, Any]:
    return _files(out, "raw.jsonl", "samples.jsonl.gz", "settings.json", "metrics.json")


def _study_result(out: Path) -> dict[str, Any]:
    return _files(out, "results.*", "cells/*", "figures/*")


def differences(a: Path, b: Path, result: Callable[[Path], Mapping[str, Any]] = _run_result) -> list[str]:
    """What is not the same to the bit, times aside."""
    one, other = result(a), result(b)
    found = []
    for name in sorted({*one, *other}):
        if name == "metrics.jsonl":
            found += differing_rows(one[name], other[name])
        elif one.get(name) != other.get(name):
            found.append(name)
    return found


# --- the subjects ---


def _prepare_run(folder: Path, steps: int) -> None:
    (folder / "recipe.yaml").write_text(RECIPE.format(steps=steps))


def _run_words(out: Path, steps: int) -> list[str | Path]:
    going_on = ["--resume"] if (out / "environment.json").is_file() else []
    return ["run", out.parent / "recipe.yaml", "--out", out, *going_on]


def _small_model(folder: Path) -> Path:
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
    from tiny_model import save_tiny_model

    return save_tiny_model(folder / "model")


def _prepare_trl(folder: Path, steps: int) -> None:
    _small_model(folder)
    (folder / "recipe.yaml").write_text(TRL_RECIPE.format(steps=steps))


def _model_words(out: Path, steps: int) -> list[str | Path]:
    return [*_run_words(out, steps), "--model", out.parent / "model"]


def language_model(model: Path) -> Subject:
    """Training of the language model in this directory."""

    def prepare(folder: Path, steps: int) -> None:
        (folder / "model").symlink_to(model.resolve())
        (folder / "recipe.yaml").write_text(LLM_RECIPE.format(steps=steps))

    return Subject("llm", _model_words, _run_result, prepare)


def _prepare_eval(folder: Path, steps: int) -> None:
    _small_model(folder)
    rows = [{"id": f"p{i}", "prompt": f"{i} + 1 =", "answer": str(i + 1)} for i in range(4 * steps)]
    (folder / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _eval_words(out: Path, steps: int) -> list[str | Path]:
    asked = ["--samples", "8", "--max-tokens", "48", "--batch-size", "8"]
    return ["eval", out.parent / "model", "--data", out.parent / "problems.jsonl", *asked, "--out", out]


def _prepare_grade(folder: Path, steps: int) -> None:
    """Some answers are numbers, some need algebra."""
    rows = [
        {"response": rf"\boxed{{{i}}}", "gold": str(i + i % 3 // 2)} if i % 4 else
        {"response": rf"\boxed{{(x+{i})^2}}", "gold": f"x^2+{2 * i}x+{i * i}"}
        for i in range(200 * steps)
    ]  # fmt: skip
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _grade_words(out: Path, steps: int) -> list[str | Path]:
    going_on = ["--resume"] if (out / "graded.jsonl").is_file() else []
    return ["grade", out.parent / "answers.jsonl", "--out", out / "graded.jsonl", "--workers", "1", *going_on]


def _study_words(out: Path, steps: int) -> list[str | Path]:
    size = ["--quick", "--seeds", "1", "--algorithms", "grpo", "--steps", "2", "--workers", "1"]
    return ["study", "depth", *size, "--out", out]


SUBJECTS = {
    "run": Subject("run", _run_words, _run_result, _prepare_run),
    "eval": Subject("eval", _eval_words, _eval_result, _prepare_eval),
    "grade": Subject("grade", _grade_words, lambda out: _files(out, "*"), _prepare_grade),
    "study": Subject(
        "study",
        _study_words,
        _study_result,
    ),
    "trl": Subject("trl", _model_words, _run_result, _prepare_trl),
}


# --- the kills ---


def _state(out: Path) -> tuple[int, int]:
    """How many files there are, and bytes in them: what moves while work goes on."""
    sizes = []
    for path in out.rglob("*"):
        try:
            sizes.append(path.stat().st_size)
        except OSError:  # renamed or removed meanwhile
            continue
    return len(sizes), sum(sizes)


def _writes_aside(out: Path) -> bool:
    return any(".tmp" in path.suffix or path.name.startswith(".writing") for path in out.rglob(".*"))


def _wait_for_the_moment(
    process: subprocess.Popen[bytes], out: Path, how: str, longest: float, rng: random.Random
) -> None:
    """Until the moment for a kill has come, or the process has ended."""
    before, began = _state(out), time.monotonic()
    pause = rng.random()
    changes = rng.randint(1, 6)
    while process.poll() is None:
        if how == "anywhere" and time.monotonic() - began > longest * pause:
            return
        if how == "aside" and _writes_aside(out):
            time.sleep(0.002 * pause)
            return
        now = _state(out) if how == "work" else before
        if now != before:
            before, changes = now, changes - 1
            if changes == 0:
                time.sleep(0.3 * pause)
                return
        time.sleep(0.0005 if how == "aside" else 0.01)


def _left_over(out: Path) -> list[str]:
    """Processes of a subject that are still there some time after it was killed."""
    mark = f"{MARK}={out}".encode()
    ends = time.monotonic() + 60
    while True:
        there = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (place / "environ").read_bytes().split(b"\0"):
                    there.append(f"process {place.name} is left: {(place / 'cmdline').read_bytes()[:200]!r}")
            except OSError:  # ended meanwhile, or another user's
                continue
        if not there or time.monotonic() > ends:
            return there
        time.sleep(0.05)


def kill_once(
    subject: Subject, out: Path, steps: int, longest: float, rng: random.Random, found: Found
) -> bool:
    """Go on with it and kill it; False when it ended first."""
    process = start(subject.words(out, steps), out)
    how = ("work", "aside", "anywhere", "work")[found.tries % 4]
    found.tries += 1
    _wait_for_the_moment(process, out, how, longest, rng)
    which = SIGNALS[found.kills % 3]
    if process.poll() is None:
        process.send_signal(which)
        code = process.wait(timeout=600)
        found.codes[f"{which.name}: {code}"] += 1
        found.wrong += _left_over(out)
        if code in (130, -which):
            return True
        if code != 0:
            tail = (out.parent / f"{out.name}.log").read_text(errors="replace").splitlines()[-3:]
            found.wrong.append(f"{which.name} ({how}): ends with {code}: {' / '.join(tail)}")
            return True
    elif process.returncode != 0:
        tail = (out.parent / f"{out.name}.log").read_text(errors="replace").splitlines()[-3:]
        raise SystemExit(f"{subject.name} fails with {process.returncode}: {' / '.join(tail)}")
    return False


def _names(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*")}


def disturb(subject: Subject, folder: Path, kills: int, steps: int, seed: int) -> Found:
    """Kill it ``kills`` times, and compare what each one that ended computed with an undisturbed one."""
    subject.prepare(folder, steps)
    calm, rng, found = folder / "calm", random.Random(seed), Found()
    calm.mkdir() if subject.name == "grade" else None
    began = time.monotonic()
    run_to_its_end(subject.words(calm, steps), calm)
    longest = time.monotonic() - began
    while found.kills < kills:
        found.rounds += 1
        out = folder / f"disturbed-{found.rounds}"
        out.mkdir() if subject.name == "grade" else None
        before = found.kills
        while found.kills < kills and kill_once(subject, out, steps, longest, rng, found):
            found.kills += 1
        run_to_its_end(subject.words(out, steps), out)
        found.wrong += differences(calm, out, subject.result)
        found.wrong += [f"{name}: only in one of them" for name in sorted(_names(calm) ^ _names(out))]
        if found.kills == before and found.rounds > 5 * kills:
            raise SystemExit(f"{subject.name} ends before it can be killed: make it longer (--steps)")
    found.wrong += [
        f"left in its temporary files: {path.name}"
        for path in (folder / "calm.tmp").iterdir()
        if not path.name.startswith("torchinductor_")  # torch makes this folder wherever it is imported
    ]
    return found


def compare_runs(folder: Path, kills: int, steps: int, seed: int) -> tuple[int, list[str]]:
    """Returns how often a run was killed, and what differs from the undisturbed one."""
    found = disturb(SUBJECTS["run"], folder, kills, steps, seed)
    return found.kills, found.wrong


def added(report: Path, name: str, figures: Mapping[str, Any], wrong: list[str]) -> dict[str, Any]:
    """A report with the figures of one subject on top of those in it."""
    before = json.loads(report.read_text()) if report.exists() else {"wrong": [], "subjects": {}}
    subjects, wrong = before["subjects"], [*before["wrong"], *wrong]
    old = subjects.get(name, {"kills": 0, "ended": 0, "codes": {}})
    subjects[name] = {
        "kills": old["kills"] + figures["kills"],
        "ended": old["ended"] + figures["ended"],
        "codes": dict(sorted((Counter(old["codes"]) + Counter(figures["codes"])).items())),
    }
    kills = sum(subject["kills"] for subject in subjects.values())
    return {"kills": kills, "identical": not wrong, "wrong": wrong, "subjects": subjects}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="of each subject")
    parser.add_argument(
        "--what", default="run", help=f"all, or some of {', '.join(SUBJECTS)} and llm, by commas"
    )
    parser.add_argument("--steps", type=int, default=30, help="how long the work is")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path, help="write the figures here")
    parser.add_argument("--model", type=Path, help="of llm: a directory with a language model")
    options = parser.parse_args()
    # Started in the background of a shell, this process ignores SIGINT, and so would every subject that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    subjects = SUBJECTS if options.model is None else SUBJECTS | {"llm": language_model(options.model)}
    kills, wrong = 0, []
    for name in list(subjects) if options.what == "all" else options.what.split(","):
        with tempfile.TemporaryDirectory() as folder:
            found = disturb(
                subjects[name], Path(folder).resolve(), options.kills, options.steps, options.seed
            )
        figures = {"kills": found.kills, "ended": found.rounds, "codes": dict(sorted(found.codes.items()))}
        print(f"{name}: {json.dumps(figures)}", *found.wrong, sep="\n  ", flush=True)
        kills += found.kills
        wrong += [f"{name}: {line}" for line in found.wrong]
        if options.report is not None:
            report = added(options.report, name, figures, [f"{name}: {line}" for line in found.wrong])
            options.report.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({"kills": kills, "identical": not wrong}))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
