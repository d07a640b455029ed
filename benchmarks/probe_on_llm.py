"""The probe's forecasts on a real language model, held to what then happened.

    leadline model fetch smollm2-135m
    python benchmarks/probe_on_llm.py --model models/smollm2-135m --out runs/probe-on-llm --jobs 2

For every family of problems (benchmarks/llm_tasks.py) one run: the base model is sampled and probed on held-out
problems, GRPO trains for the same number of steps on others, and the held-out problems are asked again. The table sets
the verdict, the live groups (right and wrong answers in one group) foretold beside those of the first three steps, and
what was gained. One process a family; families that are finished are not run again, and stopped ones go on.

    --only "small sums,GSM8K"    some families
    --skip-hopeless                train only where the probe says that there is something to learn from
    --svg FILE                     the figure; the last line printed is JSON, ``--json FILE`` keeps it
    --read FILE                    show what such a file holds; run nothing

The forecast is judged on other samples than those that made it: the groups of the first steps are drawn for training,
from other problems.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from leadline.diagnosis.probe.first_steps import FIRST_STEPS
from leadline.display.blocks import Finding, Table
from leadline.display.page import finding_page
from leadline.display.svg import Mark, Plot, Series, stack
from leadline.grading.restated import is_restated
from leadline.grading.text.extract import extract_answer
from leadline.recipes import find_recipe
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.stats import Interval, clopper_pearson, predicted_share
from leadline.storage.jsonl import write_text_atomic
from leadline.storage.run_directory import RunReader
from llm_runs import carry_out, gain, keep, rates, run_parser, shared_changes
from llm_tasks import TASKS, write_tasks

HOPELESS = ("sft_first", "saturated", "split")
GAIN_IF_WORTH, GAIN_IF_NOT = 0.05, 0.03
"""What a task called worth it should gain at least, and one without signal at most."""


def changes(options: argparse.Namespace, problems: Path, steps: int) -> list[str]:
    """Of the packaged recipe, for one family."""
    return [
        f"model.source={json.dumps(str(options.model))}",
        f"data.train={json.dumps(str(problems))}",
        "data.evaluation_share=0.25",
        f"rl.steps={steps}",
        "arms={grpo: {advantage: grpo}}",
        f"evaluation.problems={options.problems}",
        f"evaluation.samples={options.samples}",
        f"seed={options.seed}",
        *shared_changes(options),
    ]


def run_task(options: argparse.Namespace, name: str, problems: Path) -> None:
    """Probe, and train where it is asked for; each a run of its own, so that a forecast is never made afterwards."""
    folder = options.out / problems.stem
    carry_out(folder / "probe", changes(options, problems, 0))
    verdict = probed(folder / "probe")
    print(f"{name}: {verdict['sentences'][0]}", flush=True)
    if options.skip_hopeless and verdict["verdict"] in HOPELESS:
        print(f"{name}: not trained (leave --skip-hopeless out to train it all the same)", flush=True)
        return
    carry_out(folder / "train", changes(options, problems, options.steps))
    print(f"{name}: pass@1 {gain_line(measure(folder / 'train'))}", flush=True)


def probed(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "probe-base.json").read_text())["values"]
    return values


def restated(run_: RunReader, arm: str) -> float:
    """Share of the samples that were called right for restating the question: what an earlier grader paid for."""
    rows = list(run_.samples(arm, "eval"))
    found = [
        row["correct"] is True
        and is_restated(extract_answer(row["completion"]) or "", row["prompt"], row["gold"])
        for row in rows
    ]
    return float(np.mean(found))


def measure(folder: Path) -> dict[str, Any]:
    """Before, after, the gain with its interval over problems, tokens, and the live groups of the first steps."""
    reader = RunReader(folder)
    before, after = rates(reader, "base"), rates(reader, "grpo")
    rows = [row for row in reader.metrics("grpo") if row["stage"] == "rl"]
    groups = [round(row["mixed"] * prompts(folder)) for row in rows[:FIRST_STEPS]]
    seen, asked = sum(groups), prompts(folder) * len(groups)
    low, high = clopper_pearson(seen, asked)
    arms = reader.summary["arms"]
    return {
        "before": float(np.mean(list(before.values()))),
        "after": float(np.mean(list(after.values()))),
        "gain": gain(before, after, recipe_of(folder).evaluation.samples).as_list(),
        "restated": restated(reader, "grpo"),
        "live_seen": [seen / asked, float(low), float(high)],
        "live_at_first": groups[0] / prompts(folder),
        "groups": asked,
        "tokens": [arms["base"]["mean_tokens"], arms["grpo"]["mean_tokens"]],
        "steps": len(rows),
    }


def recipe_of(folder: Path) -> Recipe:
    return parse_recipe((folder / "recipe.yaml").read_text())


def prompts(folder: Path) -> int:
    return recipe_of(folder).rl.prompts


def gain_line(row: dict[str, Any]) -> str:
    value, low, high = (100 * part for part in row["gain"])
    return f"{row['before']:.3f} -> {row['after']:.3f} ({value:+.1f} points [{low:+.1f}, {high:+.1f}])"


def collect(options: argparse.Namespace, files: dict[str, Path]) -> list[dict[str, Any]]:
    """A row per family: what was foretold, and what happened where it was trained."""
    rows = []
    for name, path in files.items():
        folder = options.out / path.stem
        if not (folder / "probe" / "summary.json").is_file():
            continue
        values = probed(folder / "probe")
        group = find_recipe("smollm2", []).rl.group_size
        row: dict[str, Any] = {
            "task": name,
            "verdict": values["verdict"],
            "sentence": values["sentences"][0],
            "pass@1": values["pass_at_k"]["1"],
            "live_foretold": values["live_groups"][str(group)],
            "first_steps_foretold": values["first_steps"]["live_groups"],
            "unchanged_foretold": values["first_steps"]["unchanged"],
        }
        if (folder / "train" / "summary.json").is_file():
            row |= measure(folder / "train")
        rows.append(judge_forecast(row))
    return rows


def judge_forecast(row: dict[str, Any]) -> dict[str, Any]:
    """The row with whether its first groups showed what was foretold of them."""
    if "gain" not in row:
        return row
    if "first_steps_foretold" not in row:  # of results that are older than this forecast
        plain = predicted_share(Interval(*row["live_foretold"]), row["groups"]).as_list()
        row |= {"first_steps_foretold": plain, "unchanged_foretold": plain}
    row["live_held"] = holds(row["first_steps_foretold"], row["live_seen"][0])
    row["unchanged_held"] = holds(row["unchanged_foretold"], row["live_seen"][0])
    if "live_at_first" in row:  # before any update: the very model that was probed
        alone = predicted_share(Interval(*row["live_foretold"]), row["groups"] // FIRST_STEPS)
        row["first_held"] = holds(alone.as_list(), row["live_at_first"])
    return row


def holds(interval: list[float], seen: float) -> bool:
    return interval[1] - 1e-9 <= seen <= interval[2] + 1e-9


def show(rows: list[dict[str, Any]]) -> None:
    print(
        f"\n{'task':22}{'verdict':15}{'live groups predicted':24}{'in the first steps':20}{'seen':16}pass@1"
    )
    for row in rows:
        value, low, high = (100 * part for part in row["live_foretold"])
        line = f"{row['task']:22}{row['verdict']:15}{f'{value:.0f}% [{low:.0f}, {high:.0f}]':24}"
        if "gain" in row:
            low, high = (100 * part for part in row["first_steps_foretold"][1:])
            line += f"{f'{low:.0f} to {high:.0f}%':20}"
            seen = 100 * row["live_seen"][0]
            mark = "" if row["live_held"] else " (missed)"
            line += f"{f'{seen:.0f}%{mark}':16}{gain_line(row)}"
            if row["restated"] > 0.01:
                line += f", {row['restated']:.0%} merely restate the question"
        print(line)
    trained = [row for row in rows if "gain" in row]
    known = [row["first_held"] for row in trained if "first_held" in row]
    if known:
        print(
            f"\nlive groups of the first step, before any update: as predicted on {sum(known)} of {len(known)} tasks"
        )
    worth = [row for row in trained if row["verdict"] in ("worth_it", "drop_problems")]
    without = [row for row in trained if row["verdict"] in HOPELESS]
    print(
        f"live groups of the first steps: as predicted on {sum(r['live_held'] for r in trained)} of {len(trained)} "
        f"tasks (as predicted of a model that learns nothing in them: {sum(r['unchanged_held'] for r in trained)}); "
        f"called worth it and gained over {100 * GAIN_IF_WORTH:.0f} points: "
        f"{sum(r['gain'][0] > GAIN_IF_WORTH for r in worth)} of {len(worth)}; "
        f"called without signal and gained under {100 * GAIN_IF_NOT:.0f}: "
        f"{sum(r['gain'][0] < GAIN_IF_NOT for r in without)} of {len(without)}"
    )


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Live groups foretold and seen, a row per family; below it success before and after."""
    trained = [row for row in rows if "gain" in row]
    names = [f"{row['task']}: {row['verdict'].replace('_', ' ')}" for row in trained]
    live = [
        Series(
            "predicted for these steps",
            [Mark(v, at - 0.15, lo, hi) for at, (v, lo, hi) in each(trained, "first_steps_foretold")],
            0,
        ),
        Series("seen", [Mark(row["live_seen"][0], at + 0.15) for at, row in enumerate(trained)], 1),
    ]
    success = [
        Series("before", [Mark(row["before"], at) for at, row in enumerate(trained)], 0, hollow=True),
        Series("after GRPO", [Mark(row["after"], at) for at, row in enumerate(trained)], 1),
    ]
    look: dict[str, Any] = {"rows": names, "percent": True, "row_height": 34.0}
    title = "Groups of 8 with right and wrong answers: what the probe predicted, and the first three steps"
    path.parent.mkdir(parents=True, exist_ok=True)
    plots = [
        Plot(title, "share of groups, 95% interval", "", live, **look),
        Plot("Success on held-out problems, before and after", "pass@1", "", success, **look),
    ]
    write_text_atomic(path, stack(plots))


