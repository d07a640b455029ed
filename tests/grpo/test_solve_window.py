"""The window finds the problems that teach, lets go of those that do not, takes them back, and resumes exactly."""

from __future__ import annotations

import json
import random
from statistics import fmean

import pytest

from leadline.grpo.solve_window import SolveWindow, mixed_chance
from leadline.types import Problem

RATES = {f"p{i}": rate for i, rate in enumerate([0.0] * 40 + [0.5] * 20 + [1.0] * 40)}
POOL = [Problem(name, name, "1") for name in RATES]


def asked(window: SolveWindow, step: int, rates: dict[str, float], noise: random.Random) -> list[Problem]:
    chosen = window.choose(POOL, 20, random.Random(step))
    window.learn((p, noise.random() < rates[p.id]) for p in chosen for _ in range(8))
    return chosen


def test_chance_of_a_mixed_group() -> None:
    assert mixed_chance(0.5, 2) == pytest.approx(0.5)
    assert mixed_chance(0.9, 8) == pytest.approx(1 - 0.9**8 - 0.1**8)


def test_it_finds_the_fifth_of_the_problems_that_teach() -> None:
    window, noise = SolveWindow(8), random.Random(7)
    shares = [fmean(RATES[p.id] == 0.5 for p in asked(window, step, RATES, noise)) for step in range(40)]
    assert fmean(shares[:2]) < 0.4
    assert fmean(shares[-10:]) > 0.6


def test_a_retired_problem_comes_back_when_its_past_is_forgotten() -> None:
    window = SolveWindow(8)
    problem = Problem("hard", "?", "1")
    window.learn([(problem, False)] * 200)
    assert window.retired([problem]) == ["hard"]
    other = Problem("other", "?", "1", difficulty=9)
    for _ in range(600):
        window.learn([(other, True)])
    assert window.retired([problem]) == []


def test_what_is_known_beforehand_is_used_from_the_first_step_on() -> None:
    window = SolveWindow(8)
    window.begin((p, 12 * RATES[p.id], 12) for p in POOL)
    assert fmean(RATES[p.id] == 0.5 for p in window.choose(POOL, 20, random.Random(0))) > 0.8


def test_a_thousand_completions_known_beforehand_do_not_outweigh_those_to_come() -> None:
    window, problem = SolveWindow(8), Problem("p", "?", "1")
    window.begin([(problem, 1000, 1000)])
    window.learn([(problem, False)] * 16)
    assert window.rate(problem) < 0.6
    window.begin([(problem, 0, 0)])
    assert window.rate(problem) < 0.6


def test_problems_asked_once_in_a_long_while_are_remembered() -> None:
    window, noise = SolveWindow(8), random.Random(7)
    pool = [Problem(f"q{i}", "?", "1") for i in range(1000)]
    rates = {p.id: 0.5 if i % 5 == 0 else 1.0 for i, p in enumerate(pool)}

    def share_of_mixed(step: int) -> float:
        candidates = [pool[(step * 40 + i) % 1000] for i in range(40)]
        chosen = window.choose(candidates, 10, random.Random(step))
        window.learn((p, noise.random() < rates[p.id]) for p in chosen for _ in range(8))
        return fmean(rates[p.id] == 0.5 for p in chosen)

    shares = [share_of_mixed(step) for step in range(200)]
    assert fmean(shares[:20]) < 0.4
    assert fmean(shares[-25:]) > 0.5, "a fifth without any memory"


def test_levels_speak_for_problems_that_were_never_asked() -> None:
    window = SolveWindow(8)
    window.learn([(Problem("a", "?", "1", difficulty=1), True)] * 60)
    window.learn(
        [(Problem("b", "?", "1", difficulty=6), False), (Problem("b", "?", "1", difficulty=6), True)] * 30
    )
    new = [Problem(f"n{i}", "?", "1", difficulty=level) for i, level in enumerate([1, 6] * 20)]
    chosen = window.choose(new, 20, random.Random(0))
    assert fmean(p.difficulty == 6 for p in chosen) > 0.8


def test_what_was_saved_goes_on_as_if_nothing_had_happened() -> None:
    whole, noise = SolveWindow(8), random.Random(3)
    for step in range(5):
        asked(whole, step, RATES, noise)
    again = SolveWindow(8)
    again.restore(json.loads(json.dumps(whole.saved())))
    assert again.choose(POOL, 20, random.Random(5)) == whole.choose(POOL, 20, random.Random(5))
    assert again.saved() == whole.saved()


def test_completions_that_could_not_be_graded_say_nothing() -> None:
    window, problem = SolveWindow(8), Problem("a", "?", "1", difficulty=1)
    window.learn([(problem, True), (problem, None), (problem, False), (problem, None)])
    assert window.saved() == {"id/a": [1.0, 1.0], "level/1": [1.0, 1.0]}


def test_a_problem_is_asked_again_only_once_the_others_are_asked() -> None:
    window, pool = SolveWindow(8), [Problem(str(i), "?", "1") for i in range(3)]
    window.begin([(pool[0], 4, 8), (pool[1], 0, 16), (pool[2], 0, 16)])  # the first is by far the best
    for seed in range(20):
        chosen = window.choose(pool * 4, 3, random.Random(seed))
        assert sorted(problem.id for problem in chosen) == ["0", "1", "2"]
        assert len(window.choose(pool * 4, 5, random.Random(seed))) == 5
