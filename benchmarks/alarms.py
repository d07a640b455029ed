"""How right the alarms are: faults put into real runs, healthy runs, simulated runs, and what the checks cost.

    python benchmarks/alarms.py                              # the faults and the simulated runs
    python benchmarks/alarms.py --healthy 'runs/*/seed-*'    # false alarms in run directories that are there
    python benchmarks/alarms.py --only faults,unseen,fresh,later,heldback,simulated

``faults``: each kind of ``tests/faults`` in a small run of the local engine and of TRL: what is named first ten steps
after it began, and how many steps it took. ``unseen``: the same for kinds that the checks were not developed on, with
other models, data and recipes; ``fresh``, ``later``, ``heldback``: twenty more each,
likewise. ``healthy``: alarms in runs that
nothing is wrong with, an arm a run. ``simulated``: likewise in simulated ones, whose numbers move as those of real runs
do. ``speed``: the share of a step's processor time (a busy machine does not matter) that the checks and the metrics
computed for them take.
"""

from __future__ import annotations

import argparse
import glob
import importlib
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from leadline.display.progress import Progress
from leadline.health import CHECKS, Observation, Watchdog
from leadline.health.sources.opening import open_records
from leadline.stats import clopper_pearson
from leadline.storage.run_directory import is_run

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

COMMITTED = ("fresh", "later", "heldback")

Faults = tuple[Sequence[Any], Callable[[Any, Any, Path], Any]]
"""Kinds of faults, and what runs one of them: (fault, where it starts, folder) -> outcome."""


def faults(scratch: Path, chosen: str, base: Path | None) -> None:
    """The kinds that the checks were developed on."""
    from faults import local_faults, trl_faults

    start = base or local_faults.base_model(scratch / "base")
    local, trl = (local_faults.FAULTS, local_faults.run_local), (trl_faults.FAULTS, trl_faults.run_trl)
    table(local, trl, start, scratch, chosen)


def unseen(scratch: Path, chosen: str) -> None:
    """Those that they were not; the models that they start from are made first."""
    from faults import unseen_local, unseen_trl

    start = unseen_local.bases(scratch / "bases")
    local, trl = (unseen_local.FAULTS, unseen_local.run_unseen), (unseen_trl.FAULTS, unseen_trl.run_unseen)
    table(local, trl, start, scratch, chosen)


def committed(name: str, scratch: Path, chosen: str) -> None:
    """A set of twenty whose answers were committed before any was run, with a model of its own."""
    on_local, on_trl = (importlib.import_module(f"faults.{name}_{place}") for place in ("local", "trl"))
    local, trl = ((module.FAULTS, getattr(module, f"run_{name}")) for module in (on_local, on_trl))
    table(local, trl, on_local.base(scratch / "base"), scratch, chosen)


def table(local: Faults, trl: Faults, start: Any, scratch: Path, chosen: str) -> None:
    """What each fault is called first, and how long that takes."""
    cases = [("local", fault, local[1]) for fault in local[0]] + [("trl", fault, trl[1]) for fault in trl[0]]
    named, kinds, delays = 0, 0, []
    print(f"{'':6}{'fault':78}{'first alarm':24}{'delay':>6}  others")
    for place, fault, run in cases:
        if not any(part in fault.name for part in chosen.split(",")):
            continue
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            out = run(fault, start, Path(folder) / "run")
        first = out.alarms[0].check.name if out.alarms else "-"
        right = first in fault.named_by
        kinds, named = kinds + 1, named + right
        delays += [out.delay] if right else []
        others = ", ".join(alarm.check.name for alarm in out.alarms[1:])
        print(
            f"{place:6}{fault.name:78}{first + ('' if right else ' (!)'):24}{out.delay or '-':>6}  {others}",
            flush=True,
        )
    middle = f", after {min(delays)} to {max(delays)} steps (median {median(delays):g})" if delays else ""
    print(f"named within 10 steps, right cause first: {named} of {kinds}{middle}")