def page(rows: list[dict[str, Any]], title: str) -> str:
    """One HTML page: what was foretold beside what happened, a row per family."""
    lines = []
    for row in rows:
        foretold, trained = row["live_foretold"], "gain" in row
        lines.append(
            (
                row["task"],
                row["sentence"].split(":")[0],
                span(row["pass@1"]),
                span(row["first_steps_foretold"] if trained else foretold),
                f"{100 * row['live_seen'][0]:.0f}%" if trained else "not trained",
                f"{100 * row['after']:.1f}%" if trained else "",
                gain_line(row).split("(")[1].rstrip(")") if trained else "",
            )
        )
    columns = ("family", "said beforehand", "pass@1 before", "live groups predicted", "seen, first 3 steps")
    table = Table("by family", (*columns, "pass@1 after", "gain"), tuple(lines))
    held = sum(row.get("live_held", False) for row in rows)
    trained = sum("gain" in row for row in rows)
    known = [row["first_held"] for row in rows if "first_held" in row]
    sentences = (
        f"The first steps showed as many live groups as was predicted on {held} of {trained} families.",
        *([f"The first step alone, before any update, on {sum(known)} of {len(known)}."] if known else []),
    )
    return finding_page(Finding(title, "", sentences, (table,)))


def span(values: list[float]) -> str:
    """A share with its limits, in percent."""
    value, low, high = (100 * part for part in values)
    return f"{value:.0f}% [{low:.0f}, {high:.0f}]"


