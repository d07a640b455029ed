"""How often a comparison says what is not so: of the same weights twice, and of a base that is never right. One core.

    python benchmarks/false_verdicts.py [--pairs 100] [--problems 200] [--samples 16]

Seeds are fixed.

The laws of Q are those of benchmarks/heldout.py. "Same weights": two sets of samples of the same Q. "Never right": a
base with Q = 0 on every problem beside a tuned model with the Q of the law: nothing that it could do was sharpened.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

import numpy as np

from heldout import LAWS
from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare import compare


def verdicts(law: str, place: int, options: argparse.Namespace, *, base_is_right: bool) -> Counter[str]:
    """Every code that a comparison gave, over the pairs; one pair counts each of its codes once."""
    found: Counter[str] = Counter()
    for i in range(options.pairs):
        rng = np.random.default_rng([11, place, i])
        q = LAWS[law](rng, options.problems)
        before = q if base_is_right else np.zeros(q.size)
        base, tuned = (
            Counts.from_arrays(options.samples, rng.binomial(options.samples, mass)) for mass in (before, q)
        )
        told = compare(base, tuned)
        found.update({told.verdict, *told.also})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--samples", type=int, default=16)
    options = parser.parse_args()
    result = {}
    for place, law in enumerate(LAWS):
        same = verdicts(law, place, options, base_is_right=True)
        never = verdicts(law, place, options, base_is_right=False)
        share = same["unchanged"] / options.pairs
        print(
            f"{law:24} same weights: unchanged {share:.0%} {dict(same)}; never right: {dict(never)}",
            flush=True,
        )
        result[law] = {"unchanged": share, "never_right_sharpened": never["sharpened"]}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
