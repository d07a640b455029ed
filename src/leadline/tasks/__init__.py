"""Procedural problems with exact answers, and worked traces of them."""

from leadline.tasks.traces import TraceStyle, trace, wrap
from leadline.tasks.world import ChainWorld

__all__ = ["ChainWorld", "TraceStyle", "trace", "wrap"]
