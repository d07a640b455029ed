"""The settings refuse what contradicts itself, all at once, and the presets are what their papers say."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from pydantic import ValidationError

from leadline.grpo.config import AdvantageConfig, LossConfig, kl_faults


def faults(error: ValidationError) -> set[str]:
    return {".".join(str(part) for part in fault["loc"]) for fault in error.errors()}


def test_importing_the_settings_needs_no_torch() -> None:
    code = "import sys, leadline.grpo.config; print(sorted(m for m in ('torch', 'transformers') if m in sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_presets_differ_from_plain_grpo_where_their_papers_do() -> None:
    def changed(config: AdvantageConfig) -> dict[str, object]:
        plain = AdvantageConfig().model_dump()
        return {key: value for key, value in config.model_dump().items() if plain[key] != value}

    lead = {"wrong": -1.0, "no_answer": -1.0, "length_alpha": 0.05, "difficulty": "lead"}
    code = {"length_ddof": 1, "length_grace_tokens": 4000.0, "drop_unsolved": True}
    assert changed(AdvantageConfig.grpo()) == {}
    assert changed(AdvantageConfig.dr_grpo()) == {"normalisation": "none"}
    assert changed(AdvantageConfig.rloo()) == {"normalisation": "leave_one_out"}
    assert changed(AdvantageConfig.lead()) == lead
    # no_answer is 0 in the code of S1: the default of plain GRPO, so it does not show as a change
    assert (
        changed(AdvantageConfig.lead_released_code())
        == {k: v for k, v in lead.items() if k != "no_answer"} | code
    )


def test_every_field_is_documented() -> None:
    for config in (AdvantageConfig, LossConfig):
        bare = [name for name, field in config.model_fields.items() if not field.description]
        assert bare == []


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        AdvantageConfig(length_alpha=-1, std_ddof=2, std_eps=0, difficulty="hard", colour="red")  # type: ignore[call-arg, arg-type]
    assert faults(caught.value) == {"length_alpha", "std_ddof", "std_eps", "difficulty", "colour"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "many"])
def test_numbers_are_finite(value: object) -> None:
    with pytest.raises(ValidationError):
        AdvantageConfig(wrong=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"right": 0.0}, "wrong"),
        ({"right": -0.5, "no_answer": -1.0}, "wrong"),
        ({"no_answer": 1.0}, "no_answer"),
        ({"right": -0.5, "wrong": -1.0, "no_answer": -1.0, "length_alpha": 0.05}, "length term"),
        ({"length_grace_tokens": 4000}, "length_grace_tokens"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, float], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        AdvantageConfig(**changes)  # type: ignore[arg-type]


def test_settings_are_frozen_hashable_and_replace_validates() -> None:
    config = AdvantageConfig.lead()
    with pytest.raises(ValidationError):
        config.wrong = 0.0  # type: ignore[misc]
    assert hash(config) == hash(AdvantageConfig.lead())
    assert config.replace(length_alpha=0.1) == AdvantageConfig.lead(length_alpha=0.1)
    with pytest.raises(ValidationError):
        config.replace(wrong=2.0)


def test_concise_may_lean_on_length_and_starts_so() -> None:
    own = AdvantageConfig.concise()
    assert own == AdvantageConfig(
        wrong=-1.0, no_answer=-1.0, length_alpha=0.4, length_control="slope", unanimous_groups="nominal"
    )
    assert own.remembers
    assert not AdvantageConfig.lead().remembers
    with pytest.raises(ValidationError, match="length_alpha must be > 0"):
        AdvantageConfig(length_control="gap")


def test_margin_is_the_gap_between_the_longest_success_and_the_best_failure() -> None:
    # one completion of 8 longer than 7 equal ones is sqrt(7) population standard deviations above the mean
    assert AdvantageConfig.lead().margin(8) == pytest.approx(math.exp(-0.05 * math.sqrt(7)) + 1)
    assert AdvantageConfig.lead_released_code().margin(1) == pytest.approx(1.0)


def test_a_kl_term_has_an_estimator_and_a_coefficient() -> None:
    with pytest.raises(ValidationError, match="contradict"):
        LossConfig(beta=0.1)
    with pytest.raises(ValidationError, match="contradict"):
        LossConfig(kl="k3")
    assert [LossConfig(kl=kl, beta=0.1).kl_in_loss for kl in ("k1_in_reward", "k2", "k3")] == [
        False,
        True,
        True,
    ]  # type: ignore[arg-type]
    assert not LossConfig().kl_in_loss


def test_k1_in_the_reward_is_refused_with_division_by_a_std() -> None:
    kl = LossConfig(kl="k1_in_reward", beta=0.1)
    refused = {
        name: bool(kl_faults(AdvantageConfig(normalisation=name), kl))  # type: ignore[arg-type]
        for name in ("group_std", "batch", "leave_one_out", "none")
    }
    assert refused == {"group_std": True, "batch": True, "leave_one_out": False, "none": False}
    assert kl_faults(AdvantageConfig(), LossConfig(kl="k3", beta=0.1)) == []
