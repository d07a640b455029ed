"""Do the intervals of probe and compare cover? Simulation from known laws of Q, seeds fixed, one core.

    python benchmarks/coverage.py                # everything, about eight minutes of one core
    python benchmarks/coverage.py --draws 200    # a quick look
    python benchmarks/coverage.py --only slope

Prints, for every law of Q and every design (problems x samples a problem): the share of 95% intervals
that hold the true value and their mean width, against the truth over *problems of the law* and, where it
differs, over *these very problems*; the bias of pass@k over 10,000 draws in standard errors; predicted
shares of live groups against drawn groups; and the slope of the tilt law, with the regression that
ignores the noise of the rates beside it. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.differences import pass_rows
from leadline.diagnosis.compare.format_split import split_form
from leadline.diagnosis.compare.length_split import split_length
from leadline.diagnosis.compare.measure import ratio_rows
from leadline.diagnosis.compare.pairing import Pair, pair_up
from leadline.diagnosis.compare.seen_gain import find_seen_gain
from leadline.diagnosis.compare.tilt_fit import fit_laws, slope_interval
from leadline.diagnosis.probe.correct_mass import correct_mass
from leadline.diagnosis.probe.curves import cover_curve, pass_curve, reach_table
from leadline.diagnosis.probe.failure_modes import count_faults
from leadline.diagnosis.probe.live_groups import live_share
from leadline.stats import Interval, clopper_pearson, mixed_at, pass_at_k
from leadline.theory import live_group_probability, repeated_success, tilted_success

Array = npt.NDArray[np.float64]
Rng = np.random.Generator


class Law(NamedTuple):
    """A law of Q: shares of problems at fixed masses, the rest Beta(u, v)."""

    name: str
    u: float
    v: float
    atoms: tuple[tuple[float, float], ...] = ()

    def draw(self, rng: Rng, size: int) -> Array:
        q = rng.beta(self.u, self.v, size=size)
        lot = rng.random(size)
        for mass, share in self.atoms:
            q = np.where((lot >= 0) & (lot < share), mass, q)
            lot = lot - share
        return q


LAWS = (
    Law("uniform", 1, 1),
    Law("U-shaped Beta(.3,.3)", 0.3, 0.3),
    Law("hard Beta(.3,3)", 0.3, 3),
    Law("rare Beta(.1,5)", 0.1, 5),
    Law("easy Beta(8,.5)", 8, 0.5),
    Law("half dead, Beta(1,3)", 1, 3, ((0.0, 0.5),)),
    Law("half at .99, Beta(2,2)", 2, 2, ((0.99, 0.5),)),
    Law("nearly all dead", 1, 1, ((0.0, 0.97),)),
    Law("all at .5", 1, 1, ((0.5, 1.0),)),
)
DESIGNS = ((50, 16), (200, 16), (50, 64), (200, 64))
TAUS = (0.2, 0.45, 0.8)
BETAS = (1.0, 0.5)
SEEN = "gain where the base was seen to succeed"


def quantities() -> dict[str, tuple[Callable[[Counts], Interval], Callable[[Array], Array]]]:
    """Name -> (interval from counts, true value of one problem from its Q)."""
    table: dict[str, tuple[Callable[[Counts], Interval], Callable[[Array], Array]]] = {}
    for k in (1, 4, 16):
        table[f"pass@{k}"] = (
            lambda c, k=k: pass_curve(c, [k]).value[k],
            lambda q, k=k: repeated_success(q, k),
        )
    for tau in TAUS:
        table[f"cover@{tau}"] = (
            lambda c, tau=tau: cover_curve(c, [tau])[tau],
            lambda q, tau=tau: (q >= tau).astype(float),
        )
    for g in (8, 16, 64):
        table[f"live {g}"] = (
            lambda c, g=g: live_share(c, g).share,
            lambda q, g=g: live_group_probability(q, g),
        )
    for beta in BETAS:
        table[f"reach beta={beta:g}"] = (
            lambda c, beta=beta: reach_table(c, [beta])[0].success,
            lambda q, beta=beta: tilted_success(q, 1 / beta),
        )
    return table


def study_intervals(draws: int) -> dict[str, object]:
    """Coverage and width of every figure of the probe."""
    table, worst = quantities(), {}
    print(
        f"\n95% intervals of the probe, {draws} draws a cell: covered share of the law / of these problems (width)"
    )
    for place, law in enumerate(LAWS):
        big = law.draw(np.random.default_rng(99), 4_000_000)
        truth = {name: float(value(big).mean()) for name, (_, value) in table.items()}
        for m, n in DESIGNS:
            rng = np.random.default_rng([1, place, m, n])
            hits = {name: np.zeros(3) for name in table}
            own = np.zeros(3)
            for _ in range(draws):
                q = law.draw(rng, m)
                counts = Counts.from_arrays(n, rng.binomial(n, q))
                for name, (interval, value) in table.items():
                    found = interval(counts)
                    here = float(value(q).mean())
                    hits[name] += (found.contains(truth[name]), found.contains(here), found.width)
                mass = correct_mass(counts)
                own += (((mass.lo <= q) & (q <= mass.hi)).mean(), 0, (mass.hi - mass.lo).mean())
            hits["Q of a problem"] = np.array([own[0], own[0], own[2]])
            print(f"  {law.name}, {m} problems x {n}")
            for name, (wide, here, width) in hits.items():
                covered, fixed = wide / draws, here / draws
                worst[f"{law.name}|{m}x{n}|{name}"] = min(covered, fixed)
                mark = " <-- below 94%" if min(covered, fixed) < 0.94 else ""
                print(f"    {name:18s} {covered:6.1%} / {fixed:6.1%}  ({width / draws:.3f}){mark}")
    low = sorted(worst.items(), key=lambda item: item[1])
    print(f"  lowest coverage of {len(worst)} cells: " + "; ".join(f"{k} {v:.1%}" for k, v in low[:5]))
    return {"cells": len(worst), "lowest": low[0][1], "below_94": sum(v < 0.94 for v in worst.values())}


def study_forced(draws: int) -> dict[str, object]:
    """Limits of one problem with a teacher-forced bound, and what a one-sided limit at c = 0 mixed in would do."""
    rng, n = np.random.default_rng(2), 128
    q = 10 ** rng.uniform(-5, -0.3, size=draws * 200)
    c = rng.binomial(n, q)
    counts = Counts.from_arrays(n, c)
    known = rng.random(q.size) < 0.5
    bound = {name: float(np.log(x * 0.3)) for name, x, yes in zip(counts.ids, q, known, strict=True) if yes}
    mass = correct_mass(counts, bound)
    covered = float(((mass.lo <= q) & (q <= mass.hi)).mean())
    # Exact: the worst Q between the one-sided and the two-sided limit at no success.
    grid = np.linspace(1 - 0.05 ** (1 / n), 1 - 0.025 ** (1 / n), 101)[1:-1]
    hits = np.arange(n + 1)
    low, high = clopper_pearson(hits, n)
    mixed = np.where(hits == 0, 1 - 0.05 ** (1 / n), high)
    exact = [float(_exact_coverage(n, grid, low, limit).min()) for limit in (high, mixed)]
    print(f"\nQ of a problem with teacher forcing on half of them: {covered:.2%} covered")
    print(
        f"  no success in {n}, worst Q, exact: two-sided {exact[0]:.1%}, the rule of three mixed in {exact[1]:.1%}"
    )
    return {"covered": covered, "two_sided": exact[0], "rule_of_three_mixed_in": exact[1]}


def _exact_coverage(n: int, q: Array, lo: Array, hi: Array) -> Array:
    """Chance that the limits of the number of successes hold ``q``, summed over all outcomes."""
    k = np.arange(n + 1)
    log = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    pmf = np.exp(log + np.outer(np.log(q), k) + np.outer(np.log1p(-q), n - k))
    return np.asarray((pmf * ((lo <= q[:, None]) & (q[:, None] <= hi))).sum(axis=1))


def study_bias(draws: int = 10_000, groups: int = 100_000) -> dict[str, object]:
    """Is pass@k unbiased, and are predicted shares of live groups those of drawn groups?"""
    print(f"\nbias in standard errors: pass@k over {draws} draws, live groups over {groups}")
    n = 64
    found: dict[str, list[float]] = {"pass@k": [], "live": []}
    for place, law in enumerate(LAWS):
        rng = np.random.default_rng([3, place])
        q = law.draw(rng, draws)
        c = rng.binomial(n, q)
        row = [(k, _z(pass_at_k(n, c, k) - repeated_success(q, k))) for k in (1, 8, 32, 64)]
        found["pass@k"] += [z for _, z in row]
        shown = [f"pass@{k} {z:+.1f}" for k, z in row]
        q = law.draw(rng, groups)
        row = [(g, _live_z(q, rng.binomial(n, q), rng.binomial(g, q), n, g)) for g in (8, 16, 64)]
        found["live"] += [z for _, z in row]
        print(f"  {law.name:26s} {'  '.join(shown + [f'live {g} {z:+.1f}' for g, z in row])}")
    worst = {name: max(map(abs, values)) for name, values in found.items()}
    many = len(found["pass@k"]) + len(found["live"])
    print(f"  largest |z|: pass@k {worst['pass@k']:.2f}, live groups {worst['live']:.2f}, of {many} figures")
    return worst


def _live_z(q: Array, c: Array, drawn: Array, n: int, g: int) -> float:
    """Predicted minus drawn live groups in standard errors.

    Drawn groups have a known variance; the one that they show would be 0 where all of them are live.
    """
    live = float(((drawn > 0) & (drawn < g)).sum())
    share, predicted = live_group_probability(q, g), mixed_at(n, c, g)
    variance = float((share * (1 - share)).sum() + ((predicted - share) ** 2).sum())
    return (float(predicted.sum()) - live) / max(variance, 1e-12) ** 0.5


def _z(error: Array) -> float:
    spread = float(error.std(ddof=1))
    return 0.0 if spread == 0 else float(error.mean() / spread * np.sqrt(error.size))


def naive_slope(base: Counts, tuned: Counts) -> Interval:
    """Least squares of smoothed logit p' on smoothed logit Q with its usual 95% interval: what not to do."""
    x, y = (np.log((s.c + 0.5) / (s.n - s.c + 0.5)) for s in (base, tuned))
    dx = x - x.mean()
    slope = float(dx @ y / (dx @ dx))
    residual = y - y.mean() - slope * dx
    error = float(np.sqrt(residual @ residual / (x.size - 2) / (dx @ dx)))
    return Interval(slope, slope - 1.98 * error, slope + 1.98 * error)


