"""One recipe, one step: the same completions give the same gradient through TRL as through the local engine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from leadline.runs.backends.combinations import Combination, combinations, table, why_refused

pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

sys.path.append(str(Path(__file__).parents[1] / "programs"))  # last: it has a conftest of its own
import lockstep

GRADER = "arms.arm.grader=lockstep_grader:half"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lockstep.start(tmp_path_factory.mktemp("start"), [])


ALLOWED = [c for c in combinations() if why_refused("trl", c) is None]


@pytest.mark.parametrize("combination", ALLOWED, ids=lambda c: "-".join(map(str, c)))
def test_gradients_are_equal_for_all_that_a_recipe_may_ask_of_trl(
    combination: Combination, model: Path, tmp_path: Path
) -> None:
    text = lockstep.RECIPE.replace("ADVANTAGE", "lead")
    kl, aggregation, level, masked, updates = combination
    loss = {"kl": kl, "beta": 0.1 if kl != "none" else 0.0, "aggregation": aggregation, "level": level}
    changes = [
        GRADER,
        f"rl.updates={updates}",
        f"rl.mask_truncated={str(masked).lower()}",
        f"arms.arm.loss={json.dumps(loss)}",
    ]
    local = lockstep.through_local(tmp_path, text, changes, model)
    trl = lockstep.through_trl(tmp_path, text, changes, model, local.completions)
    assert len(local.gradients) == len(trl.gradients) > 1
    assert max(map(lockstep.apart, local.gradients, trl.gradients)) < 1e-5


@pytest.mark.parametrize(
    ("advantage", "loss"),
    [("grpo", "{}"), ("lead", "{}"), ("grpo", "{kl: k3, beta: 0.1}"), ("grpo", "{kl: reverse, beta: 0.1}")],
)
def test_eight_steps_in_lockstep_end_in_the_same_weights(
    advantage: str, loss: str, model: Path, tmp_path: Path
) -> None:
    text = lockstep.RECIPE.replace("ADVANTAGE", advantage)
    changes = [GRADER, "rl.steps=8", f"arms.arm.loss={loss}"]
    local = lockstep.through_local(tmp_path, text, changes, model)
    trl = lockstep.through_trl(tmp_path, text, changes, model, local.completions)
    moved = [lockstep.movement(model, end) for end in (local.end, trl.end)]
    assert lockstep.apart(*moved) < 1e-4


@pytest.mark.parametrize("advantage", ["grpo", "concise"])
@pytest.mark.parametrize(("select", "updates"), [("window", 1), ("window", 2), ("refill", 1)])
def test_the_same_problems_are_chosen_and_lead_to_the_same_weights(
    select: str, updates: int, advantage: str, model: Path, tmp_path: Path
) -> None:
    """Each backend has its own memory of what was right, and of the lengths; both remember the same."""
    text = lockstep.RECIPE.replace("ADVANTAGE", advantage)
    changes = [GRADER, "rl.steps=6", f"rl.select={select}", "rl.select_factor=3", f"rl.updates={updates}"]
    local = lockstep.through_local(tmp_path, text, changes, model)
    trl = lockstep.through_trl(tmp_path, text, changes, model, local.completions)
    rounds = [len(drawn) for drawn in local.completions]
    assert (max(rounds) > min(rounds) and len(rounds) > 6) == (select == "refill"), (
        "some steps ask more than once"
    )
    assert len(local.gradients) == len(trl.gradients)
    assert max(map(lockstep.apart, local.gradients, trl.gradients)) < 1e-5
    moved = [lockstep.movement(model, end) for end in (local.end, trl.end)]
    assert lockstep.apart(*moved) < 1e-4


def test_the_table_of_the_docs_is_the_codes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "trainers.md").read_text()
    assert "\n".join(table()) in text, "python -m leadline.runs.backends.combinations"
