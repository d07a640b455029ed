"""A run that was stopped anywhere draws what one that was not draws: texts, lengths and their order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from leadline.samplers import Sampler, Sampling
from leadline.samplers.local import LocalSampler
from leadline.samplers.transformers import TransformersSampler
from leadline.types import Problem
from tiny_model import save_tiny_model

PROBLEMS = [Problem(f"p{i}", f"{i} + {'1 + ' * (i % 3)}1 =", str(i)) for i in range(5)]
SAMPLING = Sampling(12, seed=3)
SAMPLERS: dict[str, Callable[[Path], Sampler]] = {
    "local": lambda folder: LocalSampler(folder, device="cpu", batch_size=8),
    "transformers": lambda folder: TransformersSampler(folder, device="cpu", batch_size=8),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "m")


@pytest.fixture(params=SAMPLERS)
def sampler(request: pytest.FixtureRequest, folder: Path) -> Sampler:
    return SAMPLERS[request.param](folder)


def test_what_follows_a_stop_is_what_would_have_followed(sampler: Sampler) -> None:
    whole = list(sampler.generate(PROBLEMS, 4, SAMPLING))
    assert len({draw.completion.text for draw in whole}) > 10
    for stop in (0, 3, 8, 9, 16, 18, 19):  # within a batch, between two, and within the last problem of all
        done = {draw.key for draw in whole[:stop]}
        assert list(sampler.generate(PROBLEMS, 4, SAMPLING, done=done)) == whole[stop:], stop


def test_so_it_is_where_more_samples_of_a_problem_were_asked_for(sampler: Sampler) -> None:
    there = {draw.key for draw in sampler.generate(PROBLEMS, 1, SAMPLING)}
    more = list(sampler.generate(PROBLEMS, 4, SAMPLING, done=there))
    assert len(more) == 15
    for stop in (2, 7, 11):
        done = there | {draw.key for draw in more[:stop]}
        assert list(sampler.generate(PROBLEMS, 4, SAMPLING, done=done)) == more[stop:], stop


def test_the_noise_of_a_sample_is_its_own(folder: Path) -> None:
    def drawn(sampler: LocalSampler, problems: list[Problem], n: int) -> dict[tuple[str, int], str]:
        return {draw.key: draw.completion.text for draw in sampler.generate(problems, n, SAMPLING)}

    sampler = LocalSampler(folder, device="cpu")
    all_of_them = drawn(sampler, PROBLEMS, 6)
    for others in (
        drawn(sampler, PROBLEMS[3:], 6),
        drawn(sampler, PROBLEMS[::-1], 2),
        drawn(LocalSampler(folder, device="cpu", batch_size=1), PROBLEMS, 6),
    ):
        assert others == {key: all_of_them[key] for key in others}
    assert len(set(all_of_them.values())) > len(all_of_them) / 2