def study_slope(draws: int, m: int = 100, n: int = 64) -> dict[str, object]:
    """Slope of logit p' over logit Q for exact tilts: ours, and the naive regression."""
    print(f"\nslope of the tilt law, {draws} exact tilts, {m} problems x {n}: covers 1 / mean slope (width)")
    result = {}
    for place, (law, a) in enumerate(((LAWS[0], 1.0), (LAWS[1], 2.0), (LAWS[2], 1.0), (LAWS[5], 2.0))):
        rng = np.random.default_rng([4, place])
        rows = []
        for _ in range(draws):
            q = law.draw(rng, m)
            base = Counts.from_arrays(n, rng.binomial(n, q))
            tuned = Counts.from_arrays(n, rng.binomial(n, tilted_success(q, a)))
            pair = pair_up(base, tuned)
            ours, naive, laws = slope_interval(pair), naive_slope(base, tuned), fit_laws(pair)
            strong = laws is not None and laws.strength.contains(a)
            row = (
                ours.contains(1),
                ours.value,
                ours.width,
                naive.contains(1),
                naive.value,
                naive.width,
                strong,
            )
            rows.append(row)
        ours_hit, ours, width, naive_hit, naive, naive_width, strength_hit = np.mean(rows, axis=0)
        result[f"{law.name}, a={a:g}"] = {"covered": ours_hit, "naive": naive_hit, "strength": strength_hit}
        print(
            f"  {law.name:22s} a={a:g}  ours {ours_hit:.1%} / {ours:.3f} ({width:.2f})   "
            f"naive {naive_hit:.1%} / {naive:.3f} ({naive_width:.2f})   strength covers a {strength_hit:.1%}"
        )
    return result


