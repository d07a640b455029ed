"""A run that is killed again and again ends exactly where an undisturbed one does.

    python benchmarks/kill_resume.py --kills 20

Runs a short recipe once undisturbed and once under SIGKILL at random moments (every third one while a checkpoint is
being written), resumed each time. Then compares the bytes of every weight and optimiser file, the metrics (times
aside) and the results. The last line is JSON: ``{"kills": N, "identical": true|false}``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RECIPE = """
name: kill-resume
threads: 1
model: {{hidden_size: 64, intermediate_size: 96, num_layers: 2, num_heads: 2, initial_scale: 0.05}}
data: {{world: {{name: chain, steps: [1, 3]}}}}
sft: {{steps: {steps}, batch_size: 16, checkpoint_every: 3, optimiser: {{name: muon}}}}
rl: {{steps: {steps}, prompts: 8, group_size: 4, max_tokens: 32, checkpoint_every: 3, samples_every: 4,
     validate_every: 5, validation_problems: 8}}
arms:
  grpo: {{advantage: grpo, rewards: {{accuracy: 1.0, format: 0.3}}}}
  lead: {{advantage: lead, rewards: {{accuracy: 1.0, format: 0.3, reflection: 0.2}}}}
  concise: {{advantage: {{preset: concise, control_gain: 2.0}}, rewards: {{accuracy: 1.0, format: 0.3}}}}
evaluation: {{problems: 16, samples: 4, ks: [1, 4]}}
"""
TIMES = {"seconds", "sampling_seconds", "tokens_per_second"}


def start(recipe: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "leadline.cli.main", "run", str(recipe), "--out", str(out)]
    command += ["--resume"] if (out / "recipe.yaml").is_file() else []
    log = (out.parent / f"{out.name}.log").open("ab")
    return subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})


def lines(out: Path) -> int:
    path = out / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def wait_and_kill(process: subprocess.Popen[bytes], out: Path, rng: random.Random, in_write: bool) -> bool:
    """Kill after a few more metrics lines, or as soon as a checkpoint is being written; False if it ended first."""
    before, target = lines(out), rng.randint(1, 6)
    while process.poll() is None:
        writing = in_write and any(out.glob("checkpoints/*/.writing-*"))
        enough = lines(out) - before >= target
        if writing or (enough and not in_write) or lines(out) - before > 12:
            time.sleep(rng.random() * (0.002 if writing else 0.2))
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.0005 if in_write else 0.01)
    return False


def metrics(out: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def differing_rows(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> list[str]:
    """The first row of metrics that is not the same, in words."""
    if a == b:
        return []
    for number, (x, y) in enumerate(zip(a, b, strict=False), start=1):
        if x != y:
            keys = [key for key in sorted({*x, *y}) if x.get(key) != y.get(key)]
            where = ", ".join(f"{key}={x.get(key)}" for key in ("arm", "stage", "step"))
            unlike = ", ".join(f"{key} {x.get(key)} / {y.get(key)}" for key in keys)
            return [f"metrics.jsonl, row {number} ({where}): {unlike}"]
    return [f"metrics.jsonl: {len(a)} rows / {len(b)} rows"]


def differences(a: Path, b: Path) -> list[str]:
    """What is not the same to the bit, times aside."""
    found = []
    for path in sorted(a.glob("checkpoints/*/*/*.safetensors")):
        other = b / path.relative_to(a)
        if not other.is_file() or other.read_bytes() != path.read_bytes():
            found.append(str(path.relative_to(a)))
    found += differing_rows(metrics(a), metrics(b))
    results = [json.loads((out / "summary.json").read_text())["arms"] for out in (a, b)]
    if results[0] != results[1]:
        found.append("summary.json")
    return found


def compare_runs(folder: Path, kills: int, steps: int, seed: int) -> tuple[int, list[str]]:
    """Returns how often the run was killed, and what differs from the undisturbed one."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(steps=steps))
    calm, disturbed, rng = folder / "calm", folder / "disturbed", random.Random(seed)
    if start(recipe, calm).wait() != 0:
        raise SystemExit(f"the undisturbed run failed:\n{(folder / 'calm.log').read_text()}")
    done = 0
    while done < kills:
        if not wait_and_kill(start(recipe, disturbed), disturbed, rng, in_write=done % 3 == 2):
            break
        done += 1
    if start(recipe, disturbed).wait() != 0:
        raise SystemExit(f"the resumed run failed:\n{(folder / 'disturbed.log').read_text()}")
    return done, differences(calm, disturbed)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=30, help="steps of every stage")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kills, found = compare_runs(Path(folder), options.kills, options.steps, options.seed)
    for line in found:
        print(f"differs: {line}")
    print(json.dumps({"kills": kills, "identical": not found}))
    raise SystemExit(1 if found or kills < options.kills else 0)


if __name__ == "__main__":
    main()
