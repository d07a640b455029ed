"""Alarms as alerts of the trackers that somebody else has started (a TRL trainer's ``report_to``)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

__all__ = ["send_alert"]

_LOG = logging.getLogger("leadline")


def send_alert(trackers: Iterable[str], title: str, text: str) -> None:
    """Send an alert through each tracker that has a run open; one that refuses is named in the log, once an alert."""
    for name in trackers:
        module = sys.modules.get(name)  # a tracker that is in use has been imported
        if module is None or name not in ("trackio", "wandb"):
            continue
        try:
            if name == "wandb":
                if module.run is not None:
                    module.run.alert(title=title, text=text, level=module.AlertLevel.WARN)
            else:
                module.alert(title=title, text=text, level=module.AlertLevel.WARN)
        except Exception as error:  # whatever a tracker's network or version does, the run goes on
            _LOG.warning("%s: the alert %r was not sent: %s", name, title, error)
