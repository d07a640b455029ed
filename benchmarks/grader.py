"""The grader against labelled answers, hostile text and math-verify. Prints figures; the last line is JSON.

    python benchmarks/grader.py                      # everything but the soak (a minute or two)
    python benchmarks/grader.py --only soak,interrupt
    python benchmarks/grader.py --only soak --soak-count 1000000 --soak-hostile 1000

The labelled files are found through --data or LEADLINE_DATA (a folder that holds ``grader/answers.jsonl``).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from grader_cases import load, mutations, reports
from leadline.grading import Grade, Grader, Strictness, gold_faults, grade
from leadline.grading.text.clean import clean
from leadline.grading.text.extract import extract_answer

Row = dict[str, Any]
BOXED_MODELS = ("microsoft/rho", "QwenLM/Qwen2.5-Math")


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def accuracy(data: Path) -> Row:
    """answers.jsonl: overall, and on boxed answers of models."""
    cases = rows(data / "grader" / "answers.jsonl")
    with Grader() as grader:
        grades = grader.grade_many((case["response"], case["gold"]) for case in cases)
    boxed = [
        (case, got)
        for case, got in zip(cases, grades, strict=True)
        if case["source"].startswith(BOXED_MODELS) and "\\boxed" in case["response"]
    ]
    figures = {"all": scores(list(zip(cases, grades, strict=True))), "boxed_model_answers": scores(boxed)}
    for source in sorted({case["source"] for case in cases}):
        part = [(case, got) for case, got in zip(cases, grades, strict=True) if case["source"] == source]
        figures[source] = scores(part)
    figures["reasons"] = dict(Counter(str(got.reason) for got in grades))
    return figures


def scores(graded: list[tuple[Row, Grade]]) -> Row:
    wrong = [(case, got) for case, got in graded if bool(got.correct) != case["label"]]
    return {
        "n": len(graded),
        "accuracy": round(1 - len(wrong) / max(1, len(graded)), 4),
        "false_positives": [case["id"] for case, _ in wrong if not case["label"]],
        "false_negatives": [case["id"] for case, _ in wrong if case["label"]],
    }


def pairs(data: Path) -> Row:
    """math-verify's own test pairs, with each row's settings, and with ours."""
    cases = [case for case in rows(data / "grader" / "mathverify_tests.jsonl") if not case.get("suspect")]
    own, default = [], []
    with Grader() as grader:
        for case in cases:
            options = case.get("opts", {})
            comparison = Strictness(
                precision=options.get("precision", 6),
                strict=options.get("strict", True),
                allow_set_relation_comp=options.get("allow_set_relation_comp", True),
            )
            pair = [(case["response"], case["gold"])]
            own.append((case, grader.grade_many(pair, comparison=comparison)[0]))
            default.append((case, grader.grade_many(pair)[0]))
    return {"with_row_settings": scores(own), "with_default_settings": scores(default)}


def gold_lists(data: Path) -> dict[str, list[str]]:
    return {
        "math500": [row["answer"] for row in rows(data / "math500.jsonl")],
        "gsm8k_test": [row["answer"] for row in rows(data / "gsm8k_test.jsonl")],
        "aime24": [str(row["answer"]) for row in json.loads((data / "aime24.json").read_text())],
        "lead_stage23": [str(row["answer"]) for row in json.loads((data / "lead_stage23.json").read_text())],
    }


def golds(data: Path) -> Row:
    """Every gold is graded correct against itself, or refused with a reason."""
    figures: Row = {}
    for name, listed in gold_lists(data).items():
        faults = gold_faults(listed)
        with Grader() as grader:
            grades = grader.grade_many((rf"So it is \boxed{{{bare(gold)}}}.", gold) for gold in listed)
        silent = [
            g for g, fault, got in zip(listed, faults, grades, strict=True) if not fault and not got.correct
        ]
        refused = [(g[-80:], fault) for g, fault in zip(listed, faults, strict=True) if fault]
        figures[name] = {"n": len(listed), "refused": refused, "silently_wrong": silent}
    total = sum(part["n"] for part in figures.values())
    accepted = total - sum(len(part["refused"]) for part in figures.values())
    return {**figures, "accepted": round(accepted / total, 5)}


def bare(gold: str) -> str:
    return gold.rsplit("####", 1)[-1].strip()


def hostile_pairs(data: Path) -> tuple[list[Row], list[tuple[str, str]]]:
    cases = rows(data / "grader" / "hostile.jsonl")
    return cases, [(joined(case["parts"]), case.get("gold") or joined(case["gold_parts"])) for case in cases]


def joined(parts: list[list[Any]]) -> str:
    return "".join(text * count for text, count in parts)


def hostile(data: Path) -> Row:
    """Hostile strings from the main thread, a thread, asyncio, and four threads at once."""
    cases, strings = hostile_pairs(data)
    figures: Row = {"gmpy2": has_gmpy2()}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with Grader(workers=2) as grader, Watch() as watch:
            grader.grade_many([(r"\boxed{\sin^2 x}", "1")])
            for name, run in hostile_ways(grader).items():
                figures[name] = verdicts(cases, run(strings))
            figures["workers"] = vars(grader.counts)
        figures["largest_process_mb"] = watch.peak_mb
        figures["executed"] = (Path(folder) / "grader_canary").exists()
        os.chdir("/")
    return figures


def hostile_ways(grader: Grader) -> dict[str, Callable[[list[tuple[str, str]]], list[tuple[Grade, float]]]]:
    def one(pair: tuple[str, str]) -> tuple[Grade, float]:
        started = time.perf_counter()
        got = grader.grade_many([pair])[0]
        return got, time.perf_counter() - started

    async def gathered(strings: list[tuple[str, str]]) -> list[tuple[Grade, float]]:
        found = []
        for pair in strings:
            started = time.perf_counter()
            got = (await grader.grade_many_async([pair]))[0]
            found.append((got, time.perf_counter() - started))
        return found

    def in_threads(strings: list[tuple[str, str]], threads: int) -> list[tuple[Grade, float]]:
        with ThreadPoolExecutor(threads) as threads_:
            return list(threads_.map(one, strings))

    return {
        "main_thread": lambda strings: [one(pair) for pair in strings],
        "a_thread": lambda strings: in_threads(strings, 1),
        "asyncio": lambda strings: asyncio.run(gathered(strings)),
        "four_threads": lambda strings: in_threads(strings, 4),
    }


def verdicts(cases: list[Row], found: list[tuple[Grade, float]]) -> Row:
    wrong = [
        case["id"]
        for case, (got, _) in zip(cases, found, strict=True)
        if case["label"] is not None and bool(got.correct) != case["label"]
    ]
    return {
        "wrong": wrong,
        "slowest_s": round(max(seconds for _, seconds in found), 3),
        "reasons": dict(Counter(str(got.reason) for got, _ in found)),
    }


def has_gmpy2() -> bool:
    try:
        import gmpy2  # noqa: F401
    except ImportError:
        return False
    return True


class Watch:
    """The largest resident size of this process's descendants, sampled."""

    def __enter__(self) -> Watch:
        self.peak_mb, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def _sample(self) -> None:
        while not self._stop.wait(0.02):
            for pid in descendants(os.getpid()):
                self.peak_mb = max(self.peak_mb, resident_mb(pid))

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def descendants(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # it ended while we looked
    found, frontier = [], [root]
    while frontier:
        above = frontier.pop()
        below = [pid for pid, parent in parents.items() if parent == above]
        found += below
        frontier += below
    return found


def resident_mb(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 10 for line in text.splitlines() if line.startswith("VmRSS")), 0)