def study_differences(draws: int) -> dict[str, object]:
    """Paired differences of compare: coverage of the true mean change over problems of the law."""
    print(f"\npaired differences, {draws} draws: covered (width)")
    lowest = 1.0
    for place, (law, a) in enumerate(((LAWS[0], 1.0), (LAWS[2], 1.5), (LAWS[5], 1.0), (LAWS[6], 0.7))):
        big = law.draw(np.random.default_rng(98), 2_000_000)
        after = tilted_success(big, a)
        truth = {k: float((repeated_success(after, k) - repeated_success(big, k)).mean()) for k in (1, 8)}
        for m, n in DESIGNS[:3]:
            rng = np.random.default_rng([5, place, m, n])
            hits = {k: np.zeros(2) for k in truth}
            for i in range(draws):
                q = law.draw(rng, m)
                counts = [Counts.from_arrays(n, rng.binomial(n, p)) for p in (q, tilted_success(q, a))]
                for k, row in zip(truth, pass_rows(pair_up(*counts), list(truth), seed=i), strict=True):
                    hits[k] += (row.difference.contains(truth[k]), row.difference.width)
            shown = "  ".join(f"pass@{k} {h / draws:.1%} ({w / draws:.3f})" for k, (h, w) in hits.items())
            lowest = min(lowest, *(h / draws for h, _ in hits.values()))
            print(f"  {law.name:22s} a={a:g}, {m} x {n}: {shown}")
    return {"lowest": lowest}


