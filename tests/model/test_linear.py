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


@pytest.mark.parametrize("packed_for", [1, 35, 512])
@pytest.mark.parametrize("rows", [1, 7, 64, 300])
def test_a_weight_packed_for_some_rows_serves_any(packed_for: int, rows: int) -> None:
    """torch promises it for the same number alone."""
    generator = torch.Generator().manual_seed(0)
    for out, inner in ((576, 192), (192, 576), (33, 70)):
        layer = Linear(inner, out, bias=True)
        x = torch.randn(rows, inner, generator=generator)
        with torch.no_grad():
            want = torch.nn.functional.linear(x, layer.weight, layer.bias)
            with packed(layer, packed_for):
                torch.testing.assert_close(layer(x), want, rtol=1e-4, atol=1e-5)


def test_they_are_gone_after_a_fault() -> None:
    model = tiny_decoder()
    with pytest.raises(KeyError), packed(model, 4):
        raise KeyError
    assert model.lm_head.packed is None
    with packed(model.to(torch.bfloat16), 4):
        assert model.lm_head.packed is None
