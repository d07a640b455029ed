"""The frozen settings of one advantage and of one loss: what can be chosen, and what contradicts what.

Nothing here computes anything, so nothing here needs torch: the report, the command line and the verl plug-in
read these objects as they are. The formulas live in :mod:`leadline.grpo.advantages` and :mod:`leadline.grpo.losses`.

Where a paper and the code released with it differ, the paper is the default and the code is an option.
S1 = GRPO-LEAD, arXiv 2504.09696, and the code at github.com/aeroplanepaper/GRPO-LEAD.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["PRESETS", "AdvantageConfig", "LossConfig", "kl_faults"]

PRESETS = ("grpo", "dr_grpo", "rloo", "lead", "lead_released_code", "concise")
"""Constructors of :class:`AdvantageConfig` that a recipe may name."""

Positive = Annotated[float, Field(gt=0)]
Ddof = Literal[0, 1]


class _Frozen(BaseModel):
    """Immutable, hashable, refuses unknown keys and non-finite numbers, and names every fault at once."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, validate_default=True
    )

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, validated like a new one (``model_copy`` would not validate)."""
        return type(self)(**{**self.model_dump(), **changes})


class AdvantageConfig(_Frozen):
    """How the scores of a group of completions become advantages. The defaults are plain GRPO.

    In order: base reward (right / wrong / no answer, the length term on the right ones) + bonus, then
    centring and normalisation within the group, then the difficulty weight.
    Raises ``pydantic.ValidationError`` (a ``ValueError``) that lists every wrong field.

    >>> AdvantageConfig.lead().wrong
    -1.0
    >>> AdvantageConfig.lead(length_alpha=0.1).length_alpha
    0.1
    """

    right: float = 1.0
    """Base reward of a correct completion, before the length factor: the weight of accuracy."""

    pay_accuracy: bool = True
    """False: the base reward is 0 for every completion, right or wrong, and only the bonus counts: controls such as a
    placebo or a reward for format alone. An arm of a recipe sets it by leaving ``accuracy`` out of its rewards."""

    wrong: float = 0.0
    """Base reward of an answer that is not correct. S1's explicit penalty is -1. For a purely binary reward
    {0, 1} and {-1, 1} give the same std-normalised advantages: the penalty then changes nothing by itself; it
    acts by halving the relative size of the length term (and by splitting wrong from no answer)."""

    no_answer: float = 0.0
    """Base reward of a completion without an answer (none found, or cut off by the token cap).
    The paper of S1 knows no such class (-1 like any other failure); its code gives 0 here and -1 to a wrong
    answer, so that saying nothing beats saying something wrong."""

    length_alpha: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Strength of the length term exp(-alpha z) on correct completions; 0 switches it off. S1: 0.05."""

    length_ddof: Ddof = 0
    """Standard deviation of the correct completions' lengths: 0 population (paper), 1 sample (its code)."""

    length_eps: Positive = 1e-6
    """Added to that standard deviation."""

    length_grace_tokens: Positive | None = None
    """No length term in a group whose three shortest completions, right or wrong, average at most this many
    tokens (a group of fewer than three always has it). Not in the paper; the code of S1 has 4000."""

    length_control: Literal["fixed", "slope", "gap"] = "fixed"
    """``fixed``: ``length_alpha`` throughout. Otherwise between 0 and ``length_alpha``, from which it starts: lower
    where longer answers are more often right, higher again where they are not, by what
    :mod:`leadline.grpo.length_controller` measures. ``slope``: Cov(verdict, length) within groups. ``gap``: accuracy
    of the long completions minus that of the short ones of the same groups."""

    control_target: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Accuracy that one is willing to pay: for a standard deviation of length (``slope``), or for being short instead
    of long (``gap``)."""

    control_gain: Positive = 0.2
    """A step moves the strength by the gain times what the measured price lies below the target."""

    control_memory: Annotated[float, Field(ge=0, lt=1)] = 0.8
    """Of the running means of what is measured: 0.8 averages over about five batches."""

    train_both_steps: Annotated[int, Field(ge=0)] = 0
    """For so many steps at first, no choice between lengths: no length term, and rewards are centred within the short
    and the long part of each group, so that both ways are trained before one of them is chosen."""

    normalisation: Literal["group_std", "batch", "leave_one_out", "none"] = "group_std"
    """``group_std``: (R - group mean) / (group std + eps): GRPO (arXiv 2402.03300).
    ``batch``: (R - group mean) / (std of all rewards of the batch + eps) (arXiv 2508.08221).
    ``leave_one_out``: R - mean of the *other* rewards of the group: RLOO (arXiv 2402.14740).
    ``none``: R - group mean: Dr. GRPO (arXiv 2503.20783)."""

    std_ddof: Ddof = 1
    """Standard deviation of the rewards: 1 sample (what TRL and verl do), 0 population."""

    std_eps: Positive = 1e-6
    """Added to that standard deviation (verl and S1: 1e-6; TRL 1.16: 1e-4)."""

    unanimous_groups: Literal["unit", "nominal"] = "unit"
    """What ``group_std`` divides by in a group that is all correct, or without one correct completion.
    ``unit``: its own std, as the formula says: the length term and the bonus are then blown up to unit
    variance however small alpha is. ``nominal``: the std of a half-correct group, |right - wrong| / 2 with
    the group's size and ddof, so that they keep the size that they have in mixed groups."""

    difficulty: Literal["none", "lead", "scale_only", "shift_only", "mean_normalised"] = "none"
    """``lead``: S1's weight, w(rho) on positive advantages, w(1 - rho) on the others; rho = solve rate.
    ``scale_only`` / ``shift_only``: only its multiplicative part m(rho) / only its additive part b(rho), for
    ablations: with a binary reward ``lead`` is exactly m A + b. ``mean_normalised``: ``lead``, rescaled so
    that the sum of |A| over the batch stays what it was without weights. ``none``: A as it is."""

    difficulty_branch: Literal["by_sign", "by_correct"] = "by_sign"
    """Which rows get w(rho): those with a positive advantage (paper and code) or the correct ones."""

    difficulty_low: Annotated[float, Field(ge=0)] = 0.4
    """A: the weight far above the midpoint (easy prompts)."""

    difficulty_high: Annotated[float, Field(ge=0)] = 1.5
    """B: the weight far below the midpoint (hard prompts)."""

    difficulty_slope: float = 10.0
    """k: steepness of the logistic."""

    difficulty_midpoint: float = 0.75
    """rho0: the solve rate at which the weight is (A + B) / 2."""

    drop_unsolved: bool = False
    """Advantage 0 in groups whose rewards are all <= 0 (the ``rejection_sample`` of S1's code). It matters
    only where ``wrong`` and ``no_answer`` differ or a bonus does. The code's second rule, groups whose
    rewards are all exactly 1, needs no switch: equal rewards have advantage 0 in any case."""

    @model_validator(mode="after")
    def _right_must_pay(self) -> Self:
        faults = [
            f"right ({self.right:g}) must exceed {name} ({value:g})"
            for name, value in (("wrong", self.wrong), ("no_answer", self.no_answer))
            if not self.right > value
        ]
        if self.length_alpha > 0 and not self.pay_accuracy:
            faults.append(
                "the length term scales what accuracy pays: without accuracy length_alpha must be 0"
            )
        if self.length_alpha > 0 and self.right <= 0:
            faults.append("the length term scales a positive reward: right must be > 0 when length_alpha is")
        if self.length_grace_tokens is not None and self.length_alpha == 0:
            faults.append(
                "length_grace_tokens is set but length_alpha is 0: there is no length term to suspend"
            )
        if self.length_control != "fixed" and self.length_alpha == 0:
            faults.append("length_control moves between 0 and length_alpha: length_alpha must be > 0")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def remembers(self) -> bool:
        """True when a batch's advantages depend on the batches before it: then a controller must see them all."""
        return self.length_control != "fixed" or self.train_both_steps > 0

    @classmethod
    def grpo(cls, **changes: Any) -> Self:
        """GRPO (arXiv 2402.03300): reward 1 or 0, centred and divided by the group's standard deviation."""
        return cls(**changes)

    @classmethod
    def dr_grpo(cls, **changes: Any) -> Self:
        """Dr. GRPO (arXiv 2503.20783): centred only; goes with ``LossConfig(aggregation="constant")``."""
        return cls(**{"normalisation": "none", **changes})

    @classmethod
    def rloo(cls, **changes: Any) -> Self:
        """RLOO (arXiv 2402.14740): the baseline of a completion is the mean reward of the others."""
        return cls(**{"normalisation": "leave_one_out", **changes})

    @classmethod
    def lead(cls, **changes: Any) -> Self:
        """GRPO-LEAD as its paper has it: length term, penalty of -1 for every failure, difficulty weight."""
        paper = {"wrong": -1.0, "no_answer": -1.0, "length_alpha": 0.05, "difficulty": "lead"}
        return cls(**{**paper, **changes})

    @classmethod
    def lead_released_code(cls, **changes: Any) -> Self:
        """GRPO-LEAD as its released code has it.

        Against the paper: sample std of the lengths, no length term in groups of short completions, no answer
        0 instead of -1, groups without a positive reward dropped. (The code also gives a group of one its raw
        score as advantage; here as everywhere a group of one has advantage 0.)
        """
        code = {"no_answer": 0.0, "length_ddof": 1, "length_grace_tokens": 4000.0, "drop_unsolved": True}
        return cls.lead(**{**code, **changes})

    @classmethod
    def concise(cls, **changes: Any) -> Self:
        """Short answers where they cost no accuracy: a length term that gives way where long ones are right more often.

        This project's own (docs/theory.md section 7, README): exp(-alpha z) with alpha between 0 and 0.4, set anew
        every step from the slope of accuracy along length; unanimous groups nominal, no difficulty weights.
        """
        own = {"wrong": -1.0, "no_answer": -1.0, "length_alpha": 0.4, "length_control": "slope"}
        return cls(**{**own, "unanimous_groups": "nominal", **changes})

    def margin(self, group_size: int) -> float:
        """The least by which a correct completion's base reward beats a failed one's, in groups of this size.

        A bonus whose range (highest minus lowest possible value) reaches it can make a failure outrank a
        success; callers warn then (S2's accuracy + format + reflection at 1:1:1 does: margin 1, range 2).
        The longest of n values lies at most sqrt(n - 1) population standard deviations above their mean.

        >>> AdvantageConfig.grpo().margin(8)
        1.0
        """
        if not self.pay_accuracy:
            return math.inf  # nothing is paid for success that a bonus could outweigh
        longest = math.sqrt(max(group_size - 1, 0))
        return self.right * math.exp(-self.length_alpha * longest) - max(self.wrong, self.no_answer)


