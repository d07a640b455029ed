"""How much a language model learns in its first steps: the pace that the probe's forecast allows for.

    python benchmarks/first_steps_on_llm.py --model models/smollm2-135m --out runs/first-steps --jobs 2 --threads 1

The live groups of the first three steps are foretold of the model before training, and it may learn within them. Twelve
families of problems that no other benchmark asks (``PACE_TASKS``), three steps of GRPO each with the settings of
``make demo-llm``, say how fast: the pace is the rise of the log-odds of success per step that takes the fitted law of
Q from the success before (held-out problems and the batch of the first step, which the same weights answered) to that
after three steps. Mean and spread over families, the noise of few samples and the doubt of the mean in it, are `PACE`
and `PACE_SPREAD` of `leadline.diagnosis.probe.first_steps`. Whether the forecast then holds is for other families to
say (`probe_on_llm.py`). Finished runs are kept, stopped ones go on; the last line is JSON.

    --read FILE      show what such a file holds; run nothing
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from leadline.diagnosis.probe.first_steps import FIRST_STEPS, success_after
from leadline.stats import fit_mass_law
from leadline.stats.roots import crossing_of
from leadline.storage.run_directory import RunReader
from llm_runs import carry_out, keep, outcomes, run_parser
from llm_tasks import PACE_TASKS, write_tasks
from probe_on_llm import changes, prompts

RAREST = 0.002  # success afterwards that counts as this much where none was seen
STEEPEST = 12.0


def train(options: argparse.Namespace, problems: Path, seed: int) -> dict[str, Any]:
    """Base model sampled, three steps, the same problems asked again: one run."""
    folder = options.out / f"{problems.stem}-{seed}"
    given = argparse.Namespace(**vars(options) | {"seed": seed})
    silent = ["rl.validate_every=1000", "rl.checkpoint_every=1000"]
    carry_out(folder, changes(given, problems, FIRST_STEPS) + silent)
    row = {"task": problems.stem, "seed": seed} | measured(folder)
    print(f"{problems.stem}, seed {seed}: {line_of(row)}", flush=True)
    return row


def counts(reader: RunReader, arm: str) -> list[list[int]]:
    """[samples, right ones] of every problem."""
    return [[len(values), sum(values)] for _, values in sorted(outcomes(reader, arm).items())]


def measured(folder: Path) -> dict[str, Any]:
    """Counts before and after, and of every step its live groups and the share of right completions."""
    reader = RunReader(folder)
    rows = [row for row in reader.metrics("grpo") if row["stage"] == "rl"][:FIRST_STEPS]
    size = prompts(folder)
    live = [round(row["mixed"] * size) for row in rows]
    asked = {"before": counts(reader, "base"), "after": counts(reader, "grpo")}
    right = [row["pass@1"] for row in rows]
    return asked | {"groups": size, "completions": rows[0]["completions"], "live": live, "right": right}


def success(row: dict[str, Any]) -> tuple[float, float]:
    """Before training, all samples of the first model together, and after the last step."""
    before, after = np.array(row["before"], float), np.array(row["after"], float)
    right = before[:, 1].sum() + row["right"][0] * row["completions"]
    return float(right / (before[:, 0].sum() + row["completions"])), float(
        after[:, 1].sum() / after[:, 0].sum()
    )


def pace(row: dict[str, Any]) -> float | None:
    """Log-odds per step; None where no held-out problem was ever solved before, so that there is no law of Q."""
    counts_before = np.array(row["before"], float)
    if not counts_before[:, 1].any():
        return None
    law = fit_mass_law(counts_before[:, 0], counts_before[:, 1])

    def strength(share: float) -> float:
        """Of the tilt that gives the law this mean."""
        return crossing_of(
            lambda a: law.average(partial(success_after, strength=a)) - share, -STEEPEST, STEEPEST
        )

    before, after = success(row)
    return (strength(max(after, RAREST)) - strength(before)) / FIRST_STEPS


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    values = np.array([found for row in rows if (found := pace(row)) is not None])
    spread = float(values.std(ddof=1) * np.sqrt(1 + 1 / values.size))
    return {"runs": int(values.size), "pace": float(values.mean()), "spread": spread}


def line_of(row: dict[str, Any]) -> str:
    (before, after), found = success(row), pace(row)
    told = "not known" if found is None else f"{found:+.2f} a step"
    return f"pass@1 {100 * before:.1f}% -> {100 * after:.1f}%, log-odds {told}"


def main() -> None:
    parser = run_parser(__doc__, "first-steps")
    parser.add_argument("--seeds", default="100")
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--read", type=Path)
    options = parser.parse_args()
    if options.read:
        rows = json.loads(options.read.read_text())["rows"]
        for row in rows:
            print(f"{row['task']}, seed {row['seed']}: {line_of(row)}")
    else:
        files = write_tasks(options.out / "problems", tuple(PACE_TASKS))
        work = [(path, int(seed)) for seed in options.seeds.split(",") for path in files.values()]
        with ThreadPoolExecutor(options.jobs) as pool:
            rows = [done.result() for done in [pool.submit(train, options, *each) for each in work]]
    found = summary(rows)
    print(f"{found['runs']} runs: log-odds {found['pace']:+.2f} a step, spread {found['spread']:.2f}")
    keep(options, {"model": options.model.name, "rows": rows} | found)


if __name__ == "__main__":
    main()
