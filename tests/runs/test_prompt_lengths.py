"""Prompts that are too long for a model are left out where a recipe says so, and else refused before a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.errors import ConfigError, InputError
from leadline.model import save_decoder
from leadline.model.tokenizer import build_tokenizer
from leadline.recipes.reading import parse_recipe
from leadline.runs.backends import check_recipe
from leadline.runs.model_shapes import own_shape
from leadline.runs.training_data import FileMaterial, open_material
from tiny import tiny_decoder

LONG = "What is " + " + ".join("1" * 30) + "?"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model of 64 positions, for which every character is a token."""
    tokenizer = build_tokenizer([])
    (tmp_path / "model").mkdir()
    save_decoder(tiny_decoder(vocab_size=len(tokenizer), max_positions=64), tmp_path / "model", tokenizer)
    return tmp_path / "model"


def problems(path: Path, *, chat: bool = False) -> Path:
    texts = [f"What is {i} + {i}?" for i in range(60)] + [LONG]
    name, put = ("messages", lambda text: [{"role": "user", "content": text}]) if chat else ("prompt", str)
    path.write_text("".join(json.dumps({name: put(text), "answer": "7"}) + "\n" for text in texts))
    return path


def recipe_text(model: Path, data: Path, **changes: object) -> str:
    return json.dumps(
        {
            "model": {"source": str(model)},
            "data": {"train": str(data), **changes},
            "rl": {"max_tokens": 32},
            "sft": {"method": "none"},
        }
    )


@pytest.mark.parametrize("backend", ["local", "trl"])
def test_a_prompt_that_leaves_no_room_for_an_answer_is_refused(
    backend: str, model: Path, tmp_path: Path
) -> None:
    if backend == "trl":
        pytest.importorskip("trl")
    changes = [f"backend={backend}", "threads=null"]
    recipe = parse_recipe(recipe_text(model, problems(tmp_path / "p.jsonl")), changes)
    with pytest.raises(
        InputError,
        match=rf"its prompt has {len(LONG)} tokens and an answer up to 32, the model only 64 positions: "
        r"leave such problems out \(data.max_prompt_tokens: 32\)",
    ):
        check_recipe(recipe, open_material(recipe))
    within = parse_recipe(recipe_text(model, problems(tmp_path / "p.jsonl"), max_prompt_tokens=32), changes)
    material = open_material(within)
    check_recipe(within, material)
    assert any("1 problems left out: prompts of more than 32 tokens" in note for note in material.notes)
    assert LONG not in [problem.prompt for problem in material.problems]
    assert len(material.problems) == 60


def test_an_answer_longer_than_the_model_cannot_be_made_room_for(model: Path, tmp_path: Path) -> None:
    data = problems(tmp_path / "p.jsonl")
    recipe = parse_recipe(recipe_text(model, data), ["rl.max_tokens=64"])
    with pytest.raises(InputError, match=r"only 64 positions: lower rl\.max_tokens"):
        check_recipe(recipe, open_material(recipe))
    measured = parse_recipe(recipe_text(model, data, max_prompt_tokens=32), ["evaluation.max_tokens=60"])
    with pytest.raises(InputError, match="an answer up to 60"):
        check_recipe(measured, open_material(measured))


def test_the_system_prompt_counts_and_a_set_for_measuring_is_held_to_it_too(
    model: Path, tmp_path: Path
) -> None:
    train, measured = problems(tmp_path / "p.jsonl"), tmp_path / "q.jsonl"
    measured.write_text("".join(json.dumps({"prompt": "2" * n, "answer": "7"}) + "\n" for n in (5, 20, 50)))
    changes = {"max_prompt_tokens": 40, "system_prompt": "Be brief. " * 2, "evaluation": str(measured)}
    material = open_material(parse_recipe(recipe_text(model, train, **changes)))
    assert isinstance(material, FileMaterial)
    assert [problem.prompt for problem in material.measured] == ["2" * 5]
    assert any("q.jsonl: 2 problems left out" in note for note in material.notes)


def test_what_has_no_model_or_no_problems_cannot_count_tokens(tmp_path: Path) -> None:
    data = {"train": str(problems(tmp_path / "p.jsonl")), "max_prompt_tokens": 32}
    with pytest.raises(ConfigError, match=r"counts the tokens of a model: give one \(model.source\)"):
        parse_recipe(json.dumps({"data": data}))
    with pytest.raises(ConfigError, match="a world has no problems that could be left out"):
        parse_recipe(json.dumps({"data": {"world": {}, "max_prompt_tokens": 32}}))


def test_a_new_model_has_positions_for_the_longest_answer_and_its_prompt() -> None:
    longest = [own_shape(parse_recipe(f"rl: {{max_tokens: {cap}}}"), 100).max_positions for cap in (96, 3000)]
    assert longest == [1024, 6000]
    measured = parse_recipe("evaluation: {max_tokens: 2000}")
    assert own_shape(measured, 100).max_positions == 4000
