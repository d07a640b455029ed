"""Algorithms beyond the base model: their formulas against enumeration, what they were given, and the verdicts."""

from __future__ import annotations

from dataclasses import replace
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import torch
from safetensors.torch import save
from scipy import stats

from leadline.engine.logprobs import completion_logprobs
from leadline.engine.prompts import Prompts
from leadline.errors import InputError
from leadline.grpo.config import AdvantageConfig
from leadline.stats import Interval
from leadline.storage.jsonl import read_json
from leadline.studies.analysis.judgement import judge, judge_beyond
from leadline.studies.analysis.laws import Support
from leadline.studies.analysis.summary import StudyTable, laws
from leadline.studies.design.axes import find_axis
from leadline.studies.design.cell import ArmTask, BaseTask
from leadline.studies.design.source import EOS, Encoding, Item
from leadline.studies.experiment.algorithms import ALGORITHMS, BEYOND, STANDARD
from leadline.studies.experiment.algorithms.backtrack import next_level
from leadline.studies.experiment.algorithms.compose import chains
from leadline.studies.experiment.algorithms.pass_at_k import pass_at_k_advantage
from leadline.studies.experiment.arms import run_arm, run_base
from leadline.studies.experiment.exact import policies
from leadline.studies.experiment.pretraining import new_model
from leadline.studies.experiment.student import Student
from leadline.studies.experiment.tabular import _expected_by_class
from leadline.studies.experiment.tally import COUNTS
from leadline.studies.plan import FULL, Plan, beyond_plan, make_plan
from leadline.studies.study import run_study
from leadline.tasks.machines import find_machine
from tiny_study import TINY

ROOT = Path(__file__).resolve().parents[2]

AXIS = find_axis("depth")
BASE = BaseTask("depth", AXIS.cell(AXIS.main), TINY, 0)


def random_weights(scale: float = 0.4) -> bytes:
    """A model with opinions, which no pretraining gave it."""
    model = new_model(BASE).initialise(torch.Generator().manual_seed(1), scale)
    return save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})


def student(algorithm: str, weights: bytes | None = None) -> Student:
    return Student(ArmTask(BASE, algorithm, (4,)), weights or random_weights())


def trained(algorithm: str, steps: int, weights: bytes | None = None) -> Student:
    made = student(algorithm, weights)
    for step in range(steps):
        ALGORITHMS[algorithm].step(made, step)
    return made


def same_weights(one: Student, other: Student) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True)
    )


@pytest.mark.parametrize(("n", "k"), [(8, 4), (8, 1), (6, 6), (5, 2)])
def test_pkpo_is_the_gradient_of_pass_at_k(n: int, k: int) -> None:
    """Its push on right completions, enumerated over all groups, is p times d pass@k / dp; to first order k Q."""
    for p in (1e-6, 1e-3, 0.2, 0.7):
        push = sum(stats.binom.pmf(c, n, p) * c / n * pass_at_k_advantage(n, c, k) for c in range(n + 1))
        assert push == pytest.approx(p * k * (1 - p) ** (k - 1), rel=1e-9)
    assert push_of_rare(n, k) == pytest.approx(k, rel=1e-4)


def push_of_rare(n: int, k: int, q: float = 1e-6) -> float:
    return sum(stats.binom.pmf(c, n, q) * c / n * pass_at_k_advantage(n, c, k) for c in range(n + 1)) / q


def test_rare_pushes_stand_as_the_design_says() -> None:
    """Push / Q of rare successes in groups of 8: mean-only 7/8 of it, GRPO sqrt(7), pass@4 four times."""
    q = 1e-7
    for advantage, expected in (
        (AdvantageConfig.dr_grpo(), 7 / 8),
        (AdvantageConfig.grpo(std_ddof=0), np.sqrt(7)),
    ):
        assert _expected_by_class(q, advantage, 8)[0] == pytest.approx(expected, rel=1e-3)
    assert push_of_rare(8, 4) == pytest.approx(4, rel=1e-4)


