"""The section ``data`` of a recipe: where its problems come from, and which of them are left out."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from leadline.recipes.section import Count, RecipeSection, Share

__all__ = ["DataConfig", "WorldConfig"]


class WorldConfig(RecipeSection):
    """Procedural problems with worked traces (``tasks/``)."""

    name: Literal["chain"] = "chain"
    steps: tuple[Count, Annotated[int, Field(ge=1, le=12)]] = (1, 6)
    """Fewest and most operations a problem, of twelve that there are; drawn evenly."""
    slip: Share = 0.15
    """Probability that a step of a training trace is written down wrong."""
    checks: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.0, 0.5, 1.0)
    """Each training trace checks its steps with one of these probabilities, drawn evenly."""

    @model_validator(mode="after")
    def _steps_in_order(self) -> Self:
        if self.steps[0] > self.steps[1]:
            raise ValueError(f"steps must be [fewest, most], not {list(self.steps)}")
        return self


class DataConfig(RecipeSection):
    """Where problems come from: a world, or files and data sets."""

    world: WorldConfig | None = None
    train: str | None = None
    """Path, data set name, or ``gym:NAME`` (``data/problems.py``)."""
    split: str | None = None
    """Of ``train``, where it has several."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Of ``train``: field (prompt, messages, answer, solution, difficulty, id) -> column, where the names differ."""
    evaluation: str | None = None
    """Likewise; must not overlap with ``train``."""
    evaluation_split: str | None = None
    evaluation_columns: dict[str, str] = Field(default_factory=dict)
    evaluation_share: Share = 0.1
    """Without ``evaluation``: the share of ``train`` held out, chosen by a hash of each problem."""
    limit: Count | None = None
    on_bad_row: Literal["refuse", "skip"] = "refuse"
    min_difficulty: float | None = None
    """Curriculum: problems below this difficulty are left out of training (GRPO-LEAD, stage 1: 2.5)."""
    solve_rate: tuple[Share, Share] = (0.0, 1.0)
    """Curriculum: measured solve rates outside of this window are left out (GRPO-LEAD, stage 2: [0, 0.75])."""
    max_prompt_tokens: Count | None = None
    """Problems with a longer prompt are left out: in tokens of the model, system prompt and chat template included."""
    samples: str | None = None
    """Samples of the base model on ``train``, of any layout that ``leadline probe`` reads: the solve rates of
    ``solve_rate``, and what ``rl.select: window`` begins with. Without it those that ``train`` states itself."""
    system_prompt: str | None = None
    """Put before every problem; its turn of a chat template, or plain text in front where there is none."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.world is None) == (self.train is None):
            raise ValueError("give exactly one of `world` and `train`")
        if self.world is not None and self.max_prompt_tokens is not None:
            raise ValueError("max_prompt_tokens: a world has no problems that could be left out")
        return self
