"""Rows that belong together by an id: their sums, means and spreads, without a loop over rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Floats", "Groups"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Groups:
    """Sums over groups. ``index`` [N]: the group number, 0 .. n_groups - 1, of every scorable row."""

    index: npt.NDArray[np.int64]
    n_groups: int

    @property
    def rows(self) -> int:
        return len(self.index)

    @cached_property
    def size(self) -> Floats:
        """[n_groups] scorable rows of each group."""
        return self.total(np.ones(self.rows))

    def total(self, values: Floats | Bools) -> Floats:
        """[N] -> [n_groups]."""
        return np.asarray(np.bincount(self.index, values, self.n_groups), dtype=np.float64)

    def mean(self, values: Floats, among: Bools | None = None) -> Floats:
        """[N] -> [n_groups], over all rows or those in ``among``; NaN where there are none."""
        count = self.size if among is None else self.total(among)
        total = self.total(values if among is None else np.where(among, values, 0.0))
        mean: Floats = np.divide(total, count, out=np.full(self.n_groups, np.nan), where=count > 0)
        return mean

    def std(self, values: Floats, ddof: int, among: Bools | None = None) -> Floats:
        """[N] -> [n_groups], over all rows or those in ``among``; 0 where there are fewer than two."""
        among = np.ones(self.rows, dtype=bool) if among is None else among
        square = np.where(among, values - self.mean(values, among)[self.index], 0.0) ** 2
        free = self.total(among) - ddof
        return np.sqrt(np.divide(self.total(square), free, out=np.zeros(self.n_groups), where=free > 0))

    def constant(self, values: Floats) -> Bools:
        """[N] -> [n_groups], True where all rows of the group hold the same number, rounding aside.

        Sums of equal parts in another order differ in the last digit (0.1 + 0.2 against 0.3), and dividing
        such a spread by itself would make unit-size advantages of it (decision "Equal rewards").
        """
        first = np.empty(self.n_groups, dtype=values.dtype)
        first[self.index] = values
        apart = np.abs(values - first[self.index]) > 1e-12 * np.maximum(1.0, np.abs(first[self.index]))
        constant: Bools = self.total(apart) == 0
        return constant