def test_pkpo_is_the_papers_reward_less_what_the_others_reach() -> None:
    """r = k/n if right, less (k/n) rho(n-1, c-1, k-1) of the others; times n, for a mean over rows.

    A wrong one's r is (k/n) rho(n-1, c, k-1), which is what the others reach without it: nothing is left.
    """

    def rho(n: int, c: int, k: int) -> float:
        return 1 - comb(n - c, k) / comb(n, k)

    n, k = 8, 4
    for c in range(1, n + 1):
        of_others = k / n * rho(n - 1, c - 1, k - 1)
        assert pass_at_k_advantage(n, c, k) == pytest.approx(n * (k / n - of_others))


def test_without_a_right_answer_pkpo_and_unlikeliness_do_nothing() -> None:
    for name in ("pkpo", "unlikeliness", "grpo"):
        made = trained(name, 3)
        if made.tally.updates == 0:
            assert same_weights(made, student(name))
        assert made.tally.completions == 3 * TINY.prompts * TINY.group


def chances_of(made: Student, items: list[Item], said: list[int]) -> np.ndarray:
    """How likely the base model is to say this very completion to each of the problems."""
    prompts = Prompts.pad([made.encoding.prompt(item) for item in items])
    tokens, lengths = torch.tensor([said] * len(items)), torch.full((len(items),), len(said))
    with torch.no_grad():
        found = completion_logprobs(made.reference, prompts, torch.arange(len(items)), tokens, lengths, 1.0)
    return torch.zeros(len(items)).index_add(0, found[1], found[0]).exp().double().numpy()


def test_chains_are_right_at_least_as_often_as_the_product_of_their_parts() -> None:
    made = student("compose")
    encoding, machine = made.encoding, made.encoding.machine
    item = Item((0, 1, 2, 3), ("shl", "rev"))
    first = policies(made.reference, [item._replace(program=("shl",))], encoding).probabilities[0]
    states = list(machine.states(4))
    second = chances_of(made, [Item(state, ("rev",)) for state in states], made.encoding.answer(item))
    mu = float(first[:-1] @ second)
    middle = states.index(machine.run(item.state, ("shl",)))
    product = float(first[middle] * second[middle])
    assert mu >= product > 0
    n = 3_000
    drawn = chains(made, [item], 0, n)
    right = sum(made.accepts(item, said) for _, said in drawn) / n
    # A second part is drawn once for every well-formed middle, so the share over all chains estimates mu itself.
    assert abs(right - mu) < 4 * np.sqrt(mu * (1 - mu) / n) + 1e-5
    assert made.tally.parts == n + len(drawn)
    assert made.tally.completions == made.tally.references == 0


def test_a_middle_that_is_no_state_ends_its_chain() -> None:
    encoding = Encoding(find_machine("strings"))
    item = Item((0, 1, 2, 3), ("shl", "rev"))
    letters = encoding.letters(0)
    assert encoding.read(item, [letters[i] for i in (3, 2, 1, 0)] + [EOS]) == (3, 2, 1, 0)
    for bad in (
        [],
        [EOS],
        [letters[0]] * 4,
        [letters[0]] * 3 + [EOS],
        [letters[0], 2, letters[0], letters[0], EOS],
    ):
        assert encoding.read(item, bad) is None
    assert encoding.read(item._replace(vocabulary=1), [letters[0]] * 4 + [EOS]) is None


def test_the_levels_of_backtrack_fall_only_when_half_of_a_group_is_right() -> None:
    for shown in range(4):
        for right in range(9):
            after = next_level(shown, right, 8, 3)
            assert (after < shown) == (right >= 4 and shown > 0)
            assert (after > shown) == (right == 0 and shown < 3)
    made = trained("backtrack", 3)
    shown = made.memory["levels"]
    assert shown
    assert set(shown.values()) <= {
        2,
        3,
    }  # an untrained model is hardly ever right, and never four times in four
    drawn = 3 * TINY.prompts * TINY.group
    assert made.tally.prefixed == made.tally.completions == drawn // 2
    assert made.tally.references == made.tally.prefixed // TINY.group