def healthy(patterns: str) -> None:
    """Alarms in run directories."""
    runs, alarms = 0, 0
    for path in sorted(path for pattern in patterns.split(",") for path in glob.glob(pattern)):
        if not is_run(path):
            continue
        for arm, seen in open_records(Path(path)).arms.items():
            dog = Watchdog()
            dog.see_all(seen)
            found = [alarm for alarm in dog.alarms if alarm.check.alarms]
            runs, alarms = runs + 1, alarms + len(found)
            notes = [alarm.check.name for alarm in dog.alarms if not alarm.check.alarms]
            said = "; ".join(alarm.line for alarm in found) or "no alarm"
            print(
                f"{Path(path).name:26}{arm:18}{dog.history.steps:5} steps  {said}  (notes: {', '.join(notes) or '-'})"
            )
    print(f"{alarms} alarms in {runs} healthy runs")


def simulated_run(rng: random.Random, steps: int = 120) -> Iterator[Observation]:
    """A healthy run: accuracy rises, entropy falls, length drifts; each number with the noise of its completions."""
    groups, size = rng.choice([8, 32, 128]), rng.choice([4, 8, 16])
    begun, ends = rng.uniform(0.2, 0.6), rng.uniform(0.6, 0.95)
    entropy, length, cap = rng.uniform(0.1, 0.8), rng.uniform(40, 2000), rng.uniform(0.0, 0.12)
    growth, cooling, speed = rng.uniform(-0.3, 0.3), rng.uniform(0.2, 0.9), rng.uniform(500, 50_000)
    kl, wander, format_ = rng.uniform(0, 0.2), 0.0, rng.uniform(0.3, 1.0)
    for step in range(1, steps + 1):
        done = 1 - math.exp(-3 * step / steps)
        wander = 0.9 * wander + rng.gauss(0, 0.01)
        rate = min(0.99, max(0.02, begun + (ends - begun) * done + wander))
        hard = [rng.betavariate(1.5 * rate, 1.5 * (1 - rate)) for _ in range(groups)]
        right = [sum(rng.random() < chance for _ in range(size)) for chance in hard]
        accuracy = sum(right) / groups / size
        mixed = sum(0 < count < size for count in right) / groups
        tokens = length * (1 + growth * done) * math.exp(rng.gauss(0, 0.05))
        cut = sum(rng.random() < cap for _ in range(groups * size)) / groups / size
        values = {
            "reward": accuracy + 0.2 * format_, "pass@1": accuracy, "live": mixed, "mixed": mixed, "truncated": cut,
            "mean_tokens": tokens, "mean_tokens_correct": 0.9 * tokens, "mean_tokens_wrong": 1.2 * tokens,
            "wrong_to_right": math.exp(rng.gauss(0.2, 0.15)), "completions": groups * size, "groups": groups,
            "entropy": entropy * (1 - cooling * done) * math.exp(rng.gauss(0, 0.05)), "kl": kl * done,
            "reward_sd": math.sqrt(accuracy * (1 - accuracy)), "inverted": abs(rng.gauss(0, 0.02)), "loops": cut / 2,
            "ran_on": cut / 5, "repeated": 0.02, "unscorable": 0.0,
            "logp_gap": abs(rng.gauss(0.01, 0.005)), "logp_agreement": 0.99,
            "clip_share": abs(rng.gauss(0.01, 0.01)), "loss": rng.gauss(0, 0.02), "grad_norm": 0.1, "skipped_steps": 0,
            "tokens_per_second": speed * math.exp(rng.gauss(0, 0.2)), "drift_accuracy": rng.gauss(-0.1, 0.2),
            "drift_length_mixed": rng.gauss(0.1, 0.05), "drift_length_unanimous": 0.05,
            "ratio_length": rng.gauss(0, 0.2), "outranked": rng.uniform(-1.2, -0.2), "copies": rng.uniform(0, 0.7),
        }  # fmt: skip
        parts = {"format": min(1.0, format_ + 0.2 * done), "farmed": rng.uniform(0, 0.2)}
        yield Observation(step, values, parts, f"{step}")
        if step % 10 == 0:
            valid = sum(rng.random() < rate for _ in range(256)) / 256
            yield Observation(step, {"valid": valid})


