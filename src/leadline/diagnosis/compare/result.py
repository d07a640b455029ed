"""The outcome of a comparison, with all of its tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from leadline.diagnosis.as_json import as_json
from leadline.diagnosis.compare.differences import Crossing, MetricChange
from leadline.diagnosis.compare.format_split import FormSplit
from leadline.diagnosis.compare.length_split import LengthSplit
from leadline.diagnosis.compare.movers import Movers
from leadline.diagnosis.compare.noise import Noise
from leadline.diagnosis.compare.pairing import Pair
from leadline.diagnosis.compare.reflection_hacking import ReflectionHacking
from leadline.diagnosis.compare.seen_gain import SeenGain
from leadline.diagnosis.compare.support_changes import Ledger
from leadline.diagnosis.compare.tilt_fit import LawFits
from leadline.diagnosis.probe.copies import Copies
from leadline.display import Sentence

__all__ = ["Comparison"]

UNRELATED = 0.01  # chance under the fitted tilt, on both sides


@dataclass(frozen=True, slots=True)
class Comparison:
    """What training changed. ``as_dict`` is the JSON (docs/probe.md)."""

    pair: Pair = field(repr=False)
    passes: tuple[MetricChange, ...]
    ratios: tuple[MetricChange, ...]
    crossing: Crossing
    laws: LawFits | None
    ledger: Ledger
    length: LengthSplit | None
    form: FormSplit | None
    movers: Movers
    seen: SeenGain
    noise: Noise
    copies: tuple[Copies, Copies]
    unrelated: bool = False
    hacking: tuple[ReflectionHacking, ReflectionHacking] | None = None
    verdict: str = ""
    also: tuple[str, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    notes: tuple[str, ...] = ()

    def ratio(self, name: str) -> MetricChange | None:
        """The row of one ratio metric (``mean_tokens``, ``truncated``, ...), None where it is not known."""
        return next((row for row in self.ratios if row.name == name), None)

    @property
    def looks_unrelated(self) -> bool:
        """Either model solves problems that the other never does, more than reweighting one into the other makes."""
        ledger = self.ledger
        chances = (ledger.p_expanded, ledger.p_shrunk)
        both = min(ledger.expanded, ledger.shrunk) >= 2
        return both and all(p is not None and p < UNRELATED for p in chances)

    def as_dict(self) -> dict[str, Any]:
        """The JSON output; numbers of one figure are [value, lo, hi], differences are tuned minus base."""
        pair = self.pair
        rows = {row.name: _row(row) for row in (*self.passes, *self.ratios)}
        return {
            "schema": 1,
            "n_problems": len(pair),
            "n_samples": [pair.base.n_samples, pair.tuned.n_samples],
            "unpaired": [len(pair.only_base), len(pair.only_tuned)],
            "partly_stated": as_json(pair.partly),
            "problems_with_length": int(pair.measured.sum()),
            "metrics": rows,
            "crossing": as_json(self.crossing),
            "laws": _laws(self.laws),
            "ledger": as_json(self.ledger),
            "length": as_json(self.length),
            "form": self.form.as_dict() if self.form else None,
            "movers": as_json(self.movers),
            "seen_by_base": as_json(self.seen),
            "noise": as_json(self.noise),
            "unrelated": self.unrelated or self.looks_unrelated,
            "copies": as_json(self.copies),
            "farmed": [f.share for f in self.hacking] if self.hacking else None,
            "reflection_per_text": [f.per_text for f in self.hacking] if self.hacking else None,
            "verdict": self.verdict,
            "also": list(self.also),
            "sentences": [s.text for s in self.sentences],
            "evidence": [list(s.evidence) for s in self.sentences],
            "notes": list(self.notes),
        }


def _row(row: MetricChange) -> dict[str, list[float]]:
    return {name: getattr(row, name).as_list() for name in ("base", "tuned", "difference")}


def _laws(laws: LawFits | None) -> dict[str, Any] | None:
    if laws is None:
        return None
    return {
        "tilt_strength": laws.strength.as_list(),
        "tilt_slope": laws.slope.as_list() if laws.slope else None,
        "arcsine_shift": laws.shift,
        "log_likelihood_ratio": laws.log_ratio,
        "dispersion": laws.dispersion,
    }
