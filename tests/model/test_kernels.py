"""The fused decoding step against the plain one: on a GPU, or in Triton's interpreter (``TRITON_INTERPRET=1``)."""

from __future__ import annotations

import os

import pytest
import torch

from leadline.model import Decoder, DecoderConfig
from leadline.model.static_cache import StaticCache

pytest.importorskip("triton", reason="Triton is not installed")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
if not torch.cuda.is_available() and not INTERPRETED:
    pytest.skip("no CUDA device, and TRITON_INTERPRET=1 is not set", allow_module_level=True)

from leadline.model import kernels  # noqa: E402
from leadline.model.fused import fused_step  # noqa: E402

DEVICE = "cpu" if INTERPRETED else "cuda"
COLUMNS = 3 if INTERPRETED else 70
SHAPES = {
    "llama": {"family": "llama", "num_heads": 4, "num_kv_heads": 4, "head_dim": 16},
    "grouped": {"family": "llama", "num_heads": 9, "num_kv_heads": 3, "head_dim": 16},
    "qwen2": {"family": "qwen2", "num_heads": 14, "num_kv_heads": 2, "head_dim": 64, "tie_embeddings": True},
    "qwen3": {"family": "qwen3", "num_heads": 4, "num_kv_heads": 1, "head_dim": 32},
    "small heads": {"family": "llama", "num_heads": 2, "num_kv_heads": 1, "head_dim": 8},
    "no positions": {
        "family": "llama",
        "num_heads": 2,
        "num_kv_heads": 2,
        "head_dim": 16,
        "position": "none",
    },
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    "dtype", [torch.float32] if INTERPRETED else [torch.float32, torch.bfloat16], ids=str
)
def test_the_fused_step_is_the_plain_step(name: str, dtype: torch.dtype) -> None:
    shape = {"vocab_size": 50, "hidden_size": 40, "intermediate_size": 72, "num_layers": 2} | SHAPES[name]
    config = DecoderConfig(**shape)  # type: ignore[arg-type]
    model = Decoder(config).initialise(torch.Generator().manual_seed(0), scale=0.1)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith(("bias", "norm.weight")):
                parameter.add_(torch.linspace(-0.5, 0.5, parameter.numel()))
    exact, model = model.double().to(DEVICE), None  # type: ignore[assignment]
    fused = Decoder(config).to(DEVICE, dtype)
    fused.load_state_dict(exact.state_dict())
    exact.load_state_dict(fused.state_dict())  # the same rounded weights
    generator = torch.Generator().manual_seed(1)
    prompts = torch.randint(50, (3, 70), generator=generator).to(DEVICE)
    lengths = torch.tensor([70, 1, 33]).to(DEVICE)
    slots = torch.tensor([0, 1, 5, 3, 4]).to(DEVICE)  # one has left, and the lines stand in no order
    caches = []
    with torch.no_grad():
        for decoder in (exact, fused):
            cache = StaticCache(config, 3, 2, 96, 80, decoder.lm_head.weight)
            real = torch.arange(70, device=DEVICE) >= 70 - lengths[:, None]
            positions = (real.cumsum(1) - 1).clamp(min=0)
            seen = torch.ones(70, 70, dtype=torch.bool, device=DEVICE).tril() & real[:, None]
            seen |= torch.eye(70, dtype=torch.bool, device=DEVICE)
            cache.fill(decoder(prompts, positions, mask=seen[:, None])[1], lengths)
            cache.slots = slots
            caches.append(cache)
        for column in range(COLUMNS):
            tokens = torch.randint(50, (5,), generator=generator).to(DEVICE)
            at = lengths[slots // 2] + column
            want = exact.step(tokens, at, caches[0])
            got = fused_step(fused, tokens, at, caches[1])
            error = float((got.double() - want).norm() / want.norm())
            assert error < (3e-2 if dtype == torch.bfloat16 else 2e-5), (column, error)
    assert int(caches[1].length) == COLUMNS


@pytest.mark.parametrize("vocabulary", [7, 2048, 5001])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_what_is_done_with_logits(vocabulary: int, temperature: float) -> None:
    generator = torch.Generator().manual_seed(2)
    logits = 5 * torch.randn(9, vocabulary, generator=generator)
    targets = torch.randint(vocabulary, (9,), generator=generator)
    step = torch.randn(9, generator=generator)
    logits[0, 1:] = float("-inf")
    targets[0] = 0
    want = (logits.double() / temperature).log_softmax(-1)
    chosen, normaliser = kernels.selected(logits.to(DEVICE), targets.to(DEVICE), temperature)
    got = (chosen - normaliser).cpu().double()
    assert torch.allclose(got, want.gather(1, targets[:, None])[:, 0], atol=1e-5)
    wanted = torch.nn.functional.one_hot(targets, vocabulary) - want.exp()
    changed = logits.to(DEVICE)
    kernels.logits_to_gradient(changed, targets.to(DEVICE), normaliser, step.to(DEVICE), temperature)
    assert torch.allclose(changed.cpu().double(), wanted * step[:, None].double(), atol=1e-5)
