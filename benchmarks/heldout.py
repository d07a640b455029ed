"""Does what half of the samples say hold in the other half? Seeds fixed, one core.

    python benchmarks/heldout.py                        # five laws of Q, and real files under $LEADLINE_DATA
    python benchmarks/heldout.py samples.jsonl ...      # sample files with 16 samples a problem or more
    python benchmarks/heldout.py --splits 20

Every split (of a fresh data set, where a law draws it) hands a random half of the samples of every problem to
`probe`. It chooses problems (those kept for
training, those never solved) and a group size, and says what to expect of them; the other half, which chose
nothing, judges. A figure holds where the judge's unbiased estimate lies within the interval, widened by the
judge's own noise (and for laws, where the truth about these very problems lies within the bare interval; the
smaller share counts). The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.data.samples.counts import Counts
from leadline.data.samples.sources import load_counts
from leadline.diagnosis.probe import probe
from leadline.diagnosis.probe.live_groups import recommended_group
from leadline.diagnosis.probe.prefiltered import find_filter
from leadline.stats import Interval, mixed_at, pass_at_k, tilted_at
from leadline.theory import live_group_probability, repeated_success, tilted_success

Array = npt.NDArray[np.float64]
Rng = np.random.Generator
Statistic = Callable[[Array, Array], Array]  # unbiased estimate of each problem from samples and successes

LAWS: dict[str, Callable[[Rng, int], Array]] = {
    "all equal .2": lambda rng, m: np.full(m, 0.2),
    "rare Beta(.1,5)": lambda rng, m: rng.beta(0.1, 5, m),
    "two humps .05, .9": lambda rng, m: np.where(rng.random(m) < 0.5, 0.05, 0.9),
    "uniform": lambda rng, m: rng.random(m),
    "half dead, Beta(1,3)": lambda rng, m: np.where(rng.random(m) < 0.5, 0.0, rng.beta(1, 3, m)),
}
PROBLEMS, SAMPLES = 150, 16


def figures(n: int, g: int) -> dict[str, tuple[Statistic, Callable[[Array], Array]]]:
    """Name -> (unbiased estimate from the judge's counts, the truth from Q)."""

    def gain(samples: Array, right: Array) -> Array:
        return np.asarray(tilted_at(samples, right, 1.0)[0] - right / samples)

    table: dict[str, tuple[Statistic, Callable[[Array], Array]]] = {
        "live, these": (lambda s, c: mixed_at(s, c, g), lambda q: live_group_probability(q, g)),
        "live, kept": (lambda s, c: mixed_at(s, c, g), lambda q: live_group_probability(q, g)),
        "live, all": (lambda s, c: mixed_at(s, c, g), lambda q: live_group_probability(q, g)),
        "mean of unsolved": (lambda s, c: c / s, lambda q: q),
        "gain, beta 1": (gain, lambda q: tilted_success(q, 1.0) - q),
    }
    for k in (1, 4, n):
        table[f"pass@{k}"] = (lambda s, c, k=k: pass_at_k(s, c, k), lambda q, k=k: repeated_success(q, k))
    return table


def said(found: Any, g: int) -> dict[str, tuple[Interval | None, npt.NDArray[np.bool_]]]:
    """Name -> (what the first half says, of which problems)."""
    every = np.ones(len(found.counts), dtype=bool)
    kept = np.isin(np.array(found.counts.ids, dtype=object), np.array(found.kept, dtype=object))
    answers = {
        "live, these": (found.live_here[g], every),
        "live, kept": (found.kept_live, kept),
        "live, all": (found.live[g].share, every),
        "mean of unsolved": (found.zeros.mean, found.counts.c == 0),
        "gain, beta 1": (found.reach[0].gain, every),
    }
    return answers | {f"pass@{k}": (value, every) for k, value in found.pass_curve.value.items()}


def noise(statistic: Statistic, n: Array, rate: Array) -> float:
    """Standard error of the mean of the estimates at these rates, counts being binomial."""
    variance = np.zeros(n.size)
    for size in np.unique(n):
        own, c = n == size, np.arange(size + 1)
        value = statistic(np.full(c.size, size), c)
        log = np.log(rate[own])[:, None] * c + np.log1p(-rate[own])[:, None] * (size - c)
        pmf = np.exp(log) * np.array([_choose(int(size), int(k)) for k in c])
        mean = pmf @ value
        variance[own] = pmf @ value**2 - mean**2
    return float(np.sqrt(variance.sum()) / n.size)


def _choose(n: int, k: int) -> float:
    return float(np.prod(np.arange(n - k + 1, n + 1) / np.arange(1, k + 1))) if k else 1.0


def widened(interval: Interval, error: float) -> Interval:
    """The interval for an estimate that has noise of its own."""
    value, lo, hi = interval
    return Interval(
        value, value - np.hypot(value - lo, 1.96 * error), value + np.hypot(hi - value, 1.96 * error)
    )


def judged(
    n: Array, c: Array, truth: Array | None, rng: Rng, others: Array | None = None
) -> Iterator[tuple[str, bool, float]]:
    """One split: every figure with whether it holds, and the width of its interval.

    ``others``: Q of further problems of the same law; groups of theirs are what the first steps of a run draw.
    """
    first = n // 2
    heard = rng.hypergeometric(c.astype(int), (n - c).astype(int), first.astype(int)).astype(float)
    rest, right = n - first, c - heard
    if find_filter(Counts.from_arrays(n, c)).without_never:
        # The set was filtered on both halves; filtered on the speaker's alone, the judge's samples chose nothing.
        stays = heard > 0
        first, heard, rest, right = (x[stays] for x in (first, heard, rest, right))
    counts = Counts.from_arrays(first, heard)
    advised, theirs = probe(counts).group, recommended_group(Counts.from_arrays(rest, right))
    yield "advised G", advised.lo <= theirs.value <= advised.hi, float(np.log2(advised.hi / advised.lo))
    g = int(min(advised.value, rest.min()))
    found = probe(counts, group=g)
    if others is not None and found.first_steps is not None:
        foretold = found.first_steps
        right_ones = rng.binomial(g, others[: foretold.groups])
        share = float(np.mean((right_ones > 0) & (right_ones < g)))
        low, high = foretold.unchanged.lo - 1e-9, foretold.unchanged.hi + 1e-9  # nothing is learned here
        yield "first steps", low <= share <= high, foretold.unchanged.width
    spoken = said(found, g)
    rate = (right + 0.25) / (rest + 0.5) if truth is None else np.clip(truth, 1e-9, 1 - 1e-9)
    for name, (statistic, value) in figures(int(first.min()), g).items():
        interval, chosen = spoken[name]
        if interval is None or not chosen.any():
            continue
        seen = float(statistic(rest[chosen], right[chosen]).mean())
        error = noise(statistic, rest[chosen], rate[chosen])
        holds = widened(interval, error).contains(seen)
        yield name, holds, interval.width
        if truth is not None:
            slack = 1e-9
            real = float(value(truth[chosen]).mean())
            yield f"{name} (truth)", interval.lo - slack <= real <= interval.hi + slack, interval.width


def real_files(given: list[Path]) -> Iterator[tuple[str, Array, Array]]:
    """Counts of the files with 16 samples or more; without files, of what lies under $LEADLINE_DATA."""
    folder = os.environ.get("LEADLINE_DATA")
    published = Path(folder, "lead_stage23.json") if folder else None
    if published is not None and published.is_file() and not given:
        rows = json.loads(published.read_text())
        rates = np.array([row["correctness"] for row in rows])
        yield published.name, np.full(rates.size, 16.0), np.round(16 * rates)
    for path in given:
        counts = load_counts(path)
        enough = counts.n >= 16
        if enough.any():
            yield path.name, counts.n[enough], counts.c[enough]
        else:
            print(f"{path}: no problem with 16 samples")


def show(name: str, held: dict[str, list[tuple[bool, float]]]) -> dict[str, float]:
    shares = {figure: float(np.mean([holds for holds, _ in rows])) for figure, rows in held.items()}
    print(name)
    for figure, rows in held.items():
        width = float(np.mean([w for _, w in rows]))
        mark = "  <-- below 93%" if shares[figure] < 0.93 else ""
        print(f"    {figure:26s} {shares[figure]:6.1%} of {len(rows)}  ({width:.3f}){mark}", flush=True)
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--only", choices=sorted(LAWS), help="one of the laws")
    parser.add_argument("--problems", type=int, default=PROBLEMS)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    arguments = parser.parse_args()
    result: dict[str, dict[str, float]] = {}
    for place, (name, law) in enumerate({} if arguments.files else LAWS.items()):
        if arguments.only not in (None, name):
            continue
        held: dict[str, list[tuple[bool, float]]] = defaultdict(list)
        for i in range(arguments.splits):
            rng = np.random.default_rng([7, place, i])
            q = law(rng, arguments.problems)
            n = np.full(q.size, float(arguments.samples))
            c = rng.binomial(arguments.samples, q).astype(float)
            for figure, holds, width in judged(n, c, q, rng, law(rng, 96)):
                held[figure].append((holds, width))
        result[name] = show(name, held)
    for name, n, c in () if arguments.only else real_files(arguments.files):
        held = defaultdict(list)
        for i in range(arguments.splits):
            for figure, holds, width in judged(n, c, None, np.random.default_rng([8, i])):
                held[figure].append((holds, width))
        result[name] = show(name, held)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