def math_verify_one(response: str, gold: str) -> bool:
    from math_verify import parse, verify

    return bool(verify(parse(f"${gold}$"), parse(response)))


class Cost(NamedTuple):
    """Seconds of wall clock, and of processor time here and in the processes below."""

    wall: float
    here: float
    below: float

    @property
    def cpu(self) -> float:
        return self.here + self.below


def cost(run: Callable[[], object]) -> Cost:
    """On a machine that others use too, processor time is the fairer figure."""
    started, here, below = time.perf_counter(), time.process_time(), cpu_below()
    run()
    return Cost(time.perf_counter() - started, time.process_time() - here, cpu_below() - below)


def cpu_below() -> float:
    total = 0
    for pid in descendants(os.getpid()):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended while we looked
        total += sum(map(int, fields[11:15]))  # with its own dead children
    return total / os.sysconf("SC_CLK_TCK")


def compared(count: int, ours: Cost, theirs: Cost) -> Row:
    return {
        "n": count,
        "ours_per_s": round(count / ours.wall, 1),
        "ours_per_cpu_s": round(count / ours.cpu, 1),
        "math_verify_per_s": round(count / theirs.wall, 1),
        "math_verify_per_cpu_s": round(count / theirs.cpu, 1),
        "ratio": round(theirs.wall / ours.wall, 1),
        "cpu_ratio": round(theirs.cpu / ours.cpu, 1),
    }