class LossConfig(_Frozen):
    """How advantages and log-probabilities become the loss. The defaults are GRPO without a KL term."""

    clip_low: Annotated[float, Field(gt=0, le=1)] = 0.2
    """epsilon_low: the ratio is clipped at 1 - clip_low from below."""

    clip_high: Positive = 0.2
    """epsilon_high: the ratio is clipped at 1 + clip_high from above (0.28 in DAPO, arXiv 2503.14476)."""

    level: Literal["token", "sequence"] = "token"
    """``token``: one importance ratio a token. ``sequence``: one a completion, the geometric mean of its
    token ratios (GSPO, arXiv 2507.18071)."""

    kl: Literal["none", "k1_in_reward", "k2", "k3", "reverse"] = "none"
    """The KL term towards the reference policy. ``k1_in_reward``: -beta * k1 joins the bonus of a completion
    (reverse KL). ``k2`` in the loss: on-policy the gradient of the reverse KL. ``k3`` in the loss
    ("low-variance KL"): on-policy the gradient of the *forward* KL, so its optimum is no exponential tilt.
    ``reverse`` in the loss: k3 times the token's importance ratio: value and gradient are those of the reverse KL,
    also after the first update of a batch (DeepSeek-V3.2, arXiv 2512.02556; TRL's ``use_bias_correction_kl``)."""

    beta: Annotated[float, Field(ge=0)] = 0.0
    """Coefficient of the KL term; > 0 exactly when there is one."""

    aggregation: Literal["token_mean", "sequence_mean", "constant"] = "token_mean"
    """``token_mean``: all tokens of the batch count alike (DAPO). ``sequence_mean``: mean over completions
    of their token means (GRPO). ``constant``: token sum over completions times the token cap (Dr. GRPO)."""

    @model_validator(mode="after")
    def _kl_has_a_coefficient(self) -> Self:
        if (self.kl == "none") != (self.beta == 0):
            raise ValueError(
                f"kl={self.kl!r} and beta={self.beta:g} contradict each other: beta > 0 needs an estimator"
            )
        return self

    @property
    def kl_in_loss(self) -> bool:
        """True when tokens of advantage 0 still have a gradient: no group may be skipped (decision "Advantage 0")."""
        return self.kl in ("k2", "k3", "reverse")


def kl_faults(advantage: AdvantageConfig, loss: LossConfig) -> list[str]:
    """What is wrong with using these two together; empty when nothing is.

    With k1 in the reward the shaped reward R - beta * k1 is *constant* at the optimum (the tilted policy):
    its spread near there is noise, which dividing by its standard deviation blows up to full size.

    >>> kl_faults(AdvantageConfig.grpo(), LossConfig(kl="k1_in_reward", beta=0.1))
    ["kl 'k1_in_reward' needs normalisation 'none' or 'leave_one_out', not 'group_std'..."]
    """
    if loss.kl != "k1_in_reward" or advantage.normalisation in ("none", "leave_one_out"):
        return []
    return [
        f"kl 'k1_in_reward' needs normalisation 'none' or 'leave_one_out', not {advantage.normalisation!r}: "
        "at the optimum the shaped reward is constant, and dividing by its standard deviation amplifies noise"
    ]
