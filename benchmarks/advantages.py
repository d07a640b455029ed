"""How long ``group_advantages`` takes on one core: ``python benchmarks/advantages.py [--rows 1000000]``.

Rows of all groups are shuffled, ids are arbitrary 64-bit numbers, a tenth of the rows is unscorable, and every
part of the formula is switched on. Prints one line a preset, then the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from leadline.grpo.advantages import group_advantages
from leadline.grpo.config import AdvantageConfig

CONFIGS = {
    "grpo": AdvantageConfig.grpo(),
    "lead": AdvantageConfig.lead(unanimous_groups="nominal"),
    "lead mean_normalised": AdvantageConfig.lead(difficulty="mean_normalised"),
    "lead shift_only": AdvantageConfig.lead(difficulty="shift_only"),
    "lead_released_code": AdvantageConfig.lead_released_code(),
}


def batch(rows: int, group_size: int, seed: int) -> dict[str, torch.Tensor]:
    """Columns of a shuffled batch; about half of the rows correct."""
    rng = torch.Generator().manual_seed(seed)
    ids = torch.randint(-(2**62), 2**62, (-(-rows // group_size),), generator=rng)
    return {
        "correct": torch.rand(rows, generator=rng) < 0.5,
        "length": torch.randint(1, 14_000, (rows,), generator=rng),
        "group": ids.repeat_interleave(group_size)[:rows][torch.randperm(rows, generator=rng)],
        "scorable": torch.rand(rows, generator=rng) < 0.9,
        "answered": torch.rand(rows, generator=rng) < 0.8,
        "bonus": torch.rand(rows, generator=rng),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--group-size", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    columns = batch(args.rows, args.group_size, seed=0)
    seconds = {}
    for name, config in CONFIGS.items():
        times = []
        for _ in range(args.repeats):
            start = time.perf_counter()
            group_advantages(**columns, config=config)
            times.append(time.perf_counter() - start)
        seconds[name] = min(times)
        print(f"{name:22s} {min(times):.3f} s (slowest of {args.repeats}: {max(times):.3f} s)")
    print(json.dumps({"rows": args.rows, "group_size": args.group_size, "threads": 1, "seconds": seconds}))


if __name__ == "__main__":
    main()
