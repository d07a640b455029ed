"""A group's completions, cut in two by length: which are short for their problem, and which are long."""

from __future__ import annotations

import numpy as np

from leadline.grpo.groups import Bools, Floats, Groups

__all__ = ["short_rows"]


def short_rows(tokens: Floats, groups: Groups) -> Bools:
    """[N] True in the shorter part of each group; nowhere in a group whose completions all have one length.

    The cut is the one that leaves the least spread inside the two parts (Fisher 1958; Otsu 1979 for histograms): the
    widest natural gap, weighed by how many rows lie on either side. Rows of equal length are never parted. Lengths are
    whole numbers, so that every sum is exact and the order of the rows has no say.
    """
    order = np.lexsort((tokens, groups.index))
    group, sorted_tokens = groups.index[order], tokens[order]
    first = np.concatenate(([0], np.cumsum(groups.size)[:-1])).astype(np.int64)
    size, total = groups.size[group], groups.total(tokens)[group]
    up_to = np.cumsum(sorted_tokens)
    before = np.concatenate(([0.0], up_to))[first[group]]
    count = np.arange(1, groups.rows + 1) - first[group]
    # n * (sum of the first k) - k * (sum of all): its square over k (n - k) is the spread between the parts
    apart = size * (up_to - before) - count * total
    between = np.divide(apart**2, count * (size - count), out=np.zeros(groups.rows), where=count < size)
    between[:-1][(sorted_tokens[1:] == sorted_tokens[:-1]) & (group[1:] == group[:-1])] = 0.0
    best = np.zeros(groups.n_groups)
    np.maximum.at(best, group, between)
    chosen = (between > 0) & (between == best[group])
    cut = np.full(groups.n_groups, np.inf)
    np.minimum.at(cut, group[chosen], sorted_tokens[chosen])
    short: Bools = tokens <= np.where(np.isfinite(cut), cut, -np.inf)[groups.index]
    return short
