"""Sounding: will GRPO help this model on these problems? (docs/probe.md)"""

from __future__ import annotations

from leadline.probe.mass import teacher_forced
from leadline.probe.result import Probe
from leadline.probe.run import run_probe
from leadline.probe.sentences import VERDICTS
from leadline.probe.sounding import probe
from leadline.probe.tables import finding

__all__ = ["VERDICTS", "Probe", "finding", "probe", "run_probe", "teacher_forced"]
