"""`probe`: counts of samples to everything that decides whether a run will help."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from leadline.data.samples.counts import Counts, check_counts
from leadline.diagnosis.partly_stated import partly_stated
from leadline.diagnosis.probe.copies import Copies, dominance, find_copies, without_copies
from leadline.diagnosis.probe.correct_mass import Mass, correct_mass
from leadline.diagnosis.probe.curves import BETAS, TAUS, Reach, cover_curve, pass_curve, reach_table
from leadline.diagnosis.probe.difficulty_bands import band_of, band_table, window
from leadline.diagnosis.probe.failure_modes import Faults, count_faults
from leadline.diagnosis.probe.first_steps import forecast_first_steps
from leadline.diagnosis.probe.live_groups import (
    GROUP_SIZES,
    USUAL,
    GroupSize,
    LiveShare,
    live_chosen,
    live_shares,
    recommended_group,
)
from leadline.diagnosis.probe.prefiltered import Filtered, find_filter
from leadline.diagnosis.probe.result import Budget, FirstSteps, Forced, Probe, Repeats, Zeros
from leadline.diagnosis.probe.verdict import judge_probe
from leadline.stats import Interval, MassLaw, fit_mass_law, pooled_zero_bound
from leadline.theory import q_seen

__all__ = ["probe"]


def probe(
    counts: Counts,
    *,
    log_forced: Mapping[str, float] | None = None,
    repeats: Repeats = Repeats(),  # noqa: B008 (frozen)
    group: int | None = None,
    batch: int = 32,
    steps: int = 60,
    betas: Sequence[float] = BETAS,
    gap: float = 1.0,
    confidence: float = 0.95,
    seed: int = 0,
) -> Probe:
    """Probe a base model on a problem set: limits, live groups, reach, bands, and a verdict in words.

    Args:
        counts: tallied samples (`leadline.data.samples.counts`).
        log_forced: lower bounds on log Q by problem (`teacher_forced`).
        repeats: problems that stand in the set twice, or in an evaluation set (`find_repeats`).
        group: samples per group; None chooses (`recommended_group`).
        batch, steps: prompts per step and steps of the run to come, for the smallest Q it can see.
        betas: KL coefficients of the reach table.
        gap: reward of a right answer over a wrong one.
        seed: of the bootstraps.

    Raises:
        InputError: ``counts`` are none.
    """
    check_counts(counts=counts)
    basis = _basis(counts, log_forced, group, confidence)
    found = _measured(
        basis,
        repeats,
        faults=count_faults(basis.counts, confidence, seed, partly_stated(counts, lower_bounds=True)),
        reach=tuple(reach_table(basis.counts, betas, gap, confidence, basis.chose_the_set)),
        budget=_budget(len(basis.counts), batch, basis.group.value, steps, basis.share),
        first_steps=forecast_first_steps(basis.law, basis.share, basis.group.value, batch, confidence),
    )
    if found.kept:
        chosen = np.isin(np.array(found.counts.ids, dtype=object), np.array(found.kept, dtype=object))
        found = replace(found, kept_live=live_chosen(basis.law, basis.group.value, chosen, confidence))
    code, then, sentences = judge_probe(found)
    return replace(found, verdict=code, then=then, sentences=sentences)


class _Basis(NamedTuple):
    """What the parts of a probe start from: counts without copies, their law, each problem's Q, the group size."""

    counts: Counts
    copies: Copies
    filtered: Filtered
    law: MassLaw
    group: GroupSize
    mass: Mass
    live: Mapping[int, LiveShare]
    confidence: float

    @property
    def chose_the_set(self) -> MassLaw | None:
        """The law, where these very samples chose the problems (`population_mean`)."""
        return self.law if self.filtered.found else None

    @property
    def share(self) -> Interval:
        """Share of live groups at the group size of the run."""
        return self.live[self.group.value].share


def _basis(
    counts: Counts, log_forced: Mapping[str, float] | None, group: int | None, confidence: float
) -> _Basis:
    copies = find_copies(counts)
    used = without_copies(counts, copies)
    cut = find_filter(used)
    law = fit_mass_law(used.n, used.c, without_never=cut.without_never, without_always=cut.without_always)
    advised = GroupSize(group, group, group) if group else recommended_group(used, law)
    mass = correct_mass(used, log_forced, confidence)
    sizes = sorted({*GROUP_SIZES, advised.value})
    live = live_shares(used, sizes, confidence, law, chose_the_set=cut.found)
    return _Basis(used, copies, cut, law, advised, mass, live, confidence)


def _measured(
    basis: _Basis,
    repeats: Repeats,
    *,
    faults: Faults,
    reach: tuple[Reach, ...],
    budget: Budget,
    first_steps: FirstSteps | None,
) -> Probe:
    """Everything but the verdict."""
    used, law, confidence = basis.counts, basis.law, basis.confidence
    g = basis.group.value
    edges = window(g)
    bands = band_of(basis.mass.value, edges)
    return Probe(
        counts=used,
        mass=basis.mass,
        pass_curve=pass_curve(used, None, confidence, basis.chose_the_set),
        cover=cover_curve(used, TAUS, confidence, basis.chose_the_set),
        live=basis.live,
        live_here={size: live_chosen(law, size, confidence=confidence) for size in sorted({USUAL, g})},
        group=basis.group,
        faults=faults,
        reach=reach,
        edges=edges,
        bands=bands,
        band_rows=tuple(band_table(law, bands, edges)),
        budget=budget,
        first_steps=first_steps,
        zeros=_zeros(used, law, confidence),
        copies=basis.copies,
        dominance=dominance(used),
        filtered=basis.filtered,
        forced=_forced(basis.mass, used),
        twins=repeats.twins,
        duplicates=repeats.duplicates,
        contamination=repeats.contamination,
        notes=used.said + tuple(used.skipped),
    )


def _budget(problems: int, batch: int, group: int, steps: int, live: Interval) -> Budget:
    samples = batch * group * steps
    visits = batch * steps / problems
    one = float(q_seen(max(visits * group, 1.0)))
    groups = None if math.isnan(live.value) else Interval(*(batch * steps * share for share in live))
    return Budget(batch, group, steps, samples, float(q_seen(samples)), visits, one, groups)


def _forced(mass: Mass, counts: Counts) -> Forced:
    known = np.isfinite(mass.log_forced)
    if not known.any():
        return Forced()
    unsolved = known & (counts.c == 0)
    median = float(np.median(mass.log_forced[unsolved if unsolved.any() else known]))
    return Forced(int(known.sum()), int(unsolved.sum()), median)


def _zeros(counts: Counts, law: MassLaw, confidence: float) -> Zeros:
    none = counts.c == 0
    if not none.any():
        return Zeros(0, 0, None, None)
    n = int(counts.n[none].sum())
    if none.all():
        # Nothing was chosen. AM-GM over samples holds for unequal n as well, with the mean weighted by them.
        mean = Interval(0.0, 0.0, pooled_zero_bound(1, n, confidence))
    else:
        mean = law.mean_of(none, lambda q: q, confidence)
    return Zeros(int(none.sum()), n, float(q_seen(np.median(counts.n[none]))), mean)
