"""A recipe measures its stages by the code of ``leadline eval``: the same samples, the same numbers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from leadline.data import ProblemSet, read_samples
from leadline.display.progress import Progress
from leadline.evaluation import run_eval
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.runs.pipeline import run_recipe
from leadline.runs.training_data import open_material
from leadline.samplers import Sampling
from leadline.samplers.factory import open_sampler
from leadline.types import SampleRow
from tiny import TINY_RECIPE

LOADS: list[str] = []


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return parse_recipe(TINY_RECIPE, ["evaluation.max_tokens=20"])


def run(recipe: Recipe, out: Path, *, resume: bool = False) -> dict[str, Any]:
    return run_recipe(recipe, out, resume=resume, progress=Progress(Console(quiet=True)))


@pytest.fixture(scope="module")
def finished(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    from transformers import AutoTokenizer

    out, load = tmp_path_factory.mktemp("run") / "out", AutoTokenizer.from_pretrained
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            AutoTokenizer, "from_pretrained", lambda *a, **k: (LOADS.append(str(a[0])), load(*a, **k))[1]
        )
        summary = run(recipe, out)
    return out, summary


def test_leadline_eval_of_a_trained_model_finds_what_the_recipe_found(
    recipe: Recipe, finished: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out, summary = finished
    problems = ProblemSet("test", open_material(recipe).test(recipe.evaluation.problems), [], [], [])
    model = out / "checkpoints" / "lead" / "step-000004"
    sampling = Sampling(20, recipe.evaluation.temperature, seed=recipe.seed)
    done = run_eval(
        open_sampler(str(model)), problems, tmp_path, samples=4, sampling=sampling, ks=recipe.evaluation.ks
    )
    found = json.loads(json.dumps(done.evaluation.as_dict()))
    arm = {name: value for name, value in summary["arms"]["lead"].items() if name != "advantage"}
    assert found == json.loads(json.dumps(arm))
    theirs, ours = (
        [
            (row.completion, row.score, row.prompt, row.gold, row.context["index"])
            for row in read_samples(path)
        ]
        for path in (out / "samples" / "lead" / "eval.jsonl.gz", done.samples_path)
    )
    assert theirs == ours


def test_a_run_stopped_while_it_measured_ends_as_if_it_had_not_been(
    recipe: Recipe, finished: tuple[Path, dict[str, Any]]
) -> None:
    out, summary = finished
    samples = out / "samples" / "lead" / "eval.jsonl.gz"
    before = gzip.decompress(samples.read_bytes())
    raw = [
        json.dumps(SampleRow(row.completion, context={"index": row.context["index"]}).to_row())
        for row in read_samples(samples)
    ]
    samples.unlink()
    # killed in the midst of writing the sixth sample
    (samples.parent / "raw.jsonl").write_text("".join(line + "\n" for line in raw[:5]) + raw[5][:20])
    again = run(recipe, out, resume=True)
    assert again["arms"] == summary["arms"]
    assert gzip.decompress(samples.read_bytes()) == before
    assert not (samples.parent / "raw.jsonl").exists()


def test_the_tokenizer_is_loaded_a_few_times_a_stage_and_not_per_problem(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    assert 0 < len(LOADS) <= 4 * len(finished[1]["arms"])