def each(rows: list[dict[str, Any]], key: str) -> list[tuple[int, list[float]]]:
    return [(at, row[key]) for at, row in enumerate(rows)]


def main() -> None:
    parser = run_parser(__doc__, "probe-on-llm")
    parser.add_argument(
        "--problems-from", type=Path, help="folder of the families' files; OUT/problems when not given"
    )
    parser.add_argument("--only", default=",".join(TASKS))
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--problems", type=int, default=96)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-hopeless", action="store_true")
    parser.add_argument("--collect", action="store_true", help="show what is there; run nothing")
    parser.add_argument("--write-problems", action="store_true", help="make the families' files and stop")
    parser.add_argument("--read", type=Path, help="show what a JSON file holds; run nothing")
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--html", type=Path, help="a page: what was foretold beside what happened")
    options = parser.parse_args()
    if options.read:
        rows = [judge_forecast(row) for row in json.loads(options.read.read_text())["rows"]]
        show(rows)
        if options.svg:
            draw(rows, options.svg)
        return
    names = [name.strip() for name in options.only.split(",")]
    files = write_tasks(options.problems_from or options.out / "problems", names)
    if options.write_problems:
        return
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    started = time.monotonic()
    waiting = {} if options.collect else files
    with ThreadPoolExecutor(options.jobs) as pool:
        for done in [pool.submit(run_task, options, name, path) for name, path in waiting.items()]:
            try:
                done.result()
            except SystemExit as fault:
                print(fault, flush=True)
    rows = collect(options, files)
    show(rows)
    print(f"{time.monotonic() - started:.0f} s")
    if options.svg:
        draw(rows, options.svg)
    if options.html:
        title = f"{options.model.name}: predicted and seen, {options.steps} steps of GRPO"
        write_text_atomic(options.html, page(rows, title))
        print(f"Report: {options.html}")
    keep(options, {"model": options.model.name, "steps": options.steps, "rows": rows})


if __name__ == "__main__":
    main()
