"""Problem families for a small language model, from what it does nearly always to what it never does.

Each is a JSONL file of problems, made once (``write_tasks``), so that a machine without reasoning-gym can use them.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from leadline.data import load_problems

__all__ = ["PACE_TASKS", "TASKS", "Row", "different", "plus", "sums", "write_rows", "write_tasks"]

SIZE = 1200
Row = tuple[str, str]


def copies(rng: random.Random) -> Row:
    """A number to be said again."""
    number = rng.randrange(10, 10_000)
    return f"Say this number again, and nothing else: {number}", str(number)


def larger(rng: random.Random) -> Row:
    """The larger of two numbers below 100."""
    a, b = rng.sample(range(1, 100), 2)
    return f"Which number is larger, {a} or {b}?", str(max(a, b))


def sums(rng: random.Random, low: int, high: int, terms: int) -> Row:
    """A sum in words."""
    numbers = [rng.randrange(low, high) for _ in range(terms)]
    return f"What is {' + '.join(map(str, numbers))}?", str(sum(numbers))


def products(rng: random.Random) -> Row:
    a, b = rng.randrange(2, 21), rng.randrange(2, 11)
    return f"What is {a} x {b}?", str(a * b)


def stories(rng: random.Random) -> Row:
    """A word problem of one step, numbers to 9."""
    name, thing = (
        rng.choice(("Anna", "Ben", "Mia", "Tom")),
        rng.choice(("apples", "books", "coins", "stones")),
    )
    a, b = rng.randrange(2, 10), rng.randrange(2, 10)
    if a > b and rng.random() < 0.5:
        return f"{name} has {a} {thing} and gives {b} away. How many {thing} are left?", str(a - b)
    return f"{name} has {a} {thing} and finds {b} more. How many {thing} does {name} have now?", str(a + b)


THINGS = (
    "apples",
    "bread",
    "candles",
    "eggs",
    "flour",
    "honey",
    "milk",
    "nuts",
    "paper",
    "rice",
    "salt",
    "tea",
)


def asked(question: str, number: int, answer: object) -> Row:
    return question.format(number), str(answer)


def minus(a: int, b: int) -> Row:
    return f"What is {a} - {b}?", str(a - b)


def plus(a: int, b: int) -> Row:
    return f"What is {a} + {b}?", str(a + b)


def after(number: int) -> Row:
    return f"Which number comes right after {number}?", str(number + 1)


def smaller(pair: Sequence[int]) -> Row:
    return f"Which number is smaller, {pair[0]} or {pair[1]}?", str(min(pair))


def largest(numbers: Sequence[int]) -> Row:
    return f"Which is the largest of {', '.join(map(str, numbers))}?", str(max(numbers))


def missing(a: int, b: int) -> Row:
    return f"{a} + ? = {a + b}. Which number is missing?", str(b)


def listed(things: Sequence[str]) -> Row:
    return f"How many items are in this list: {', '.join(things)}?", str(len(things))


GENERATED: dict[str, Callable[[random.Random], Row]] = {
    "copy a number": copies,
    "the larger of two": larger,
    "small sums": lambda rng: sums(rng, 1, 21, 2),
    "small products": products,
    "three 1-digit terms": lambda rng: sums(rng, 1, 10, 3),
    "2-digit sums": lambda rng: sums(rng, 10, 100, 2),
    "word problems": stories,
}
PACE_TASKS: dict[str, Callable[[random.Random], Row]] = {
    "differences": lambda rng: minus(*sorted(rng.sample(range(1, 30), 2), reverse=True)),
    "next number": lambda rng: after(rng.randrange(10, 1000)),
    "twice": lambda rng: asked("What is twice {}?", n := rng.randrange(2, 600), 2 * n),
    "half": lambda rng: asked("What is half of {}?", 2 * (n := rng.randrange(2, 600)), n),
    "the smaller of two": lambda rng: smaller(rng.sample(range(1, 100), 2)),
    "the largest of three": lambda rng: largest(rng.sample(range(1, 60), 3)),
    "last digit": lambda rng: asked("What is the last digit of {}?", n := rng.randrange(100, 9000), n % 10),
    "round tens": lambda rng: plus(10 * rng.randrange(1, 60), 10 * rng.randrange(1, 60)),
    "hours": lambda rng: asked("How many minutes are {} hours?", n := rng.randrange(2, 600), 60 * n),
    "missing term": lambda rng: missing(rng.randrange(1, 40), rng.randrange(1, 40)),
    "items in a list": lambda rng: listed(rng.sample(THINGS, rng.randrange(2, 7))),
    "digits backwards": lambda rng: asked("Write {} backwards.", n := rng.randrange(12, 5000), str(n)[::-1]),
}
"""Families that no other benchmark asks: the pace of learning is taken from these, and judged on the others."""
GYM = {
    "letter counting": "gym:letter_counting?size=1200,seed=1,min_words=3,max_words=6",
    "equations": "gym:simple_equations?size=1200,seed=1,max_terms=2,max_value=10",
}
FILES = {"GSM8K": ("gsm8k_test.jsonl", "gsm8k")}
"""Family -> its file in the folder LEADLINE_DATA, and the known set where there is none."""
TASKS = (*GENERATED, *GYM, *FILES)


def write_tasks(folder: Path, names: Sequence[str] = TASKS) -> dict[str, Path]:
    """A file per family under ``folder``; those that are there are kept, those that cannot be made are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name in names:
        path = folder / f"{name.replace(' ', '-')}.jsonl"
        if not path.is_file():
            try:
                rows = list(_rows(name))
            except Exception as fault:
                print(f"{name}: left out: {fault}")
                continue
            write_rows(path, rows)
        files[name] = path
    return files


def write_rows(path: Path, rows: Iterable[Row]) -> Path:
    """The file of these problems."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"prompt": p, "answer": a}) + "\n" for p, a in rows))
    return path


def different(name: str, made: Callable[[random.Random], Row], size: int = SIZE) -> Iterator[Row]:
    """At most ``size`` different problems of a family, the same ones whenever they are made."""
    rng, seen = random.Random(name), set()
    for _ in range(20 * size):
        row = made(rng)
        if row[0] not in seen and len(seen) < size:
            seen.add(row[0])
            yield row


def _rows(name: str) -> Iterator[Row]:
    made = GENERATED.get(name) or PACE_TASKS.get(name)
    if made is not None:
        yield from different(name, made)
        return
    if name in GYM:
        found = load_problems(GYM[name])
    else:
        file, known = FILES[name]
        path = Path(os.environ.get("LEADLINE_DATA", ".")) / file
        found = load_problems(str(path)) if path.is_file() else load_problems(known, split="test")
    for problem in found.problems:
        yield problem.prompt, problem.answer