class Population(NamedTuple):
    """What holds of every problem, before and after: success, cut off, silent, mean length; shape (2, problems)."""

    success: Array
    cut: Array
    silent: Array
    length: Array

    @classmethod
    def draw(cls, law: Law, a: float, rng: Rng, size: int) -> Population:
        """Faults and length differ from problem to problem, more where the problem is hard; training mends them."""
        q = law.draw(rng, size)
        success = np.stack([q, tilted_success(q, a)])
        cut = np.stack([rng.beta(0.2, 2, size), rng.beta(0.1, 4, size)]) * (1 - success)
        silent = np.stack([rng.beta(0.3, 3, size), rng.beta(0.1, 9, size)]) * (1 - success - cut)
        length = 200 * np.exp(rng.normal(0, 0.5, size) - q) * np.array([[1.0], [0.6]])
        return cls(success, cut, silent, length)

    def truth(self, n: int) -> dict[str, float]:
        """What `compare` and the probe estimate with ``n`` samples of every problem, over all these problems."""
        q, words = self.success, self.length
        answered = (1 - self.cut - self.silent).mean(axis=1)
        right, solved = q.mean(axis=1) / answered, 1 - (1 - q) ** n
        correct_length = (q * words).mean(axis=1) / q.mean(axis=1)
        shorter = words[1] - words[0]
        same = sum((shorter * q[i] * solved[1 - i]).mean() / q[i].mean() for i in (0, 1)) / 2
        change = {
            "mean_tokens": words.mean(axis=1),
            "mean_tokens_correct": correct_length,
            "truncated": self.cut.mean(axis=1),
            "no_answer": self.silent.mean(axis=1),
        }
        return {
            **{f"{name} before": float(two[0]) for name, two in change.items()},
            **{f"{name} change": float(two[1] - two[0]) for name, two in change.items()},
            "length, same problems": float(same),
            "length, other problems": float(correct_length[1] - correct_length[0] - same),
            "gain by form": float(right.mean() * (answered[1] - answered[0])),
            "gain by content": float(answered.mean() * (right[1] - right[0])),
            "right of the answered": float(right[0]),
        }

    def sample(self, side: int, n: int, rng: Rng) -> Counts:
        """Rows of one model, counted: a log-normal length a sample, correct or not."""
        q, cut, silent = self.success[side], self.cut[side], self.silent[side]
        kinds = rng.multinomial(n, np.stack([q, cut, silent, 1 - q - cut - silent], axis=1))
        words = self.length[side][:, None] * rng.lognormal(-0.08, 0.4, size=(q.size, n))
        is_right = np.arange(n) < kinds[:, :1]
        stated = dict.fromkeys(("finished", "reason", "n_tokens", "lengths"), q.size * n)
        return replace(
            Counts.from_arrays(n, kinds[:, 0]),
            truncated=kinds[:, 1].astype(float),
            no_answer=kinds[:, 2].astype(float),
            measured=np.full(q.size, float(n)),
            measured_correct=kinds[:, 0].astype(float),
            tokens=words.sum(axis=1),
            tokens_correct=(words * is_right).sum(axis=1),
            stated={"format": 0, "completion": 0} | stated,
        )


