"""What a probe foretold, beside what then happened: gain by band, and the live groups of the first steps."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.differences import pass_rows
from leadline.diagnosis.compare.pairing import pair_up
from leadline.diagnosis.probe.difficulty_bands import BANDS, EXPECTED
from leadline.diagnosis.probe.result import Probe
from leadline.stats import Interval, predicted_share

__all__ = ["BandGain", "LiveForecast", "band_gains", "live_forecast"]


@dataclass(frozen=True, slots=True)
class BandGain:
    """One band of a probe: what was expected of it, and the change of pass@1 there; None without problems."""

    band: str
    count: int
    expected: str
    gain: Interval | None


def band_gains(found: Probe, before: Counts, after: Counts) -> list[BandGain]:
    """Change of pass@1 in every band of a probe.

    ``before`` must not be the samples that the probe sorted by: problems that were never solved in those can
    only rise, and those always solved only fall, whatever training did (regression to the mean).

    Raises:
        DataError: before and after share no problem.
    """
    band = dict(zip(found.counts.ids, found.bands, strict=True))
    pair = pair_up(before, after)
    rows = []
    for i, name in enumerate(BANDS):
        chosen = [pid for pid in pair.base.ids if band.get(pid) == i]
        gain = None
        if chosen:
            gain = pass_rows(pair_up(before.take(chosen), after.take(chosen)), (1,))[0].difference
        rows.append(BandGain(name, len(chosen), EXPECTED[name], gain))
    return rows


@dataclass(frozen=True, slots=True)
class LiveForecast:
    """Share of mixed groups that a probe foretold for so many groups, and the share that was seen."""

    foretold: Interval
    seen: float
    groups: int

    @property
    def held(self) -> bool:
        """Whether the share that was seen lies within the forecast."""
        return self.foretold.contains(self.seen)


def live_forecast(
    found: Probe, group: int, mixed: int, groups: int, confidence: float = 0.95
) -> LiveForecast:
    """What a probe foretold of so many groups of problems drawn once each (`stats.predicted_share`), and what was seen.

    Of a model that learns nothing meanwhile; `Probe.first_steps` allows for one that does.

    Raises:
        KeyError: the probe has no share for this group size.
        ValueError: ``mixed`` outside [0, groups], or no group.
    """
    if not 0 <= mixed <= groups or groups < 1:
        raise ValueError(f"{mixed} mixed groups of {groups}")
    return LiveForecast(predicted_share(found.live[group].share, groups, confidence), mixed / groups, groups)
