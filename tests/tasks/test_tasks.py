"""The chain world: exact answers, no way round a step, sides of the split that never meet."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.grading import grade
from leadline.tasks import ChainWorld, TraceStyle, trace, wrap
from leadline.tasks.chain import OPERATIONS, Chain, run_chain, sample_chain, split_of

ALL = [(a, b, c) for a in range(10) for b in range(10) for c in range(10)]
chains = st.builds(
    Chain,
    st.sampled_from(ALL),
    st.lists(st.sampled_from(sorted(OPERATIONS)), min_size=1, max_size=6, unique=True).map(tuple),
)


def test_worked_by_hand() -> None:
    # 407: a+3 -> 707; rev -> 707; c-1 -> 706; rot -> 067; swp -> 607; b-1 -> 697
    assert run_chain((4, 0, 7), ("a+3", "rev", "c-1", "rot", "swp", "b-1")) == (
        "707", "707", "706", "067", "607", "697",
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_is_a_bijection(name: str) -> None:
    assert len({OPERATIONS[name](value) for value in ALL}) == 1000


def test_no_answer_is_guessed_more_than_once_in_a_hundred() -> None:
    problems = ChainWorld().problems(random.Random(0), 6000, "train")
    [(_, most)] = Counter(problem.answer for problem in problems).most_common(1)
    assert most / 6000 < 0.01
    assert not any(
        problem.prompt.startswith(problem.answer) for problem in problems
    )  # nor by repeating the start


@given(chains, st.sampled_from(ALL))
def test_every_step_matters(chain: Chain, other: tuple[int, int, int]) -> None:
    """Two starts that differ never end alike, so no early step is ever lost."""
    if other != chain.start:
        assert run_chain(other, chain.operations)[-1] != chain.answer


def test_order_matters() -> None:
    assert run_chain((4, 0, 7), ("a+3", "rot")) != run_chain((4, 0, 7), ("rot", "a+3"))


def test_train_validation_and_test_never_meet() -> None:
    world = ChainWorld(steps=(1, 2))  # the smallest worlds are the ones where chance would make them meet
    names = ("train", "valid", "test")
    sides = {split: {p.id for p in world.problems(random.Random(1), 800, split)} for split in names}
    assert not sides["train"] & sides["test"]
    assert not sides["train"] & sides["valid"]
    assert not sides["valid"] & sides["test"]
    learned = {problem.id for problem, _ in world.examples(random.Random(2), 3000)}
    assert not learned & (sides["test"] | sides["valid"])


@given(chains)
def test_the_side_depends_on_the_problem_alone(chain: Chain) -> None:
    assert split_of(chain) == split_of(Chain(chain.start, chain.operations))


def test_deterministic_from_a_seed_and_distinct() -> None:
    world = ChainWorld()
    draw = [world.problems(random.Random(seed), 60, "train") for seed in (0, 0, 1)]
    assert draw[0] == draw[1]
    assert draw[0] != draw[2]
    assert len({problem.id for problem in draw[0]}) == 60
    assert Counter(problem.difficulty for problem in draw[0]) == {float(n): 10 for n in range(1, 7)}


class TestTraces:
    @given(chains)
    def test_gold_traces_are_right_and_graded_right(self, chain: Chain) -> None:
        thinking, answer = trace(chain, TraceStyle(), random.Random(0))
        assert answer == chain.answer
        assert thinking.count("=") == len(chain.operations)
        assert grade(wrap(thinking, answer), chain.answer).correct is True

    @given(chains, st.integers(0, 1000))
    def test_checks_repair_every_slip(self, chain: Chain, seed: int) -> None:
        thinking, answer = trace(chain, TraceStyle(slip=0.5, check=1.0), random.Random(seed))
        assert answer == chain.answer
        assert thinking.count(" check ") == len(chain.operations)

    def test_unchecked_slips_spoil_the_answer(self) -> None:
        rng = random.Random(3)
        chain = [sample_chain(rng, 4, "train") for _ in range(500)]
        wrong = sum(trace(c, TraceStyle(slip=0.2), rng)[1] != c.answer for c in chain)
        # 1 - 0.8^4 = 0.59 slip somewhere; two slips seldom undo each other
        assert 0.52 < wrong / 500 < 0.66

    def test_written_out(self) -> None:
        chain = Chain((4, 0, 7), ("a+3",))
        thinking, answer = trace(chain, TraceStyle(slip=1.0, check=1.0), random.Random(0))
        first = thinking[len(" a+3=") :][:3]
        assert first != "707"
        assert thinking == f" a+3={first} check 407 a+3=707 fix 407 a+3=707"
        assert answer == "707"

    def test_lengths_of_the_same_problem_differ_by_a_factor(self) -> None:
        chain = Chain((4, 0, 7), ("a+3", "rev", "c-1"))
        plain = len(trace(chain, TraceStyle(), random.Random(0))[0])
        checked = len(trace(chain, TraceStyle(check=1.0), random.Random(0))[0])
        assert checked > 2 * plain