def row_figures(pair: Pair, seed: int) -> dict[str, Interval | None]:
    """Name -> what compare and probe print beside success: lengths, faults, and where a gain came from."""
    rows = {row.name: row for row in ratio_rows(pair, seed)}
    length, form = split_length(pair, seed), split_form(pair, seed)
    answered = count_faults(pair.base, seed=seed).answered
    return {
        **{f"{name} before": row.base for name, row in rows.items()},
        **{f"{name} change": row.difference for name, row in rows.items()},
        "length, same problems": length and length.same,
        "length, other problems": length and length.mix,
        "gain by form": form and form.form,
        "gain by content": form and form.content,
        "right of the answered": answered,
    }


def study_rows(draws: int, chosen: str = "") -> dict[str, object]:
    """Lengths, faults and the two splits of compare, of problems that differ in length and in how they fail."""
    print(f"\nlengths, faults and splits, {draws} draws a cell: covered")
    worst: dict[str, float] = {}
    for place, (law, a) in enumerate(
        ((LAWS[0], 1.0), (LAWS[1], 1.0), (LAWS[2], 1.5), (LAWS[5], 1.0), (LAWS[8], 1.0))
    ):
        everyone = Population.draw(law, a, np.random.default_rng(97), 1_000_000)
        for m, n in DESIGNS[:3]:
            if chosen not in f"{law.name}|{m}x{n}":
                continue
            truth = everyone.truth(n)
            rng = np.random.default_rng([6, place, m, n])
            hits = dict.fromkeys([*truth, SEEN], 0)
            said = dict(hits)
            for i in range(draws):
                drawn = Population.draw(law, a, rng, m)
                pair = pair_up(*(drawn.sample(side, n, rng) for side in (0, 1)))
                found = row_figures(pair, i)
                seen = pair.base.c > 0
                here = {SEEN: float(np.diff(drawn.success[:, seen].mean(axis=1))[0])} if seen.any() else {}
                found[SEEN] = find_seen_gain(pair).change
                for name, true in (truth | here).items():
                    interval = found[name]
                    said[name] += interval is not None
                    hits[name] += interval is not None and interval.contains(true)
            print(f"  {law.name}, a={a:g}, {m} problems x {n}")
            for name, hit in hits.items():
                covered = hit / max(said[name], 1)
                worst[f"{law.name}|{m}x{n}|{name}"] = covered
                print(f"    {name:42s} {covered:6.1%}" + (" <-- below 93%" if covered < 0.93 else ""))
    low = sorted(worst.items(), key=lambda item: item[1])
    print(f"  lowest coverage of {len(worst)} cells: " + "; ".join(f"{k} {v:.1%}" for k, v in low[:5]))
    return {"cells": len(worst), "lowest": low[0][1], "below_93": sum(v < 0.93 for v in worst.values())}


STUDIES: dict[str, Callable[[argparse.Namespace], dict[str, object]]] = {
    "intervals": lambda a: study_intervals(a.draws),
    "forced": lambda a: study_forced(a.draws),
    "bias": lambda a: study_bias(),
    "slope": lambda a: study_slope(max(a.draws // 2, 20)),
    "differences": lambda a: study_differences(a.draws),
    "rows": lambda a: study_rows(a.draws, a.cell),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--only", choices=sorted(STUDIES))
    parser.add_argument(
        "--cell", default="", help="with --only rows: 'all at .5|200x16', to draw it more often"
    )
    arguments = parser.parse_args()
    start = time.perf_counter()
    result = {name: study(arguments) for name, study in STUDIES.items() if arguments.only in (None, name)}
    result["seconds"] = {"total": round(time.perf_counter() - start, 1)}
    print(json.dumps(result, default=float))


if __name__ == "__main__":
    main()
