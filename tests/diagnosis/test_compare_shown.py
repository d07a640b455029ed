"""A verdict says what the samples have shown, and no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evidence import check_evidence
from leadline import theory
from leadline.data.samples.counts import Counts
from leadline.data.samples.same_problems import differing_prompts
from leadline.data.samples.tally import count_rows
from leadline.diagnosis.about import about_samples
from leadline.diagnosis.compare import Comparison, compare
from leadline.errors import DataError


def drawn(q: np.ndarray, n: int, seed: int) -> Counts:
    return Counts.from_arrays(n, np.random.default_rng(seed).binomial(n, q))


def judged(base: Counts, tuned: Counts, **settings: object) -> Comparison:
    found = compare(base, tuned, **settings)  # type: ignore[arg-type]
    check_evidence(found.as_dict())
    return found


def text_of(found: Comparison) -> str:
    return " ".join(sentence.text for sentence in found.sentences)


@pytest.mark.parametrize("n", [1, 4, 32])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_base_that_was_never_right_is_never_sharpened(n: int, seed: int) -> None:
    p = np.where(np.arange(200) % 4 == 0, 0.6, 0.0)
    found = judged(drawn(np.zeros(200), n, seed), drawn(p, n, seed + 10))
    assert "sharpened" not in (found.verdict, *found.also)
    assert found.verdict in ("better", "expanded")


def test_one_sample_per_problem_cannot_tell_how() -> None:
    q = np.random.default_rng(1).beta(0.6, 0.8, size=400)
    found = judged(drawn(q, 1, 1), drawn(theory.tilted_success(q, 1.5), 1, 2))
    assert found.verdict == "better"
    assert "4 more base samples per problem would tell" in text_of(found)
    assert "that takes 5 on either side" in text_of(found)
    assert "expanded," not in text_of(found)


def test_the_gain_on_solved_problems_is_not_blackened_by_their_choice() -> None:
    """Same weights twice: problems with a right base sample look worse the second time, by their choice alone."""
    q = np.full(400, 0.2)
    base, tuned = drawn(q, 8, 1), drawn(q, 8, 2)
    solved = base.c > 0
    assert (tuned.c[solved] / 8).mean() - (base.c[solved] / 8).mean() < -0.02
    change = judged(base, tuned).seen.change
    assert change is not None
    assert change.contains(0.0)
    assert abs(change.value) < 0.015


def test_same_weights_twice_is_no_change() -> None:
    q = np.random.default_rng(1).beta(0.6, 0.8, size=300)
    verdicts = [judged(drawn(q, 16, 2 * s), drawn(q, 16, 2 * s + 1)).verdict for s in range(10)]
    assert verdicts.count("unchanged") >= 9, verdicts


def test_a_change_that_the_same_weights_make_is_noise() -> None:
    q = np.random.default_rng(1).beta(0.6, 0.8, size=4000)
    found = judged(drawn(q, 16, 1), drawn(theory.tilted_success(q, 0.09), 16, 2))
    change = found.passes[0].difference
    assert change.lo > 0
    assert change.value < 0.02
    assert found.verdict == "unchanged"
    assert "--repeat" in text_of(found)


def test_a_repeat_of_the_base_measures_the_noise() -> None:
    q = np.random.default_rng(1).beta(0.6, 0.8, size=300)
    other_seed = theory.tilted_success(q, 0.4)
    base, tuned, repeat = (
        drawn(q, 32, 1),
        drawn(theory.tilted_success(q, 0.3), 32, 2),
        drawn(other_seed, 32, 3),
    )
    assert judged(base, tuned).verdict == "sharpened"
    found = judged(base, tuned, repeat=repeat)
    assert found.verdict == "unchanged"
    assert found.noise.size > found.passes[0].difference.value
    assert "Without any training" in text_of(found)


def test_two_models_that_are_no_training_pair() -> None:
    rng = np.random.default_rng(4)
    q, p = rng.beta(0.4, 0.6, size=200), rng.beta(0.6, 0.4, size=200)
    found = judged(drawn(q, 64, 1), drawn(p, 64, 2))
    assert found.looks_unrelated
    assert found.verdict == "ahead"
    assert "no training pair" in text_of(found)
    told = judged(drawn(q, 64, 1), drawn(theory.tilted_success(q, 1.0), 64, 2), unrelated=True)
    assert told.verdict == "ahead"
    back = judged(drawn(theory.tilted_success(q, 1.0), 64, 2), drawn(q, 64, 1), unrelated=True)
    assert back.verdict == "behind"


def test_a_training_pair_does_not_look_unrelated() -> None:
    q = np.random.default_rng(4).beta(0.3, 0.6, size=200)
    for seed, a in enumerate((-1.0, 0.5, 3.0)):
        found = compare(drawn(q, 64, seed), drawn(theory.tilted_success(q, a), 64, seed + 50))
        assert not found.looks_unrelated


def test_paired_limits_stay_within_what_the_sides_allow() -> None:
    """Two of thirty problems moved, from never to always: the change cannot be +73 points."""
    base, tuned = np.zeros(30), np.zeros(30)
    tuned[:2] = 4
    change = compare(Counts.from_arrays(4, base), Counts.from_arrays(4, tuned)).passes[0].difference
    assert change.value == pytest.approx(2 / 30)
    assert change.hi < 0.35
    assert change.lo <= 0.0


def labelled(prompts: dict[str, str]) -> Counts:
    return count_rows(enumerate({"problem_id": k, "prompt": v, "correct": True} for k, v in prompts.items()))


def test_other_problems_under_the_same_ids_are_refused_with_three_examples() -> None:
    base = labelled({str(i): f"A box holds {i} red pens and 4 blue ones. How many?" for i in range(9)})
    tuned = labelled({str(i): f"Tom walks {i} miles a day for 5 days. How far?" for i in range(9)})
    with pytest.raises(DataError, match="9 ids stand for another problem") as refused:
        compare(base, tuned)
    assert len(refused.value.problems) == 4
    assert "'0': 'A box holds 0 red pens" in refused.value.problems[1]


def test_templates_around_the_same_problems_do_not_matter() -> None:
    texts = {str(i): f"A train leaves city number {i} at noon, and walks {i} miles." for i in range(9)}
    chat = {k: f"<|user|>Solve step by step.\n{v}\nPut it in a box.<|assistant|>" for k, v in texts.items()}
    asked = {k: f"Question: {v}\nAnswer:" for k, v in texts.items()}
    assert differing_prompts(texts, chat) == []
    assert differing_prompts(chat, asked) == []
    assert differing_prompts(texts, {**chat, "3": chat["4"]}) == ["3"]


def test_the_model_is_said_of_the_file_beside_its_settings_alone(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"model": "m", "sampling": {"temperature": 0.7}}')
    (tmp_path / "samples.jsonl").touch()
    assert about_samples(tmp_path / "samples.jsonl") == "Model: m, temperature 0.7."
    assert about_samples(tmp_path / "other.jsonl") == ""  # not there
    (tmp_path / "settings.json").unlink()
    assert about_samples(tmp_path / "samples.jsonl") == ""
