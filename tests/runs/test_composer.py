"""Answers in two parts: what is asked, what is graded, what is imitated; by the example of docs/trainers.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from leadline.errors import ConfigError
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import PolicyConfig
from leadline.rewards import Scorer
from leadline.runs.backends import check_recipe
from leadline.runs.backends.lifting import named_split
from leadline.runs.composer import Composer
from leadline.samplers import Draw, Sampling
from leadline.tasks.chain import OPERATIONS, run_chain
from leadline.types import Completion, Problem

ROOT = Path(__file__).resolve().parents[2]

CHAIN = Problem("c", "910: swp a+3 rot\n", "904")  # 910 swp 190 a+3 490 rot 904
RL = PolicyConfig(group_size=8, max_tokens=60)


class KnowsPairs:
    """A sampler that carries out up to two operations and gives up on three; its first draw is always wrong."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def generate(
        self, problems: Sequence[Problem], n: int, sampling: Sampling, *, done: Any = frozenset()
    ) -> Iterator[Draw]:
        self.seeds = [*getattr(self, "seeds", []), sampling.seed]
        for problem in problems:
            self.asked.append(problem.prompt)
            start, _, operations = problem.prompt.strip().partition(": ")
            names = operations.split()
            values = run_chain(tuple(map(int, start)), tuple(names))
            thinking = "".join(f" {name}={value}" for name, value in zip(names, values, strict=True))
            for index in range(n):
                good = len(names) < 3 and (n == 1 or index > 0)
                text = f"<think>{thinking}</think><answer>{values[-1]}</answer>" if good else "<think>"
                yield Draw(index, Completion(problem.id, text, 9, finished=good))


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    text = (ROOT / "docs" / "trainers.md").read_text()
    (code,) = re.findall(r"```python\n(\"\"\"A chain of operations.*?)```", text, re.S)
    (tmp_path / "my_parts.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_parts", raising=False)
    return "my_parts:halves"


def composer(split: str, sampler: KnowsPairs, scorer: Any, seed: int = 3) -> Composer:
    return Composer(named_split(split), sampler, scorer, RL, seed)  # type: ignore[arg-type]


def test_a_chain_that_is_right_comes_back_whole(example: str) -> None:
    assert run_chain((9, 1, 0), ("swp", "a+3", "rot"))[-1] == CHAIN.answer
    assert set(CHAIN.prompt.split()[1:]) <= OPERATIONS.keys()
    sampler = KnowsPairs()
    one_step = Problem("o", "910: swp\n", "190")
    with Scorer({"accuracy": 1.0}) as scorer:
        found = composer(example, sampler, scorer)([CHAIN, one_step], 0)
        again = composer(example, KnowsPairs(), scorer)([CHAIN, one_step], 0)
        wrong = composer(example, KnowsPairs(), scorer)([Problem("c", CHAIN.prompt, "111")], 0)
    ((problem, text),) = found
    assert problem is CHAIN  # one operation has no parts
    assert text == "<think> swp=190 a+3=490 rot=904</think><answer>904</answer>"
    assert again == found
    assert wrong == []  # what the scorer refuses is not imitated
    first, *rest = sampler.asked
    assert first in ("910: swp\n", "910: swp a+3\n")
    assert set(rest) == {"190: a+3 rot\n" if first == "910: swp\n" else "490: rot\n"}
    assert len(rest) == RL.group_size // 2 - 1  # the one that did not finish has no rest
    assert len(set(sampler.seeds)) == 2


def test_other_steps_draw_other_noise(example: str) -> None:
    seen = set()
    with Scorer({"accuracy": 1.0}) as scorer:
        for step in range(8):
            sampler = KnowsPairs()
            composer(example, sampler, scorer)([CHAIN], step)
            seen |= {*sampler.seeds, sampler.asked[0]}
    assert len(seen) == 16 + 2  # two seeds a step; both cuts


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("return 1", "raised TypeError"),
        ("return (1, str)", "the first part is a int"),
        ("raise KeyError('x')", "raised KeyError"),
        ("return (problem.prompt, lambda said: 1 / 0)", "raised ZeroDivisionError"),
    ],
)
def test_what_a_users_function_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, why: str
) -> None:
    (tmp_path / "bad_parts.py").write_text(f"def split(problem, rng):\n    {body}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "bad_parts", raising=False)
    with (
        Scorer({"accuracy": 1.0}) as scorer,
        pytest.raises(ConfigError, match=f"lift 'bad_parts:split': {why}"),
    ):
        composer("bad_parts:split", KnowsPairs(), scorer)([Problem("o", "910: swp\n", "190")], 0)


def test_functions_that_are_not_there_are_refused_at_the_start() -> None:
    for planning in (False, True):
        with pytest.raises(ConfigError, match=r"arms\.a\.lift: .*no module named"):
            check_recipe(parse_recipe("arms: {a: {lift: absent_parts:split}}"), None, planning=planning)
    with pytest.raises(ConfigError, match=r"arms\.a\.lift"):
        parse_recipe("arms: {a: {lift: everything}}")
