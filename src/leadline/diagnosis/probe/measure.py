"""`probe`: counts of samples to everything that decides whether a run will help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from leadline.data.samples.counts import Counts
from leadline.diagnosis.probe.copies import dominance, find_copies
from leadline.diagnosis.probe.correct_mass import Mass, correct_mass
from leadline.diagnosis.probe.curves import BETAS, TAUS, cover_curve, pass_curve, reach_table
from leadline.diagnosis.probe.difficulty_bands import band_of, band_table, window
from leadline.diagnosis.probe.failure_modes import count_faults
from leadline.diagnosis.probe.live_groups import (
    GROUP_SIZES,
    USUAL,
    GroupSize,
    live_chosen,
    live_shares,
    recommended_group,
)
from leadline.diagnosis.probe.prefiltered import find_filter
from leadline.diagnosis.probe.result import Budget, Forced, Probe, Twins, Zeros
from leadline.diagnosis.probe.verdict import judge_probe
from leadline.stats import Interval, MassLaw, fit_mass_law, pooled_zero_bound
from leadline.theory import q_seen

__all__ = ["probe"]


def probe(
    counts: Counts,
    *,
    log_forced: Mapping[str, float] | None = None,
    duplicates: Sequence[Sequence[str]] = (),
    contamination: Sequence[str] = (),
    twins: Twins | None = None,
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
        duplicates: groups of ids that are one and the same problem.
        contamination: ids of problems that also stand in an evaluation set.
        twins: numbers of both, exact ones apart; counted from the two when None.
        group: samples a group; None chooses (`recommended_group`).
        batch, steps: prompts a step and steps of the run to come, for the smallest Q it can see.
        betas: KL coefficients of the reach table.
        gap: reward of a right answer over a wrong one.
        seed: of the bootstraps.
    """
    copies = find_copies(counts)
    used = counts.thinned() if copies.suspect and copies.factor > 1 else counts
    cut = find_filter(used)
    law = fit_mass_law(used.n, used.c, without_never=cut.never.missing, without_always=cut.always.missing)
    advised = GroupSize(group, group, group) if group else recommended_group(used, law)
    g = advised.value
    edges = window(g)
    mass = correct_mass(used, log_forced, confidence)
    bands = band_of(mass.value, edges)
    sizes = sorted({*GROUP_SIZES, g})
    found = Probe(
        counts=used,
        mass=mass,
        pass_curve=pass_curve(used, confidence=confidence),
        cover=cover_curve(used, TAUS, confidence),
        live=live_shares(used, sizes, confidence, law),
        live_here={size: live_chosen(law, size, confidence=confidence) for size in sorted({USUAL, g})},
        group=advised,
        faults=count_faults(used, confidence, seed),
        reach=tuple(reach_table(used, betas, gap, confidence)),
        edges=edges,
        bands=bands,
        band_rows=tuple(band_table(law, bands, edges)),
        budget=_budget(len(used), batch, g, steps),
        zeros=_zeros(used, law, confidence),
        copies=copies,
        dominance=dominance(used),
        filtered=cut,
        forced=_forced(mass, used),
        twins=twins or Twins(sum(len(names) - 1 for names in duplicates), 0, len(contamination), 0),
        duplicates=tuple(tuple(names) for names in duplicates),
        contamination=tuple(contamination),
        notes=used.notes + tuple(used.skipped),
    )
    if found.kept:
        chosen = np.isin(np.array(used.ids, dtype=object), np.array(found.kept, dtype=object))
        found = replace(found, kept_live=live_chosen(law, g, chosen, confidence))
    code, then, sentences = judge_probe(found)
    return replace(found, verdict=code, then=then, sentences=sentences)


def _budget(problems: int, batch: int, group: int, steps: int) -> Budget:
    samples = batch * group * steps
    visits = batch * steps / problems
    return Budget(
        batch, group, steps, samples, float(q_seen(samples)), visits, float(q_seen(max(visits * group, 1.0)))
    )


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
