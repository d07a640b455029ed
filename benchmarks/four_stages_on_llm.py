"""The four stages on a real language model: base, SFT by full / LoRA / none, GRPO with a reflection reward, evaluation.

    LEADLINE_DATA=FOLDER python benchmarks/four_stages_on_llm.py --model models/smollm2-135m

FOLDER holds gsm8k_train.jsonl and gsm8k_test.jsonl. The worked solutions of the training file are imitated in <think>
and <answer> tags; GRPO is paid for accuracy, format and reflection, as in arXiv 2603.14041; what is measured are the
first problems of the test file. Before GRPO the model that it starts from is probed on training problems, and what
that foretold of its live groups stands beside those of its first steps. One seed: what is printed is what came of one
run. Finished runs are kept, stopped ones go on. The last line is JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from leadline.diagnosis.probe.first_steps import FIRST_STEPS
from leadline.stats import Interval, predicted_share
from leadline.storage.jsonl import write_text_atomic
from leadline.storage.run_directory import RunReader
from llm_runs import carry_out, gain, keep, rates, run_parser, shared_changes

METHODS = {"full": 2.0e-5, "lora": 5.0e-4, "none": 0.0}
"""Kinds of supervised fine-tuning, with the rate of each."""
SYSTEM = "Solve the problem. Put your reasoning into <think> </think> and the final number into <answer> </answer>."
ARM = "{reflection: {advantage: grpo, rewards: {accuracy: 1.0, format: 0.5, reflection: 0.5}}}"
SAMPLES = 4
"""Of each problem in an evaluation."""


def changes(options: argparse.Namespace, method: str) -> list[str]:
    """Of the packaged recipe ``smollm2``."""
    data = Path(os.environ.get("LEADLINE_DATA", "."))
    supervised = [
        f"sft.steps={options.sft_steps}",
        "sft.batch_size=16",
        "sft.checkpoint_every=20",
        f"sft.optimiser={{learning_rate: {METHODS[method]}, decay: cosine, betas: [0.9, 0.999], weight_decay: 0.0}}",
    ]
    return [
        f"model.source={json.dumps(str(options.model))}",
        f"data.train={json.dumps(str((data / 'gsm8k_train.jsonl').resolve()))}",
        f"data.evaluation={json.dumps(str((data / 'gsm8k_test.jsonl').resolve()))}",
        f"data.system_prompt={json.dumps(SYSTEM)}",
        f"sft.method={method}",
        *(supervised if method != "none" else []),
        f"rl.steps={options.steps}",
        "rl.prompts=8",
        "rl.max_tokens=160",
        "rl.validation_problems=8",
        f"arms={ARM}",
        f"evaluation.problems={options.problems}",
        f"evaluation.samples={SAMPLES}",
        f"evaluation.ks=[1, {SAMPLES}]",
        f"seed={options.seed}",
        *shared_changes(options),
    ]


def run_method(options: argparse.Namespace, method: str) -> None:
    """One run; the model that GRPO started from is probed."""
    folder = options.out / method
    carry_out(folder, changes(options, method))
    forecast = options.out / f"{method}-probe.json"
    if forecast.is_file():
        return
    trained = [path.parent for path in (folder / "checkpoints" / "sft").glob("*/config.json")]
    start = max(trained, default=options.model)  # of LoRA the merged model alone is one
    data = Path(os.environ.get("LEADLINE_DATA", ".")) / "gsm8k_train.jsonl"
    asked = ["--limit", str(options.problems), "--samples", "8", "--max-tokens", "160", "--group", "8"]
    done = subprocess.run(
        [sys.executable, "-m", "leadline.cli.main", "probe", str(start), "--data", str(data), "--system", SYSTEM,
         *asked, "--json", "--out", str(options.out / f"{method}-probe")],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{method}: probe: {done.stderr[-500:]}")
    write_text_atomic(forecast, done.stdout)


def measure(options: argparse.Namespace, method: str) -> dict[str, Any]:
    """Stage -> what the evaluation showed; paired gains over problems; live groups foretold and seen."""
    reader = RunReader(options.out / method)
    stages = reader.summary["arms"]
    solved = {name: rates(reader, name) for name in stages}
    found: dict[str, Any] = {
        "stages": {
            name: {key: stage[key] for key in ("pass@1", "mean_tokens", "truncated") if key in stage}
            for name, stage in stages.items()
        },
        "gains": {},
    }
    order = [name for name in ("base", "sft", "reflection") if name in solved]
    for before, after in itertools.pairwise(order):
        found["gains"][f"{before} to {after}"] = gain(solved[before], solved[after], SAMPLES).as_list()
    values = json.loads((options.out / f"{method}-probe.json").read_text())
    rows = [row for row in reader.metrics("reflection") if row["stage"] == "rl"][:FIRST_STEPS]
    found["verdict"] = values["sentences"][0]
    found["live_foretold"] = values["live_groups"]["8"]
    foretold = predicted_share(Interval(*values["live_groups"]["8"]), 8 * len(rows))
    found["first_steps_foretold"] = foretold.as_list()
    found["live_seen"] = float(np.mean([row["mixed"] for row in rows]))
    return found


def show(found: dict[str, Any]) -> None:
    for method, row in found.items():
        print(f"SFT {method}")
        for name, stage in row["stages"].items():
            print(f"  {name:12}" + "  ".join(f"{key} {_text(value)}" for key, value in stage.items()))
        for name, (value, low, high) in row["gains"].items():
            print(f"  {name}: {100 * value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]")
        _, low, high = (100 * part for part in row["first_steps_foretold"])
        print(f"  live groups, foretold for the first steps {low:.0f} to {high:.0f}%, ", end="")
        print(f"seen {100 * row['live_seen']:.0f}%; {row['verdict']}")


def _text(value: Any) -> str:
    return f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]" if isinstance(value, list) else f"{value:.3f}"


def main() -> None:
    parser = run_parser(__doc__, "four-stages-on-llm")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS))
    parser.add_argument("--sft-steps", type=int, default=40)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.model = options.model.resolve()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    started = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda method: run_method(options, method), options.methods))
    found = {method: measure(options, method) for method in options.methods}
    show(found)
    print(f"{time.monotonic() - started:.0f} s")
    kept = {
        "model": options.model.name,
        "sft_steps": options.sft_steps,
        "steps": options.steps,
        "methods": found,
    }
    keep(options, kept)


if __name__ == "__main__":
    main()
