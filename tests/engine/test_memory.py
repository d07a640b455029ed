"""A large model's step fits the memory that is promised, and gives back what it has freed."""

from __future__ import annotations

import sys

import pytest
import torch

from leadline.engine import memory
from leadline.engine.micro_batches import tokens_in_memory
from leadline.model import Decoder, DecoderConfig

SMOLLM2 = DecoderConfig(
    vocab_size=49_152, hidden_size=576, intermediate_size=1536, num_layers=30, num_heads=9, num_kv_heads=3, head_dim=64
)  # fmt: skip


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_a_micro_batch_of_a_large_model_is_smaller_than_the_caches_of_a_small_one() -> None:
    assert 500 < tokens_in_memory(SMOLLM2) < 1000
    assert tokens_in_memory(DecoderConfig()) > 10_000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_was_freed_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    if memory._malloc_trim() is None:
        pytest.skip("another C library than glibc")
    model = Decoder(DecoderConfig(vocab_size=16, hidden_size=8, intermediate_size=8, num_layers=1, num_heads=1,
                                  num_kv_heads=1, head_dim=8))  # fmt: skip
    pieces = [torch.ones(25_000) for _ in range(4000)]  # 100 kB each, which the C library keeps for itself
    last = torch.ones(25_000)
    full = resident()
    del pieces
    memory.release_freed(model)
    assert resident() > full - 200e6, "a small model's step is not held up"
    monkeypatch.setattr(memory, "_LARGE", 1)
    memory.release_freed(model)
    assert resident() < full - 300e6
    assert float(last[0]) == 1.0
