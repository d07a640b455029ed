"""Packed weights give the products of unpacked ones, and are gone afterwards."""

from __future__ import annotations

import pytest
import torch

from leadline.engine.lora import Lora
from leadline.model.linear import Linear, packed
from leadline.recipes.schema import LoraConfig
from tiny import tiny_decoder


@pytest.mark.parametrize("adapters", [False, True])
def test_products_of_packed_weights(adapters: bool) -> None:
    model = tiny_decoder(family="qwen2", tie_embeddings=True)
    if adapters:
        Lora(model, LoraConfig(rank=2), 0)
    tokens = torch.randint(12, (5, 7), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        want = model.logits(model(tokens)[0])
        with packed(model, 35):
            layers = [module for module in model.modules() if isinstance(module, Linear)]
            if torch._C._has_mkldnn:
                assert all(layer.packed is not None for layer in layers)
            got = model.logits(model(tokens)[0])
    assert torch.allclose(got, want, atol=1e-5)
    assert all(layer.packed is None for layer in layers)


def test_they_are_gone_after_a_fault() -> None:
    model = tiny_decoder()
    with pytest.raises(KeyError), packed(model, 4):
        raise KeyError
    assert model.lm_head.packed is None
    with packed(model.to(torch.bfloat16), 4):
        assert model.lm_head.packed is None
