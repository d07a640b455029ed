"""Whether a problem set was filtered on the very samples that are probed: an edge of the solve rates is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from leadline.data.samples.counts import Counts
from leadline.diagnosis.probe.narrowness import too_narrow
from leadline.stats import beta_law

__all__ = ["Edge", "Filtered", "find_filter"]

SURE = 6.0  # expected number whose absence has a chance of e^-6 = 0.25%


@dataclass(frozen=True, slots=True)
class Edge:
    """Problems expected at one edge under a Beta law of Q, and whether all of them are missing."""

    expected: float
    missing: bool


@dataclass(frozen=True, slots=True)
class Filtered:
    """Both edges: never solved, always solved. A rate next to a cut edge is too good (or too bad) to be true.

    Attributes:
        never, always: the edges.
        measured: mean solve rate as measured, whatever chose the problems.
        narrow: an edge is missing, and no law that lost it makes such counts (`too_narrow`): nothing is made of it.
    """

    never: Edge
    always: Edge
    measured: float
    narrow: bool = False

    @property
    def found(self) -> bool:
        """Whether an edge was cut off: these very samples chose the problems."""
        return self.without_never or self.without_always

    @property
    def without_never(self) -> bool:
        """Whether the problems that were never solved are taken for left out."""
        return self.never.missing and not self.narrow

    @property
    def without_always(self) -> bool:
        """Whether the problems that were always solved are."""
        return self.always.missing and not self.narrow


def find_filter(counts: Counts) -> Filtered:
    """Compare the numbers of problems with no and with only correct samples with a Beta-binomial law.

    The law is fitted to the moments of all problems; a filter makes it miss problems at the edge itself, so
    that the expected number is, if anything, too small. Counts that are all alike have no problem at the edges either,
    and no filter made them.
    """
    measured = float(np.mean(counts.c / counts.n))
    law = beta_law(counts.n, counts.c)
    if law is None:
        return Filtered(Edge(0.0, False), Edge(0.0, False), measured)
    u, v = law
    base = special.betaln(u, v)
    never = float(np.exp(special.betaln(u, v + counts.n) - base).sum())
    always = float(np.exp(special.betaln(u + counts.n, v) - base).sum())
    none, every = bool((counts.c == 0).any()), bool((counts.c == counts.n).any())
    edges = Edge(never, never > SURE and not none), Edge(always, always > SURE and not every)
    missing = [edge.missing for edge in edges]
    return Filtered(*edges, measured, any(missing) and too_narrow(counts.n, counts.c, *missing))
