"""What a recipe trains on: every draw a function of seed and step, and sides that never meet."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict

from leadline.errors import DataError
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.runs.training_data import FileMaterial, WorldMaterial, open_material


def write(path: Path, count: int = 100, **columns: object) -> Path:
    rows = [{"prompt": f"What is {i} + {i}?", "answer": str(2 * i), **columns} for i in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def recipe(train: Path, **data: object) -> Recipe:
    return parse_recipe(json.dumps({"data": {"train": str(train), **data}}))


def test_worlds_draw_by_seed_and_step() -> None:
    material = open_material(Recipe())
    assert isinstance(material, WorldMaterial)
    assert material.train(3, 8) == material.train(3, 8)
    assert material.train(3, 8) != material.train(4, 8)
    assert all(problem.difficulty == 1 for problem, _ in material.examples(0, 8, most=1))
    other = open_material(Recipe(seed=1))
    assert other.train(3, 8) != material.train(3, 8)
    assert other.test(20) == material.test(20)  # seeds differ by training, not by what they are asked


class TestFiles:
    def test_every_problem_once_an_epoch_in_a_new_order(self, tmp_path: Path) -> None:
        material = open_material(recipe(write(tmp_path / "p.jsonl")))
        assert isinstance(material, FileMaterial)
        size = len(material.training)
        drawn = [p.id for step in range(4 * size) for p in material.train(step, 3)]
        epochs = [drawn[i * size : (i + 1) * size] for i in range(12)]
        for epoch in epochs:
            assert Counter(epoch) == Counter(p.id for p in material.training)
        assert epochs[0] != epochs[1]

    def test_splits_columns_and_golds_for_graders_of_ones_own(self, tmp_path: Path) -> None:
        rows = [{"q": f"What is {i} + {i}?", "a": {"final": f"\\frac{{{i}"}} for i in range(40)]
        sets = {"easy": Dataset.from_list(rows[:10]), "hard": Dataset.from_list(rows[10:])}
        DatasetDict(sets).save_to_disk(tmp_path / "set")
        test = write(tmp_path / "test.jsonl", 3)
        settings = {"split": "hard", "columns": {"prompt": "q", "answer": "a.final"}}
        with pytest.raises(DataError, match="say which split; there are easy, hard"):
            open_material(recipe(tmp_path / "set", evaluation=str(test)))
        with pytest.raises(DataError, match=r"set:1: .*frac"):  # no gold for our grader
            open_material(recipe(tmp_path / "set", evaluation=str(test), **settings))
        data = {"train": str(tmp_path / "set"), "evaluation": str(test), **settings}
        graders = {"arms": {"a": {"grader": "my:grader"}}, "evaluation": {"grader": "my:grader"}}
        material = open_material(parse_recipe(json.dumps({"data": data, **graders})))
        assert isinstance(material, FileMaterial)
        assert len(material.training) + len(material.held_out) == 30
        assert material.training[0].answer.startswith("\\frac")
        assert [problem.answer for problem in sorted(material.measured, key=lambda p: p.answer)] == [
            "0",
            "2",
            "4",
        ]
        one = graders | {"arms": {"a": {"grader": "my:grader"}, "b": {}}}
        with pytest.raises(DataError, match=r"set:1: .*frac"):
            open_material(parse_recipe(json.dumps({"data": data, **one})))

    def test_sides_never_meet(self, tmp_path: Path) -> None:
        material = open_material(recipe(write(tmp_path / "p.jsonl", 400)))
        assert isinstance(material, FileMaterial)
        sides = [{p.id for p in side} for side in (material.training, material.held_out, material.measured)]
        assert sum(map(len, sides)) == 400 == len(set.union(*sides))
        assert 20 < len(sides[2]) < 60  # a tenth, by hash
        assert 5 < len(sides[1]) < 40

    def test_overlap_with_the_evaluation_is_refused(self, tmp_path: Path) -> None:
        train = write(tmp_path / "train.jsonl")
        with pytest.raises(DataError, match=r"train\.jsonl"):
            open_material(recipe(train, evaluation=str(write(tmp_path / "test.jsonl", 3))))

    def test_duplicates_are_named_and_used_once(self, tmp_path: Path) -> None:
        path = write(tmp_path / "p.jsonl", 50)
        path.write_text(path.read_text() * 2)
        material = open_material(recipe(path))
        assert isinstance(material, FileMaterial)
        assert len(material.training) + len(material.held_out) + len(material.measured) == 50
        assert any("50 duplicates" in note for note in material.notes)

    def test_curriculum_by_difficulty_and_solve_rate(self, tmp_path: Path) -> None:
        path = tmp_path / "p.jsonl"
        rows = [
            {"prompt": f"What is {i} + 1?", "answer": str(i + 1), "difficulty": i % 4, "solve_rate": i % 2}
            for i in range(200)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        material = open_material(recipe(path, min_difficulty=2.0))
        assert isinstance(material, FileMaterial)
        assert {p.difficulty for p in material.training} == {2.0, 3.0}
        assert {p.difficulty for p in material.measured} == {0.0, 1.0, 2.0, 3.0}  # only training is selected
        assert any("left out" in note for note in material.notes)

    def test_samples_say_what_is_known_and_choose_the_problems(self, tmp_path: Path) -> None:
        path = write(tmp_path / "p.jsonl", 100)
        plain = open_material(recipe(path))
        assert isinstance(plain, FileMaterial)
        assert plain.known == ()
        samples = tmp_path / "base.jsonl"
        rows = [
            {"problem_id": p.id, "completion": "?", "n_tokens": 1, "finished": True, "correct": n <= i % 4}
            for i, p in enumerate(plain.training)
            for n in range(1, 4)
        ]
        samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        chosen = open_material(recipe(path, samples=str(samples), solve_rate=[0.3, 0.7]))
        assert isinstance(chosen, FileMaterial)
        assert [p.id for p in chosen.training] == [
            p.id for i, p in enumerate(plain.training) if i % 4 in (1, 2)
        ]
        assert {(right, number) for _, right, number in chosen.known} == {(1.0, 3.0), (2.0, 3.0)}
        assert [p.id for p, _, _ in chosen.known] == [p.id for p in chosen.training]

    def test_samples_of_other_problems_are_refused(self, tmp_path: Path) -> None:
        samples = tmp_path / "base.jsonl"
        samples.write_text('{"problem_id": "elsewhere", "n_correct": 1, "n_samples": 2}\n')
        with pytest.raises(DataError, match="no sample of a problem of"):
            open_material(recipe(write(tmp_path / "p.jsonl"), samples=str(samples)))

    def test_a_rate_that_the_source_states_is_known(self, tmp_path: Path) -> None:
        path = write(tmp_path / "p.jsonl", 50, solve_rate=0.25)
        assert {known[1:] for known in open_material(recipe(path)).known} == {(2.0, 8.0)}

    def test_nothing_left_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "p.jsonl", 30, difficulty=1)
        with pytest.raises(DataError, match="keeps none of the problems"):
            open_material(recipe(path, min_difficulty=5.0))

    def test_answers_become_completions_where_there_is_no_solution(self, tmp_path: Path) -> None:
        material = open_material(recipe(write(tmp_path / "p.jsonl")))
        problem, text = material.examples(0, 1)[0]
        assert text == f"<think></think><answer>{problem.answer}</answer>"
