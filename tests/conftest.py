"""Fixtures that several test files share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from free_port import free_port

# A busy machine must not turn a property into a failure: how long an example takes is nobody's claim.
settings.register_profile("leadline", deadline=None)
settings.load_profile("leadline")

ROOT = Path(__file__).resolve().parent.parent

# A shell starts what runs in its background with SIGINT ignored, which every process started from there inherits: the
# tests that interrupt a command would wait for one that cannot hear them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Trainers of several processes at once, this suite's own workers among them, would meet on torch's default port. Set
# anew in each: a worker inherits what the process that started it has.
os.environ["MASTER_PORT"] = str(free_port())


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real inputs written by others; tests that need it skip visibly where it is absent."""
    folder = Path(os.environ.get("LEADLINE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no labelled data at {folder} (set LEADLINE_DATA)")
    return folder
