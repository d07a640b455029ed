"""Sounding: will GRPO help this model on these problems? (docs/probe.md)"""

from __future__ import annotations

from leadline.diagnosis.probe.correct_mass import teacher_forced
from leadline.diagnosis.probe.measure import probe
from leadline.diagnosis.probe.result import Probe
from leadline.diagnosis.probe.run import run_probe
from leadline.diagnosis.probe.sentences import VERDICTS
from leadline.diagnosis.probe.tables import finding

__all__ = ["VERDICTS", "Probe", "finding", "probe", "run_probe", "teacher_forced"]
