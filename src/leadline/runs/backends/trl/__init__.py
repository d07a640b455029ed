"""The stages of a recipe through TRL: any Hugging Face causal language model, one process or many.

Models come and go as Hugging Face directories, metrics and samples are written like those of the local engine, and
the steps see the same problems: only what happens inside a step is TRL's.
"""

from __future__ import annotations

from leadline.runs.backends.trl.backend import TrlBackend

__all__ = ["TrlBackend"]
