"""What is wrong with a run while it goes on: checks, their evidence, and the records that they look at.

A check looks at every step, which is many looks: its evidence is an e-process, which stays below ``1 / alpha`` for
ever with a chance of at least ``1 - alpha`` where nothing is wrong. All checks of a run share 1%
(:mod:`leadline.health.sequential`).
How to use it, and what each check means: ``docs/watch.md``.
"""

from __future__ import annotations

from leadline.health.alarm import Alarm, ranked
from leadline.health.observation import History, Observation
from leadline.health.registry import CHECKS, check_named, stopping
from leadline.health.watchdog import Watchdog

__all__ = ["CHECKS", "Alarm", "History", "Observation", "Watchdog", "check_named", "ranked", "stopping"]
