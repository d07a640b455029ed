"""The probe: will GRPO help this model on these problems? (docs/probe.md)"""

from __future__ import annotations

from leadline.diagnosis.probe.correct_mass import teacher_forced
from leadline.diagnosis.probe.headline import PROBE_VERDICTS
from leadline.diagnosis.probe.measure import probe
from leadline.diagnosis.probe.result import Probe
from leadline.diagnosis.probe.run import run_probe
from leadline.diagnosis.probe.tables import probe_finding

__all__ = ["PROBE_VERDICTS", "Probe", "probe", "probe_finding", "run_probe", "teacher_forced"]
