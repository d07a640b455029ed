"""Cells are pure functions: the same bytes whatever the number of workers, the order, or what was killed on the way."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leadline.errors import InputError, LeadlineError, MissingExtra
from leadline.studies.design.axes import find_axis
from leadline.studies.design.cell import ArmTask, BaseTask
from leadline.studies.execution.cost import Cost, outstanding
from leadline.studies.execution.pools import Here, Pool, Processes, open_pool
from leadline.studies.execution.runner import StudyProgress, run_plan
from leadline.studies.execution.store import Store
from leadline.studies.plan import Plan, make_plan
from leadline.studies.study import write_outputs
from pool_work import die, refuse, slow_square
from tiny_study import TINY

COST = Cost(0.01, 0.01, 0.01)


def tiny_plan(**settings: Any) -> Plan:
    names = ["lead", "sft", "compose", "relift", "backtrack"]
    wanted: dict[str, Any] = {"seeds": 1, "algorithms": names, "steps": (1, 2), "quick": True}
    return make_plan(find_axis("depth"), scale=TINY, **(wanted | settings))


def digests(root: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (root / "cells").iterdir()}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    root = tmp_path_factory.mktemp("reference")
    plan = tiny_plan()
    run_plan(plan, root, Here(), COST)
    return plan, root


def test_rows_say_what_happened(reference: tuple[Plan, Path]) -> None:
    plan, root = reference
    rows = run_plan(plan, root, Here(), COST)
    assert {row["cell"] for row in rows} == {cell.name for cell in (arm.base.cell for arm in plan.arms)}
    trained = [row for row in rows if row["side"] == "trained" and row["algorithm"] == "lead"]
    assert {row["N"] for row in trained} == {
        4,
        8,
    }  # every problem is visited every step here: 4 prompts, G = 4
    assert all(row["N"] == 0 for row in rows if row["side"] == "held_out")
    assert all(0 <= row["Q"] <= 1 and 0 <= row["p"] <= 1 for row in rows)
    assert all(row["kl"] >= row["excess"] >= 0 for row in rows)
    assert all(row["kl"] == 0 for row in rows if row["algorithm"] == "lead" and row["p"] == row["Q"])


def test_two_processes_and_the_reverse_order_give_the_same_bytes(
    reference: tuple[Plan, Path], tmp_path: Path
) -> None:
    plan, root = reference
    backwards = replace(plan, arms=tuple(reversed(plan.arms)))
    run_plan(backwards, tmp_path, Processes(2), COST)
    assert digests(tmp_path) == digests(root)


def test_resuming_computes_only_what_is_missing(reference: tuple[Plan, Path], tmp_path: Path) -> None:
    plan, root = reference
    for path in (root / "cells").iterdir():
        (tmp_path / "cells").mkdir(exist_ok=True)
        (tmp_path / "cells" / path.name).write_bytes(path.read_bytes())
    gone = tmp_path / "cells" / f"arm-{plan.arms[1].key}.jsonl.gz"
    torn = tmp_path / "cells" / f"arm-{plan.arms[2].key}.jsonl.gz"
    gone.unlink()
    torn.write_bytes(torn.read_bytes()[:40])
    told: list[StudyProgress] = []
    run_plan(plan, tmp_path, Here(), COST, told.append)
    assert [progress.done for progress in told] == [1, 2]
    assert told[-1].seconds_left == pytest.approx(0, abs=1e-9)
    assert digests(tmp_path) == digests(root)


def test_a_torn_base_model_is_trained_again(reference: tuple[Plan, Path], tmp_path: Path) -> None:
    plan, _ = reference
    one = replace(plan, arms=plan.arms[:1])
    run_plan(one, tmp_path, Here(), COST)
    before = digests(tmp_path)
    base = next((tmp_path / "cells").glob("base-*"))
    base.write_bytes(base.read_bytes()[:-1])
    (tmp_path / "cells" / f"arm-{one.arms[0].key}.jsonl.gz").unlink()
    assert outstanding(one, Store(tmp_path), COST)[:2] == (1, 1)
    run_plan(one, tmp_path, Here(), COST)
    assert digests(tmp_path) == before


def test_a_killed_worker_costs_its_task_only(tmp_path: Path) -> None:
    def kill_one() -> None:
        while not list(tmp_path.iterdir()):
            time.sleep(0.05)
        os.kill(int(next(tmp_path.iterdir()).name.split("-")[1]), signal.SIGKILL)
        Path(f"{tmp_path}.killed").touch()

    killer = threading.Thread(target=kill_one)
    killer.start()
    with Processes(2) as pool:
        for number in range(4):
            pool.submit(str(number), slow_square, number, str(tmp_path))
        values = {done.name: done.value for done in (pool.next() for _ in range(4))}
    killer.join()
    assert values == {"0": 0, "1": 1, "2": 4, "3": 9}
    assert len(list(tmp_path.iterdir())) > 4  # something ran twice


def test_workers_leave_with_their_parent(tmp_path: Path) -> None:
    code = (
        "import sys; from leadline.studies.execution.pools import Processes; from pool_work import linger\n"
        "if __name__ == '__main__':\n"
        f"    with Processes(1) as pool: pool.submit('x', linger, {str(tmp_path)!r}); pool.next()\n"
    )
    script = tmp_path / "main.py"
    script.write_text(code)
    folder = str(Path(__file__).parents[1])
    parent = subprocess.Popen([sys.executable, str(script)], env=os.environ | {"PYTHONPATH": folder})
    deadline = time.monotonic() + 300
    while not (notes := list(tmp_path.glob("pid-*"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    worker = Path("/proc", notes[0].name.removeprefix("pid-"))
    while worker.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not worker.exists()


def test_a_task_that_always_kills_its_worker_is_given_up() -> None:
    with Processes(1) as pool:
        pool.submit("fatal", die, 0)
        with pytest.raises(LeadlineError, match="died 4 times"):
            pool.next()


@pytest.mark.parametrize("pool", [Here(), Processes(1)])
def test_what_a_task_raises_reaches_the_caller(pool: Pool) -> None:
    with pool:
        pool.submit("bad", refuse, 0)
        with pytest.raises(InputError, match="not like this"):
            pool.next()


def test_pools_by_option() -> None:
    assert isinstance(open_pool(0), Here)
    assert isinstance(open_pool(3), Processes)
    with pytest.raises(InputError, match="--workers -1"):
        open_pool(-1)


def test_without_ray_its_option_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"leadline\[ray\]"):
        open_pool(2, ray="auto")


@pytest.mark.slow
def test_ray_tasks_on_two_nodes_give_the_same_bytes(reference: tuple[Plan, Path], tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed (pip install 'leadline[ray]')")
    from ray.cluster_utils import Cluster

    plan, root = reference
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        pool = open_pool(0, ray=cluster.address)
        run_plan(plan, tmp_path, pool, COST)
        assert pool.workers == 2
    finally:
        cluster.shutdown()
    assert digests(tmp_path) == digests(root)


def test_keys_change_with_everything_that_decides_a_result() -> None:
    axis = find_axis("depth")
    base = BaseTask("depth", axis.cell("depth 3, overlap 0.01"), TINY, 0)
    arm = ArmTask(base, "grpo", (60,))
    others = [
        replace(arm, algorithm="lead"),
        replace(arm, steps=(60, 600)),
        replace(arm, base=replace(base, seed=1)),
        replace(arm, base=replace(base, scale=replace(TINY, rate=1e-2))),
        replace(arm, base=replace(base, cell=axis.cell("depth 3, overlap 0.1"))),
    ]
    assert len({arm.key, *(other.key for other in others)}) == 6
    same = [
        BaseTask("depth", axis.cell(name), TINY, 0).key
        for name in ("depth 3, overlap 0", "depth 4, overlap 0", "depth 2, budget 1")
    ]
    assert len(set(same)) == 1  # what is asked does not enter a pretraining that contains nothing of it
    assert base.key not in same
    doses = [BaseTask("depth", cell, TINY, 0).key for cell in axis.cells if cell.role == "dose"]
    assert len(set(doses)) == 5


def test_plans_follow_the_budget() -> None:
    plan = make_plan(find_axis("depth"), seeds=2)
    cells = {(arm.base.cell.name, arm.algorithm): arm.steps for arm in plan.arms}
    doses = [cell.name for cell in plan.axis.cells if cell.role == "dose"]
    assert all((name, algorithm) in cells for name in doses for algorithm in ("lead", "dr-grpo-kl"))
    assert {name for name, algorithm in cells if algorithm == "sft"} == {"depth 3, overlap 0.01"}
    long = {name for (name, _), steps in cells.items() if steps == (60, 600)}
    assert long == {"depth 3, overlap 0", "depth 3, overlap 0.01"}
    assert len(plan.arms) == 2 * len(cells)
    assert not any(arm.algorithm == "curriculum" for arm in make_plan(find_axis("tokens"), seeds=1).arms)
    with pytest.raises(InputError) as caught:
        make_plan(find_axis("depth"), seeds=0, algorithms=["nothing", "os:absent"], steps=[0])
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("name", ["depth", "length", "tokens", "composition"])
def test_every_cell_and_algorithm_of_the_full_plan_runs(name: str, tmp_path: Path) -> None:
    plan = make_plan(find_axis(name), seeds=1, steps=(1, 2), scale=TINY)
    rows = run_plan(plan, tmp_path, Here(), COST)
    ran = {(row["cell"], row["algorithm"], row["step"]) for row in rows}
    assert ran == {(arm.base.cell.name, arm.algorithm, step) for arm in plan.arms for step in arm.steps}
    unknown = {row["cell"] for row in rows if row["kl"] is None}
    assert unknown == (
        {"length 6, overlap 0"} if name == "length" else set()
    )  # 4,096 answers are not enumerated
    changed = {row["algorithm"] for row in rows if row["p"] != row["Q"]}
    assert {"sft", "random"} <= changed
    write_outputs(plan, rows, tmp_path, "leadline study")
    assert (tmp_path / "report.html").is_file()
