"""The support ledger: which problems kept, gained or lost their place among what the model can do at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.diagnosis.compare.likelihood import tilt_law
from leadline.diagnosis.compare.pairing import Pair
from leadline.diagnosis.compare.tilt_fit import LawFits
from leadline.stats import clopper_pearson, fit_mass_law, poisson_binomial_tail
from leadline.theory import q_seen

__all__ = ["Ledger", "support_ledger"]

Array = npt.NDArray[np.float64]

MOST_NEEDED = 1000


@dataclass(frozen=True, slots=True)
class Ledger:
    """Problems by whether base and tuned solve them at all, at a threshold ``tau`` for the correct mass.

    A problem is *out* on a side that never solved it, *in* on a side whose lower limit for Q is above tau.

    Attributes:
        tau: 95% of problems with this Q would have shown a correct base sample.
        kept: solved on both sides. expanded: out before, in after. shrunk: in before, out after. never: on
            neither side. unclear: anything else.
        expanded_ids, shrunk_ids: which ones.
        expected_expanded, expected_shrunk: how many the fitted tilt predicts, None without a fit.
        p_expanded, p_shrunk: chance of at least as many under that tilt (Poisson-binomial), None without.
        needs: samples a problem that it would take on either side to tell a problem from one that is out; 0 where
            they are there. With fewer, expanded and shrunk are 0 because they cannot be seen.
        effective_k: how many base samples one tuned sample is worth at least, on the problems that the base
            never solved (lower limit of tuned success against the upper limit of the base's, which comes from the law
            of Q given the counts, as the samples chose these problems); None where there are none.
    """

    tau: float
    kept: int
    expanded: int
    shrunk: int
    never: int
    unclear: int
    expanded_ids: tuple[str, ...]
    shrunk_ids: tuple[str, ...]
    expected_expanded: float | None
    expected_shrunk: float | None
    p_expanded: float | None
    p_shrunk: float | None
    needs: int
    effective_k: float | None


def support_ledger(pair: Pair, laws: LawFits | None, tau: float | None = None) -> Ledger:
    """Sort the problems, and test the numbers expanded and shrunk against what a tilt would have shown.

    The null is a tilt of the fitted strength with the fitted law of Q: a rare solution that the base happened
    not to show and that training made common counts as expanded under it, too. Poisson-binomial, as problems
    differ in their numbers of samples. Without a fit (the base never right, or never wrong) there is no
    strength to test against, and ``effective_k`` stands alone.
    """
    base, tuned = pair.base, pair.tuned
    level = tau if tau is not None else float(q_seen(min(np.median(base.n), np.median(tuned.n))))
    inside = [clopper_pearson(side.c, side.n)[0] >= level for side in (base, tuned)]
    out = [side.c == 0 for side in (base, tuned)]
    kept = ~out[0] & ~out[1]
    expanded, shrunk, never = out[0] & inside[1], inside[0] & out[1], out[0] & out[1]
    chances = (None, None) if laws is None else _null(pair, laws, level)
    tails = [
        None if chance is None else (float(chance.sum()), poisson_binomial_tail(chance, int(seen.sum())))
        for chance, seen in zip(chances, (expanded, shrunk), strict=True)
    ]
    names = np.array(base.ids, dtype=object)
    return Ledger(
        tau=level,
        kept=int(kept.sum()),
        expanded=int(expanded.sum()),
        shrunk=int(shrunk.sum()),
        never=int(never.sum()),
        unclear=int((~(kept | expanded | shrunk | never)).sum()),
        expanded_ids=tuple(names[expanded]),
        shrunk_ids=tuple(names[shrunk]),
        expected_expanded=tails[0][0] if tails[0] else None,
        expected_shrunk=tails[1][0] if tails[1] else None,
        p_expanded=tails[0][1] if tails[0] else None,
        p_shrunk=tails[1][1] if tails[1] else None,
        needs=_needs(pair, tau),
        effective_k=_effective_k(pair),
    )


def _null(pair: Pair, laws: LawFits, tau: float) -> tuple[Array, Array]:
    """Chance of every problem to be seen as expanded, and as shrunk, under the fitted tilt."""
    q = special.expit(laws.grid)
    p = tilt_law(laws.grid, laws.tilt.parameters[0])[2]
    base, tuned = pair.base, pair.tuned
    return (
        _out_then_in(base.n, q, tuned.n, p, tau) @ laws.tilt.weights,
        _out_then_in(tuned.n, p, base.n, q, tau) @ laws.tilt.weights,
    )


def _out_then_in(n_out: Array, q_out: Array, n_in: Array, q_in: Array, tau: float) -> Array:
    """P(no success of ``n_out`` at ``q_out``) x P(lower limit at least tau from ``n_in`` at ``q_in``)."""
    need = np.array([_successes_needed(int(n), tau) for n in np.unique(n_in)])
    needed = need[np.searchsorted(np.unique(n_in), n_in)]
    never = np.exp(np.outer(n_out, np.log1p(-np.minimum(q_out, 1 - 1e-16))))
    enough = special.bdtrc(needed[:, None] - 1, n_in[:, None].astype(int), q_in[None, :])
    return np.asarray(never * np.where(needed[:, None] > n_in[:, None], 0.0, enough), float)


def _successes_needed(n: int, tau: float) -> int:
    """The smallest number of successes of n whose lower limit is at least tau; n + 1 if there is none."""
    lo, _ = clopper_pearson(np.arange(1, n + 1), n)
    return int(np.searchsorted(lo, tau)) + 1


def _effective_k(pair: Pair) -> float | None:
    """``log(1-p) / log(1-Q)`` on the problems that the base never solved, p from below and Q from above."""
    unseen = pair.base.c == 0
    hits = pair.tuned.c[unseen].sum()
    if not unseen.any() or hits == 0:
        return None
    p, _ = clopper_pearson(hits, pair.tuned.n[unseen].sum())
    if unseen.all():
        _, limit = clopper_pearson(0, pair.base.n.sum())
        q = float(limit)
    else:
        q = fit_mass_law(pair.base.n, pair.base.c).mean_of(unseen, lambda mass: mass).hi
    return float(np.log1p(-p) / np.log1p(-min(q, 1 - 1e-9)))


def _needs(pair: Pair, tau: float | None) -> int:
    """Samples of which all right put a problem in support, where a side has fewer; else 0."""
    least = int(min(np.median(pair.base.n), np.median(pair.tuned.n)))
    n = np.arange(1, MOST_NEEDED)
    enough = clopper_pearson(n, n)[0] >= (q_seen(n) if tau is None else tau)
    first = int(n[np.argmax(enough)]) if enough.any() else MOST_NEEDED
    return first if least < first else 0
