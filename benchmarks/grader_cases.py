"""Parts of benchmarks/grader.py: other people's cases, mutated references, and verdicts on a busy machine."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from leadline.grading import Grader

Row = dict[str, Any]
FIRST_PART = 1280
"""Highest number of an id in the first part of the reports; the others were aimed at weak spots found there."""


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def reports(data: Path) -> Row:
    """Cases from public reports of people who grade mathematics: wrong, false rewards, false refusals, by kind."""
    cases = [case for case in read_rows(data / "grader" / "reports.jsonl") if case["expected"] is not None]
    with Grader(workers=2) as grader:
        grades = grader.grade_many((case["response"], case["gold"]) for case in cases)
    judged = [(case, got.correct is True) for case, got in zip(cases, grades, strict=True)]
    first = [(case, got) for case, got in judged if int(case["id"][1:]) <= FIRST_PART]
    others = {
        name: tally([(case, case[name] is True) for case in cases])["wrong"]
        for name in ("math_verify", "leadline_2e3488d")
    }
    return {"first_part": tally(first), "all": tally(judged), "wrong_of_others_on_all": others}


def tally(judged: list[tuple[Row, bool]]) -> Row:
    wrong = [case for case, got in judged if got != case["expected"]]
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for case in wrong:
        kinds[case["kind"]]["false_refusals" if case["expected"] else "false_rewards"] += 1
    return {
        "n": len(judged),
        "wrong": len(wrong),
        "false_rewards": [case["id"] for case in wrong if not case["expected"]],
        "false_refusals": [case["id"] for case in wrong if case["expected"]],
        "by_kind": {kind: dict(counted) for kind, counted in sorted(kinds.items())},
    }


_TOKEN = re.compile(r"\\[a-zA-Z]+|\d+(?:\.\d+)?|[a-zA-Z]|[-+<>]")
_ARGUMENT = re.compile(r"[a-zA-Z]\([a-z]\)")
_SWAPPED = {
    "+": "-", "-": "+", "<": ">", ">": "<", r"\sin": r"\cos", r"\cos": r"\sin", r"\tan": r"\cot", r"\ln": r"\exp",
    r"\pi": r"\theta", r"\cup": r"\cap", r"\le": r"\ge", r"\ge": r"\le", r"\leq": r"\geq", r"\geq": r"\leq",
}  # fmt: skip


def mutations(data: Path, most: int = 20_000) -> Row:
    """References with one token changed (a letter, a number, a sign, a function), each against the reference itself."""
    references = set()
    for name in ("answers", "reports"):
        references |= {case["gold"] for case in read_rows(data / "grader" / f"{name}.jsonl")}
    references |= {row["answer"] for row in read_rows(data / "math500.jsonl")}
    references |= {str(row["answer"]) for row in json.loads((data / "lead_stage23.json").read_text())}
    listed = sorted(
        gold for gold in references if len(gold) <= 120 and "boxed" not in gold and "####" not in gold
    )
    pairs = sorted({(changed, gold) for gold in listed for changed in mutated(gold)})
    random.Random(5).shuffle(pairs)
    pairs = pairs[:most]
    with Grader(workers=2) as grader:
        grades = grader.grade_many((rf"\boxed{{{changed}}}", gold) for changed, gold in pairs)
    accepted = [pair for pair, got in zip(pairs, grades, strict=True) if got.correct]
    reasons = dict(Counter(str(got.reason) for got in grades))
    return {"n": len(pairs), "accepted": len(accepted), "reasons": reasons, "pairs": accepted}


def mutated(gold: str) -> list[str]:
    """``gold`` with each of its tokens changed in turn."""
    found = []
    for match in _TOKEN.finditer(gold):
        if _ARGUMENT.match(gold[match.start() - 2 : match.end() + 2]):
            continue  # a function may call its argument what it likes
        other = another(match.group())
        if other is not None:
            found.append(gold[: match.start()] + other + gold[match.end() :])
    return found


def another(token: str) -> str | None:
    """A token of the same sort that means something else, or None for one that only lays out."""
    if token in _SWAPPED:
        return _SWAPPED[token] + (" " if token.startswith("\\") else "")
    if token.isdecimal():
        return str(int(token) + 1) if len(token) < 18 else token[:-1] + str((int(token[-1]) + 1) % 10)
    if token[0].isdigit():
        return str(int(token[0]) % 9 + 1) + token[1:]
    if len(token) == 1 and token.isalpha():
        return chr(ord(token) + 1) if token not in "zZ" else chr(ord(token) - 1)
    return None


LOAD = "while True: pass"


def load(data: Path) -> Row:
    """Every labelled pair on the machine as it is, then with twice as many busy processes as cores: what differs."""
    pairs = []
    for name in ("reports", "answers", "mathverify_tests"):
        pairs += [(case["response"], case["gold"]) for case in read_rows(data / "grader" / f"{name}.jsonl")]
    quiet = verdicts_of(pairs)
    busy = [subprocess.Popen([sys.executable, "-c", LOAD]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        loaded = verdicts_of(pairs)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    differing = [
        (*pair, one, other)
        for pair, one, other in zip(pairs, quiet[0], loaded[0], strict=True)
        if one != other
    ]
    return {
        "n": len(pairs),
        "busy_processes": len(busy),
        "differing": differing,
        "workers_started": [quiet[1], loaded[1]],
    }


def verdicts_of(pairs: list[tuple[str, str]]) -> tuple[list[str], int]:
    with Grader(workers=2) as grader:
        grades = grader.grade_many(pairs)
        return [f"{got.correct} {got.reason}" for got in grades], grader.counts.started - grader.counts.killed