def simulated(count: int) -> None:
    """The rate of false alarms, check by check."""
    rng, fired, runs = random.Random(1), Counter[str](), 0
    for _ in range(count):
        dog = Watchdog()
        dog.see_all(simulated_run(rng))
        names = {alarm.check.name for alarm in dog.alarms if alarm.check.alarms}
        runs += bool(names)
        fired.update(names)
    low, high = clopper_pearson(runs, count)
    print(
        f"simulated healthy runs of 120 steps with an alarm: {runs} of {count} [{float(low):.2%}, {float(high):.2%}]"
    )
    for check in CHECKS:
        if check.alarms:
            print(f"  {check.name:26}{fired[check.name]:6}")


class Meter:
    """Processor time of this process within calls of some functions; nested calls count once."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._inside = False

    def around(self, owner: Any, name: str) -> None:
        """Measure a function or method from now on."""
        plain = getattr(owner, name)

        def metered(*given: Any, **more: Any) -> Any:
            if self._inside:
                return plain(*given, **more)
            self._inside, begun = True, time.process_time()
            try:
                return plain(*given, **more)
            finally:
                self._inside = False
                self.seconds[name.strip("_")] += time.process_time() - begun

        setattr(owner, name, metered)


def speed(scratch: Path, steps: int) -> None:
    """Shares of the processor time of whole steps: the checks, the metrics that they need, and what writes alarms."""
    from faults import unseen_local, unseen_trl
    from leadline.engine import step_metrics
    from leadline.engine.agreement import Agreement
    from leadline.engine.policy_trainer import PolicyTrainer
    from leadline.integrations.trl import LeadCallback
    from leadline.recipes import find_recipe
    from leadline.runs.alarms import RunAlarms
    from leadline.runs.pipeline import run_recipe

    meter, whole = Meter(), Meter()
    for owner, name in (
        (step_metrics, "_signs"),
        (Agreement, "add"),
        (Agreement, "metrics"),
        (RunAlarms, "row"),
    ):
        meter.around(owner, name)
    whole.around(PolicyTrainer, "_step")
    plain = "faults.local_faults:two_digits"  # a grader that costs nothing: what is left is the more
    few = ["threads=1", "sft.steps=60", f"rl.steps={steps}", "evaluation.problems=8", "evaluation.samples=2"]
    few += ["evaluation.ks=[1]", f"evaluation.grader={plain}"]
    few += [f"arms={{grpo: {{advantage: grpo, grader: '{plain}'}}}}"]
    with Progress(Console(quiet=True)) as progress:
        run_recipe(find_recipe("quickstart", few), scratch / "speed", progress=progress)
    tell_speed("the quickstart's steps", meter, whole.seconds["step"])

    meter = Meter()
    meter.around(LeadCallback, "on_log")
    quiet = unseen_trl.UnseenTrlFault("none", ())
    trainer = unseen_trl.made(quiet, {"taught": base_of(unseen_local, scratch)}, scratch / "trl", steps)
    begun = time.process_time()
    trainer.train()
    tell_speed("steps of TRL", meter, time.process_time() - begun)


def base_of(unseen_local: Any, scratch: Path) -> Path:
    """A model to train through TRL."""
    return Path(unseen_local.base_model(scratch / "taught", unseen_local.RECIPE))


def tell_speed(what: str, meter: Meter, whole: float) -> None:
    parts = ", ".join(f"{name} {1e3 * seconds:.0f} ms" for name, seconds in meter.seconds.items())
    spent = sum(meter.seconds.values())
    print(
        f"checks and their metrics: {spent / whole:.2%} of the processor time of {what} ({parts} of {whole:.1f} s)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="faults,simulated,speed")
    parser.add_argument("--healthy", default="", help="patterns of run directories, separated by commas")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--fault", default="", help="only faults with one of these in their name")
    parser.add_argument("--steps", type=int, default=20, help="steps whose speed is measured")
    parser.add_argument(
        "--base", type=Path, help="model directory that the faults start from; else one is trained"
    )
    options = parser.parse_args()
    wanted: Any = options.only.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        if "faults" in wanted:
            faults(Path(scratch), options.fault, options.base)
        if "unseen" in wanted:
            unseen(Path(scratch), options.fault)
        for name in COMMITTED:
            if name in wanted:
                committed(name, Path(scratch), options.fault)
        if options.healthy:
            healthy(options.healthy)
        if "simulated" in wanted:
            simulated(options.simulations)
        if "speed" in wanted:
            speed(Path(scratch), options.steps)


if __name__ == "__main__":
    main()
