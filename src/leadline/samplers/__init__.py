"""Where samples come from: one protocol, several sources; those that need torch are imported by their full name."""

from __future__ import annotations

from leadline.samplers.base import (
    Draw,
    Drawn,
    Prompting,
    Sampler,
    SampleRequest,
    Sampling,
    check_prompts,
    check_samples,
    item_seed,
    one_of_each,
    pending,
)
from leadline.samplers.openai_server import EndpointSampler
from leadline.samplers.sample_file import FileSampler

__all__ = [
    "Draw",
    "Drawn",
    "EndpointSampler",
    "FileSampler",
    "Prompting",
    "SampleRequest",
    "Sampler",
    "Sampling",
    "check_prompts",
    "check_samples",
    "item_seed",
    "one_of_each",
    "pending",
]