def speed(data: Path) -> Row:
    """Side by side in one run, one process each."""
    figures = {"plain_number_cpu_us": plain_number(), "model_like": model_like(data)}
    figures["algebra"] = algebra(data)
    return figures


def plain_number() -> float:
    text = "We add them up. 12 + 30 = 42, so the answer is \\boxed{42}."
    grade(text, "42")
    count = 5_000
    answers = [(f"{i} of them, so the answer is \\boxed{{{i}}}.", str(i + i % 2)) for i in range(count)]
    spent = cost(lambda: [grade(response, gold) for response, gold in answers])
    return round(spent.cpu / count * 1e6, 1)


def model_like(data: Path) -> Row:
    """100 problems x 8: real reasoning, then the gold, another spelling of it, or another problem's answer."""
    dice = random.Random(0)
    listed = gold_lists(data)["math500"][:100]
    prose = [
        row["response"] for row in rows(data / "grader" / "answers.jsonl") if "\\boxed" in row["response"]
    ]
    strings = []
    for i, gold in enumerate(listed):
        for j in range(8):
            said = gold if j < 5 else listed[(i + j) % 100]
            lead = dice.choice(prose).split("\\boxed")[0][-600:]
            strings.append((f"{lead}\nThe final answer is $\\boxed{{{said}}}$.", gold))
    ours: list[Grade] = []
    with Grader() as grader:
        grader.grade_many([(r"\boxed{\sin^2 x}", "1")])
        our_cost = cost(lambda: ours.extend(grader.grade_many(strings)))
    theirs: list[bool] = []
    their_cost = cost(lambda: theirs.extend(math_verify_one(*pair) for pair in strings))
    differing = sum(bool(o.correct) != t for o, t in zip(ours, theirs, strict=True))
    return {**compared(len(strings), our_cost, their_cost), "differing_verdicts": differing}


def algebra_pairs(data: Path, shifts: Iterable[int], added: Iterable[str] = ("",)) -> list[tuple[str, str]]:
    """Distinct pairs that the cheap path leaves open and that end by themselves: answers beside others' golds, too.

    With every text of ``added`` behind an answer, there are as many answers more.
    """
    from leadline.grading.comparison.structural import same_cheaply
    from leadline.grading.expressions.structure_reader import read_structure

    found = []
    cases = [row for row in rows(data / "grader" / "answers.jsonl") if "\\boxed" in row["response"]]
    for shift, more in itertools.product(shifts, added):
        for row, other in zip(cases, cases[shift:] + cases[:shift], strict=True):
            answer = extract_answer(row["response"])
            if (
                not answer
                or len(answer) > 200
                or "\\text" in answer + other["gold"]
                or " " in other["gold"].strip()
            ):
                continue
            sides = read_structure(clean(other["gold"])), read_structure(clean(answer + more))
            if same_cheaply(*sides, Strictness()) is None:
                found.append((rf"\boxed{{{answer}{more}}}", other["gold"]))
    return sorted(set(found))


def algebra(data: Path) -> Row:
    strings = algebra_pairs(data, (0, 1, 2, 3, 5))[::2]
    theirs = cost(lambda: [math_verify_one(*pair) for pair in strings])
    ours = one_run(strings, [], 1)
    # A worker's first second goes into pages copied and tables filled: other answers to the same golds come first.
    # No answer comes twice: the parser keeps what it has read, which would favour the one worker that reads it all.
    many = algebra_pairs(data, [1], [f"+{n}" for n in range(1, 17)])
    random.Random(0).shuffle(many)
    one, two = (one_run(many[::2], many[1::2], workers) for workers in (1, 2))
    return {
        **compared(len(strings), ours, theirs),
        "two_workers": round(one.wall / two.wall, 2),
        "two_workers_by_cpu": round(one.cpu / (one.here + one.below / 2), 2),
    }


def one_run(strings: list[tuple[str, str]], before: list[tuple[str, str]], workers: int) -> Cost:
    """What grading costs with golds cached, after other pairs."""
    listed = sorted({gold for _, gold in strings})
    with Grader(workers=workers, timeout_s=10) as grader:
        for extra in "uw":  # so that every worker is there and has seen the golds
            grader.grade_many((rf"\boxed{{{gold}+\sin({extra})}}", gold) for gold in listed)
        grader.grade_many(before)
        return cost(lambda: grader.grade_many(strings))


SOAK_FIRST = 100_000
"""So many answers of a soak have one in a hundred that is hostile, however few there are behind them."""