def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reference answers that are wrong for every problem, and none that may be learned from."""
    monkeypatch.setattr(Encoding, "answer", lambda self, item: [2] * (len(item.state) + 1))
    monkeypatch.setattr(
        Student, "reference_answer", lambda self, item: pytest.fail("a reference answer was asked for")
    )


@pytest.fixture(scope="module")
def weights() -> bytes:
    """A base model that has learned what an answer looks like."""
    return run_base(replace(BASE, scale=replace(TINY, pretraining_steps=150)))


def test_the_blind_control_uses_no_reference_answer(weights: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = trained("compose-blind", 6, weights)
    assert plain.tally.updates > 0
    assert plain.tally.references == plain.tally.completions == 0
    with monkeypatch.context() as patch:
        poisoned(patch)
        assert same_weights(trained("compose-blind", 6, weights), plain)
        compose = trained("compose", 6, weights)
        assert (
            compose.tally.updates == 0
        )  # nothing is accepted, so nothing is learned: the grader is what decides
        assert trained("compose-majority", 6, weights).tally.updates > 0


def test_relift_imitates_what_failed_and_counts_it(weights: bytes) -> None:
    made = student("relift", weights)
    failed = student("grpo", weights).sample(0).failed()
    ALGORITHMS["relift"].step(made, 0)
    assert len(failed) > 0
    assert made.tally.references == len(failed)
    waiting = [item for item, _ in made.memory["queue"]]
    assert waiting == (failed if len(failed) < TINY.prompts else failed[TINY.prompts :])
    assert all(said == made.encoding.answer(item) for item, said in made.memory["queue"])


def test_two_steps_in_one_are_grpo_at_twice_the_steps(weights: bytes) -> None:
    double, plain = trained("grpo-2x-updates", 6, weights), trained("grpo", 12, weights)
    fourfold = trained("grpo-4x-updates", 3, weights)
    for more in (double, fourfold):
        assert same_weights(more, plain)
        assert more.tally == plain.tally
    assert trained("grpo-g16", 6, weights).tally.completions == plain.tally.completions


def test_every_algorithm_has_its_price_in_every_row() -> None:
    plan = beyond_plan(AXIS, seeds=1, steps=(2,), scale=TINY)
    assert {arm.algorithm for arm in plan.arms} == set(BEYOND)
    weights = run_base(plan.arms[0].base)
    for arm in plan.arms[: len(BEYOND)]:
        rows = run_arm(arm, weights)
        assert all({*COUNTS, "pool"} <= row.keys() for row in rows)
        spent = {count: rows[0][count] for count in COUNTS}
        drawn = 2 * TINY.prompts * TINY.group
        expected = {
            "grpo-g16": 2,
            "grpo-2x-updates": 2,
            "grpo-4x-updates": 4,
            "compose-blind": 0,
            "sft": 0,
        }.get(arm.algorithm, 1)
        assert spent["completions"] + spent["prefixed"] == drawn * expected
        assert (spent["parts"] > 0) == arm.algorithm.startswith("compose")
        assert (spent["references"] > 0) == (arm.algorithm in ("relift", "sft", "backtrack"))


def test_plans_leave_out_what_an_axis_has_no_problems_for() -> None:
    def names(axis: str) -> set[str]:
        return {arm.algorithm for arm in beyond_plan(find_axis(axis), seeds=1).arms}

    assert names("composition") == set(BEYOND)
    assert names("length") == {name for name in BEYOND if not name.startswith("compose")}
    assert names("tokens") == names("length") - {"mixed"}
    plan = beyond_plan(AXIS, seeds=2)
    assert {arm.base.cell.name for arm in plan.arms} == {"depth 3, overlap 0", "depth 3, overlap 0.01"}
    assert {arm.steps for arm in plan.arms} == {(300, 600)}
    with pytest.raises(InputError):
        beyond_plan(AXIS, seeds=0, algorithms=["nothing"])


def test_the_standard_study_is_what_it_was() -> None:
    """The committed studies: their algorithms, as many arms, and tests that follow from their rows as they did."""
    for name in ("depth", "length", "tokens", "composition"):
        committed = read_json(ROOT / "docs/studies" / name / "results.json")
        plan = make_plan(find_axis(name))
        assert list(STANDARD) == [*dict.fromkeys(("grpo", *STANDARD))]
        assert len(plan.arms) == committed["plan"]["arms"]
        assert len(plan.bases) == committed["plan"]["bases"]
        assert {arm.algorithm for arm in plan.arms} == set(committed["plan"]["algorithms"])
        ran = {(entry["cell"], entry["algorithm"], entry["step"]) for entry in committed["conditions"]}
        assert ran == {(arm.base.cell.name, arm.algorithm, step) for arm in plan.arms for step in arm.steps}
    table = StudyTable(pyarrow.parquet.read_table(ROOT / "docs/studies/depth/results.parquet").to_pylist())
    committed = read_json(ROOT / "docs/studies/depth/results.json")
    assert [entry["T3"] for entry in laws(table)] == [entry["T3"] for entry in committed["laws"]]


LOW, HIGH, WIDE = Interval(-2, -3, -1), Interval(3, 1, 5), Interval(3, -1, 7)
SURE, UNSURE = Support(50, 20, 0.3, 1e-9), Support(50, 1, 0.3, 0.2)


@pytest.mark.parametrize(
    ("t3", "on_trained", "on_held_out", "gain", "references", "verdict"),
    [
        (SURE, HIGH, HIGH, HIGH, False, "expanded"),
        (SURE, HIGH, HIGH, HIGH, True, "expanded"),
        (SURE, HIGH, WIDE, HIGH, True, "taught"),
        (SURE, HIGH, WIDE, HIGH, False, "expanded, trained only"),
        (SURE, WIDE, HIGH, HIGH, False, "sharpened"),
        (UNSURE, HIGH, HIGH, HIGH, False, "sharpened"),
        (SURE, LOW, LOW, HIGH, True, "sharpened"),
        (UNSURE, WIDE, WIDE, WIDE, False, "nothing"),
        (UNSURE, LOW, LOW, LOW, False, "nothing"),
    ],
)
def test_the_rule(
    t3: Support, on_trained: Interval, on_held_out: Interval, gain: Interval, references: bool, verdict: str
) -> None:
    assert judge(t3, on_trained, on_held_out, gain, seeds=5, references=references) == verdict
    assert judge(t3, on_trained, on_held_out, gain, seeds=4, references=references) == "undecided"


def made_rows(
    plan: Plan, success: dict[str, tuple[float, float]], drawn: dict[str, int]
) -> list[dict[str, Any]]:
    """Twenty problems a side, of which 15 have no support; ``success``: of those, the share lifted on either side."""
    rows = []
    for arm in plan.arms:
        for side, share in zip(("trained", "held_out"), success[arm.algorithm], strict=True):
            for index in range(20):
                lifted = index < share * 15 + arm.base.seed % 2
                q = 1e-9 if index < 15 else 0.2
                spent = dict.fromkeys(COUNTS, 0) | {"completions": drawn[arm.algorithm], "updates": 300}
                rows.append(
                    {"axis": "depth", "cell": arm.base.cell.name, "role": "dose", "overlap": 0.0, "seed": arm.base.seed,
                     "algorithm": arm.algorithm, "step": 300, "prompt": str(index), "side": side, "Q": q,
                     "p": 0.5 if lifted else q, "N": 100, "kl": 1.0, "excess": 0.5, "tabular": None, "tilt": None,
                     "pool": 512, **spent, "references": 9_000 * (arm.algorithm in ("relift", "sft"))}
                )  # fmt: skip
    return rows


def test_judgements_hold_an_algorithm_against_grpo_at_no_less_cost() -> None:
    names = ["grpo", "grpo-g16", "grpo-2x-updates", "compose", "relift", "sft", "rft"]
    plan = beyond_plan(AXIS, seeds=5, steps=(300,), algorithms=names)
    success = {
        "grpo": (0.0, 0.0), "grpo-g16": (0.2, 0.2), "grpo-2x-updates": (0.4, 0.0), "compose": (0.8, 0.4),
        "relift": (0.6, 0.0), "sft": (0.0, 0.0), "rft": (0.4, 0.4),
    }  # fmt: skip
    drawn = dict.fromkeys(names, 76_800) | {
        "grpo-g16": 153_600,
        "grpo-2x-updates": 153_600,
        "compose": 120_000,
    }
    judged = {
        one.algorithm: one
        for one in judge_beyond(plan, StudyTable(made_rows(plan, success, drawn)))
        if one.cell == AXIS.main
    }
    assert {name: one.control for name, one in judged.items()} == {
        "grpo": "grpo", "relift": "grpo", "sft": "grpo", "rft": "grpo",
        "grpo-g16": "grpo-g16", "grpo-2x-updates": "grpo-g16", "compose": "grpo-g16",
    }  # fmt: skip
    compose = judged["compose"]
    assert compose.without_support == {"trained": 15.0, "held_out": 15.0}
    assert compose.against["grpo-g16"]["trained"].value == pytest.approx(9)
    assert compose.against["grpo-2x-updates"]["held_out"].value == pytest.approx(6)
    verdicts = {name: one.verdict for name, one in judged.items()}
    assert verdicts["compose"] == verdicts["rft"] == "expanded"
    assert verdicts["relift"] == "taught"
    assert verdicts["grpo"] == verdicts["sft"] == "sharpened" or verdicts["grpo"] == "nothing"


def test_what_is_without_support_is_the_same_for_all_algorithms_of_a_cell() -> None:
    """Q = 5e-5: expected 0.0075 times in 150 draws a problem, 0.015 times in the 300 of the dearest."""
    names = ["grpo", "grpo-g16"]
    plan = beyond_plan(AXIS, seeds=2, steps=(300,), algorithms=names)
    rows = made_rows(plan, dict.fromkeys(names, (0.0, 0.0)), {"grpo": 76_800, "grpo-g16": 153_600})
    for row in rows:
        row["Q"] = 5e-5 if row["Q"] < 0.1 else row["Q"]
    assert all(
        one.without_support == {"trained": 0, "held_out": 0} for one in judge_beyond(plan, StudyTable(rows))
    )
    alone = beyond_plan(AXIS, seeds=2, steps=(300,), algorithms=["grpo"])
    table = StudyTable([row for row in rows if row["algorithm"] == "grpo"])
    assert all(one.without_support["trained"] == 15 for one in judge_beyond(alone, table))


def test_a_study_beyond_writes_its_page_and_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leadline.studies import study as study_module

    made = study_module.beyond_plan
    monkeypatch.setattr(
        study_module, "beyond_plan", lambda axis, **settings: made(axis, scale=TINY, **settings)
    )
    names = ["grpo", "compose", "relift"]
    told: list[str] = []
    settings: dict[str, Any] = {
        "seeds": 1,
        "steps": (1, 2),
        "algorithms": names,
        "workers": 0,
        "beyond": True,
    }
    assert run_study("depth", tmp_path / "dry", note=told.append, dry_run=True, **settings) == {}
    assert "2 of 2 base models and 6 of 6 arms to compute" in told.pop()
    assert not (tmp_path / "dry").exists()
    result = run_study("depth", tmp_path, note=told.append, **settings)
    assert (
        result["command"]
        == "leadline study depth --beyond --seeds 1 --algorithms grpo,compose,relift --steps 1,2"
    )
    assert len(result["judgements"]) == 2 * 2 * 3
    assert {one["verdict"] for one in result["judgements"]} == {"undecided"}
    page = (tmp_path / "report.html").read_text()
    assert "What each algorithm was given" in page
    assert "One seed gives no interval" in page
    assert page.count("<svg") == 8
    columns = pyarrow.parquet.read_table(tmp_path / "results.parquet").column_names
    assert {*COUNTS, "pool", "Q", "p"} <= set(columns)
    assert run_study("depth", tmp_path, note=told.append, **settings) == result
    assert "0 of" in told[1]


def test_keys_of_stored_cells_are_what_they_were() -> None:
    base = BaseTask("depth", AXIS.cell("depth 3, overlap 0.01"), FULL, 0)
    assert base.key == "19232b3bea161ff5893da324"
    assert ArmTask(base, "grpo", (60, 600)).key == "d8869c75b53f3e1d2e168c8b"
    assert (
        BaseTask("tokens", find_axis("tokens").cell("shared embeddings"), FULL, 3).key
        == "0027a149bb6b962cff8d32ba"
    )
