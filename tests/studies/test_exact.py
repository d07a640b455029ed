"""Exact policies against naive references: teacher forcing string by string, and sampling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save

from leadline.engine.prompts import Prompts
from leadline.engine.sampler import SamplingConfig, sample
from leadline.errors import InputError
from leadline.model import Decoder
from leadline.seeds import python_rng
from leadline.studies.design.axes import AXES, find_axis
from leadline.studies.design.axes.composition import split_pairs
from leadline.studies.design.cell import DOSES, ArmTask, Axis, BaseTask, Cell, Scale
from leadline.studies.design.source import EOS, Encoding, Item, Source, draw_distinct, draw_item, side_of
from leadline.studies.experiment.exact import exact_correct_mass, policies
from leadline.studies.experiment.pretraining import load_base, new_model, pretrain, pretraining_item
from leadline.studies.experiment.student import Student
from leadline.tasks.machines import find_machine

MACHINE = find_machine("strings4")
ENCODING = Encoding(MACHINE)
PROGRAMS = (("shl",), ("rev", "rmp"))
SCALE = Scale(hidden=16, layers=1, heads=2, pretraining_steps=3, batch=8)


def peaked_model() -> Decoder:
    source = Source(PROGRAMS, (3,), machine="strings4")
    task = BaseTask("x", Cell("c", ((1.0, source),), source), SCALE, 0)
    return new_model(task).initialise(torch.Generator().manual_seed(1), 0.4)


def items(size: int = 3, count: int = 5) -> list[Item]:
    return draw_distinct(
        Source(PROGRAMS, (size,), machine="strings4"), python_rng("items"), "held_out", count
    )


@torch.no_grad()
def naive_probability(model: Decoder, item: Item, answer: list[int]) -> float:
    """One string, token by token, the whole context computed anew every time."""
    context, total = ENCODING.prompt(item), 0.0
    for token in answer:
        hidden, _ = model(torch.tensor([context]))
        total += float(model.logits(hidden)[0, -1].double().log_softmax(-1)[token])
        context = [*context, token]
    return float(np.exp(total))


def test_every_answer_has_its_teacher_forced_probability() -> None:
    model, found = peaked_model(), items()
    exact = policies(model, found, ENCODING)
    letters = ENCODING.letters(0)
    for row, item in enumerate(found[:2]):
        for index, state in list(enumerate(MACHINE.states(3)))[::7]:
            said = naive_probability(model, item, [*(letters[s] for s in state), EOS])
            assert exact.probabilities[row, index] == pytest.approx(said, rel=1e-4)
    assert np.allclose(exact.probabilities.sum(1), 1)
    assert exact.probabilities.shape == (5, 4**3 + 1)


def test_correct_mass_is_the_probability_of_the_one_right_answer() -> None:
    model, found = peaked_model(), items()
    naive = [naive_probability(model, item, ENCODING.answer(item)) for item in found]
    assert np.allclose(exact_correct_mass(model, found, ENCODING), naive, rtol=1e-4)
    assert np.allclose(policies(model, found, ENCODING).mass, naive, rtol=1e-4)
    mixed = [*items(3, 3), *items(5, 3)]
    assert np.allclose(
        exact_correct_mass(model, mixed, ENCODING),
        [naive_probability(model, item, ENCODING.answer(item)) for item in mixed],
        rtol=1e-4,
    )


def test_sampling_agrees_with_the_exact_policy() -> None:
    model, (item, *_) = peaked_model(), items()
    exact = policies(model, [item], ENCODING)
    n = 20_000
    prompts, generator = Prompts.pad([ENCODING.prompt(item)]), torch.Generator().manual_seed(3)
    rollouts = sample(model, prompts, n, SamplingConfig(4), eos=EOS, generator=generator)
    letters = ENCODING.letters(0)
    strings = {(*(letters[s] for s in state), EOS): i for i, state in enumerate(MACHINE.states(3))}
    rows = zip(rollouts.tokens.tolist(), rollouts.lengths.tolist(), strict=True)
    drawn = np.bincount([strings.get(tuple(row[:size]), 64) for row, size in rows], minlength=65) / n
    error = np.sqrt(exact.probabilities[0] * (1 - exact.probabilities[0]) / n)
    assert (np.abs(drawn - exact.probabilities[0]) < 5 * error + 1e-4).all()
    assert exact.probabilities[0, -1] > 0.05  # the malformed rest is part of the comparison


def test_mixed_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="share size"):
        policies(peaked_model(), [*items(3, 1), *items(4, 1)], ENCODING)
    with pytest.raises(ValueError, match="few enough"):
        policies(peaked_model(), items(6, 1), ENCODING)


@pytest.mark.parametrize("name", AXES)
def test_pretraining_contains_what_the_cell_says_and_no_measured_problem(name: str) -> None:
    axis = find_axis(name)
    for cell in axis.cells:
        drawn = [pretraining_item(cell, python_rng(0, "t", i)) for i in range(600)]
        assert {side_of(item) for item in drawn} == {"pretraining"}
        asked = {(p, cell.asked.vocabulary) for p in cell.asked.programs}
        other = {(p, s.vocabulary, n) for _, s in cell.pretraining for p in s.programs for n in s.sizes}
        foreign = [i for i in drawn if (i.program, i.vocabulary, len(i.state)) not in other]
        assert all((item.program, item.vocabulary) in asked for item in foreign)
        if cell.role == "saturation":
            assert not foreign
        else:
            assert len(foreign) == pytest.approx(600 * cell.overlap, abs=4 * np.sqrt(600 * cell.overlap + 1))


def test_axes_have_the_whole_dose_grid() -> None:
    for name in AXES:
        doses = [cell for cell in find_axis(name).cells if cell.role == "dose"]
        assert tuple(cell.overlap for cell in doses) == DOSES
        assert len({cell.asked for cell in doses}) == 1


def test_sides_are_an_eighth_each_and_both_alphabets_share_them() -> None:
    source = Source(find_machine("strings").programs(2))
    drawn = [
        Item(state, program) for program in source.programs for state in find_machine("strings").states(2)
    ]
    share = np.mean([side_of(item) == "held_out" for item in drawn])
    assert share == pytest.approx(1 / 8, abs=0.04)
    assert all(side_of(item) == side_of(item._replace(vocabulary=1)) for item in drawn)


def test_pairs_are_halved_so_that_each_half_uses_every_operation() -> None:
    seen, unseen = split_pairs(find_machine("strings"))
    assert len(seen) == len(unseen) == 15
    assert not set(seen) & set(unseen)


def test_shared_embeddings_make_the_alphabets_interchangeable() -> None:
    axis = find_axis("tokens")
    task = BaseTask("tokens", axis.cell("shared embeddings"), SCALE, 0)
    model = load_base(task, pretrain(task))
    encoding = Encoding(find_machine("strings"))
    item = draw_item(task.cell.asked, python_rng("x"), "held_out")
    first = torch.tensor([encoding.prompt(item._replace(vocabulary=0))])
    second = torch.tensor([encoding.prompt(item)])
    assert not torch.equal(first, second)
    assert torch.equal(model(first)[0], model(second)[0])


def test_sources_that_run_dry_say_so() -> None:
    with pytest.raises(InputError, match="fewer than 20"):
        draw_distinct(Source((("shl",),), (3,), machine="strings4"), python_rng("x"), "held_out", 20)


def test_a_pool_takes_what_there_is_but_not_less_than_is_measured() -> None:
    source = Source((("shl",),), (3,), machine="strings4")
    sides = [side_of(Item(state, ("shl",))) for state in MACHINE.states(3)]
    assert (
        len(draw_distinct(source, python_rng("x"), "held_out", 20, fewest=2)) == sides.count("held_out") < 20
    )
    with pytest.raises(InputError, match="fewer than 19"):
        draw_distinct(source, python_rng("x"), "held_out", 20, fewest=19)


def test_reinforcement_learning_draws_from_the_pool_and_never_from_what_is_held_out() -> None:
    axis = find_axis("depth")
    scale = Scale(hidden=16, layers=1, heads=2, pool=40, trained=8, held_out=8, prompts=16, group=2)
    base = BaseTask("depth", axis.cell(axis.main), scale, 0)
    weights = save({name: tensor.contiguous() for name, tensor in new_model(base).state_dict().items()})
    student = Student(ArmTask(base, "grpo", (1,)), weights)
    asked = {item for step in range(30) for item in student.problems(step)}
    assert asked == set(student.pool)
    assert set(student.trained) < asked
    assert not asked & set(student.held_out)
    assert all(len(set(student.problems(step))) == 16 for step in range(5))
    assert student.problems(3) == Student(ArmTask(base, "lead", (1,)), weights).problems(3)


def test_cells_and_axes_that_contradict_themselves_are_refused() -> None:
    source = Source((("shl",),))
    with pytest.raises(InputError) as caught:
        Cell("c", (), source, overlap=1.0, budget=0)
    assert len(caught.value.problems) == 3
    with pytest.raises(InputError, match="same machine"):
        Cell("c", ((1.0, Source((("+1",),), (2,), machine="arithmetic")),), source)
    cell = Cell("c", ((1.0, source),), source)
    with pytest.raises(InputError, match="two cells") as caught:
        Axis("a", "?", (cell, cell), main="d")
    assert len(caught.value.problems) == 2