def soak(_: Path, count: int = SOAK_FIRST, one_in: int = 100) -> Row:
    """Many answers, some hostile and all of those distinct, with a short time limit.

    One in a hundred is hostile among the first 100,000, and one in ``one_in`` behind them: each costs the whole limit.
    """
    with Grader(workers=2, timeout_s=0.3) as grader:
        grader.grade_many([(r"\boxed{\sin^2 x}", "1")])
        before = resident_mb(os.getpid())
        found: Counter[str] = Counter()
        started = time.perf_counter()
        for part in range(0, count, 10_000):
            found.update(
                str(got.reason)
                for got in grader.grade_many(soak_pairs(part, min(count, part + 10_000), one_in))
            )
        seconds = time.perf_counter() - started
        grown = resident_mb(os.getpid()) - before
        states = [state(pid) for pid in descendants(os.getpid())]
        counts = vars(grader.counts)
    return {
        "n": count,
        "hostile": sum(is_hostile(i, one_in) for i in range(count)),
        "seconds": round(seconds, 1),
        "reasons": dict(found),
        "parent_grew_mb": grown,
        "workers": counts,
        "zombies": states.count("Z"),
        "left_after_close": len(descendants(os.getpid())),
    }


def is_hostile(i: int, one_in: int) -> bool:
    return i % (100 if i < SOAK_FIRST else one_in) == 0


def soak_pairs(start: int, stop: int, one_in: int) -> Iterator[tuple[str, str]]:
    kinds = (
        r"\prod_{{n=1}}^{{{0}0000000}} \left(1-\frac{{1}}{{n^{{2}}}}\right)",
        r"\frac{{9^{{9^{{9^{{{0}}}}}}}}}{{9^{{9^{{9^{{9}}}}}}+1}}",
        r"\sum_{{n=1}}^{{{0}00000000}} \frac{{1}}{{n^3+1}}",
        r"(x+y+z+w)^{{{0}}} - (x+y)^{{{0}}}",
    )
    for i in range(start, stop):
        if is_hostile(i, one_in):
            yield rf"\boxed{{{kinds[i // 100 % len(kinds)].format(i + 11)}}}", r"\pi + \sqrt{2}"
        else:
            yield f"{i} and more, so the answer is \\boxed{{{i}}}.", str(i + i % 2)


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


CHILD = r"""
from leadline.grading import Grader
with Grader(workers=2) as grader:
    print("begun", flush=True)
    i = 0
    while True:
        i += 1
        grader.grade_many([(r"\boxed{\prod_{n=1}^{%d00000000} (1-\frac{1}{n^2})}" % (i + j), r"\pi") for j in range(4)])
"""


def interrupt(_: Path, times: int = 10) -> Row:
    """Ctrl-C and SIGKILL at random moments: what is left of the process tree two seconds later."""
    dice = random.Random(1)
    left: Row = {"SIGINT": 0, "SIGKILL": 0}
    for name in left:
        for _ in range(times):
            child = subprocess.Popen(
                [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(dice.uniform(0, 3))
            below = descendants(child.pid)
            child.send_signal(getattr(signal, name))
            child.wait(timeout=10)
            time.sleep(2)
            left[name] += sum(state(pid) not in ("", "Z") for pid in below)
    return {"times_each": times, "processes_left": left}


PARTS: dict[str, Callable[[Path], Row]] = {
    "reports": reports,
    "mutations": mutations,
    "load": load,
    "accuracy": accuracy,
    "pairs": pairs,
    "golds": golds,
    "hostile": hostile,
    "speed": speed,
    "interrupt": interrupt,
    "soak": soak,
}


def main() -> None:
    default = os.environ.get("LEADLINE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(default), help="folder with grader/answers.jsonl")
    parser.add_argument(
        "--only",
        default="reports,accuracy,pairs,mutations,golds,hostile,speed,interrupt",
        help=",".join(PARTS),
    )
    parser.add_argument("--soak-count", type=int, default=SOAK_FIRST, help="answers of the soak")
    parser.add_argument(
        "--soak-hostile",
        type=int,
        default=100,
        metavar="N",
        help=f"behind the first {SOAK_FIRST}, one in N answers of the soak is hostile",
    )
    arguments = parser.parse_args()
    if not (arguments.data / "grader").is_dir():
        parser.error(f"no labelled data at {arguments.data} (use --data or LEADLINE_DATA)")
    parts = PARTS | {"soak": lambda data: soak(data, arguments.soak_count, arguments.soak_hostile)}
    figures = {}
    for name in arguments.only.split(","):
        figures[name] = parts[name](arguments.data.resolve())
        print(f"{name}:", json.dumps(figures[name], indent=2))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
