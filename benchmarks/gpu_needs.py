"""What `--dry-run` says a recipe needs of GPUs, beside what was published.

    python benchmarks/gpu_needs.py            # the comparison, then what 1.5B, 7B and 14B need
    python benchmarks/gpu_needs.py --table    # the second table alone, as docs/cluster.md has it

Memory: figure 1 of the ZeRO paper (arXiv 1910.02054), OPT-13B's keys and values in the vLLM paper (arXiv 2309.06180,
section 3), and the smallest numbers of 80 GB cards on which verl's users trained Qwen2 models by GRPO
(docs/perf/device_tuning.rst of verl, June 2025): there what is estimated must fit, and on half as many it must not.
Their scripts move weights and moments out of the card while completions are drawn; micro-batches are of 4,096 tokens.
Time: the two dense models of NVIDIA NeMo RL 0.4's performance summary (H100, GRPO on policy); no constant was fitted to
them. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from leadline.model.config import DecoderConfig
from leadline.runs.gpu_needs.cards import CARDS
from leadline.runs.gpu_needs.memory import kv_bytes, memory_on, state_bytes
from leadline.runs.gpu_needs.setup import PROMPT_TOKENS, Setup
from leadline.runs.gpu_needs.step_time import step_time
from leadline.runs.model_shapes import shape_of

H100 = CARDS[0]
ZERO = {0: 120.0, 1: 31.4, 2: 16.6, 3: 1.9}
"""Stage -> GB a GPU, 7.5 billion parameters on 64 GPUs."""
SMALLEST = {"7": 2, "14": 4, "72": 32}
"""Billions of parameters -> 80 GB cards, whole models (H800)."""
NEMO = (
    ("Llama-3.1-8B", 16, 1, 1060, False, 97.7),
    ("Qwen3-32B", 32, 4, 3206, True, 393.0),
)
"""Model, GPUs, of one sampler, mean tokens of a sequence, activations recomputed, seconds a step: 2,048 completions."""
SHAPES = {
    "Llama-3.1-8B": DecoderConfig(
        vocab_size=128_256, hidden_size=4096, intermediate_size=14336, num_layers=32, num_heads=32, num_kv_heads=8,
        head_dim=128,
    ),
    "Qwen3-32B": DecoderConfig(
        family="qwen3", vocab_size=151_936, hidden_size=5120, intermediate_size=25600, num_layers=64, num_heads=64,
        num_kv_heads=8, head_dim=128,
    ),
}  # fmt: skip
RUNS = (
    ("1.5", 8192, 1),
    ("1.5", 8192, 8),
    ("7", 8192, 4),
    ("7", 8192, 8),
    ("14", 14336, 8),
    ("14", 14336, 16),
)
"""Billions of parameters, most tokens of a completion, GPUs: 32 prompts x 8 completions through verl."""


def verl_setup(gpus: int, *, cap: int, micro_tokens: int, parallel: int, rows: int = 256) -> Setup:
    """Weights and moments leave the card while completions are drawn, for which 60% of it is taken."""
    return Setup(
        gpus=gpus, stage=3, steps=280, rows=rows, micro_tokens=micro_tokens, tiled=False, padded=False, cap=cap,
        share=0.6, tensor_parallel=parallel, beside=0.0,
    )  # fmt: skip


def shape(billions: str) -> DecoderConfig:
    found = shape_of(f"Qwen/Qwen2.5-{billions}B")
    assert found is not None
    return found


def published_memory() -> Iterator[tuple[str, float, float]]:
    """What, published, estimated; GB, or KB for the cache."""
    for stage, size in ZERO.items():
        yield f"states, 7.5B on 64 GPUs, ZeRO stage {stage}, GB", size, state_bytes(7.5e9, 64, stage) / 1e9
    opt = DecoderConfig(hidden_size=5120, num_layers=40, num_heads=40, num_kv_heads=40, head_dim=128)
    yield "keys and values of a token, OPT-13B, KB", 800.0, kv_bytes(opt) / 1024


def smallest() -> Iterator[tuple[str, int, float, float]]:
    """Model, cards, GB a card on so many, and on half as many."""
    for billions, gpus in SMALLEST.items():
        config = shape(billions)
        whole, half = (
            memory_on(config, verl_setup(count, cap=1024, micro_tokens=4096, parallel=count), 80e9).learning
            / 1e9
            for count in (gpus, gpus // 2)
        )
        yield f"Qwen2-{billions}B", gpus, whole, half


def nemo_seconds() -> Iterator[tuple[str, float, float]]:
    """Model, published and estimated seconds of a step; 4,096 tokens at most, a policy held against a reference."""
    for name, gpus, parallel, mean, recomputed, published in NEMO:
        setup = Setup(
            gpus=gpus, stage=3, reference_bytes=2, recomputed=recomputed, steps=1, rows=2048, micro_tokens=4096,
            tiled=False, padded=False, cap=4096 - PROMPT_TOKENS, share=0.6, tensor_parallel=parallel, beside=0.0,
        )  # fmt: skip
        memory = memory_on(SHAPES[name], setup, H100.memory)
        yield name, published, step_time(SHAPES[name], setup, memory, H100, mean - PROMPT_TOKENS).total


def table() -> Iterator[str]:
    """Markdown: what models of three sizes need through verl."""
    yield "| parameters | completions of up to | H100 80 GB | GB a card, at most | a step | 280 steps |"
    yield "|---|---:|---:|---:|---:|---:|"
    for billions, cap, gpus in RUNS:
        config, parallel = shape(billions), 2 if billions == "14" else 1
        setup = verl_setup(gpus, cap=cap, micro_tokens=cap + 1024, parallel=parallel)
        memory = memory_on(config, setup, H100.memory)
        step = step_time(config, setup, memory, H100, cap / 2).total
        peak = f"{memory.peak / 1e9:.0f}" + ("" if memory.peak < 80e9 else ": does not fit")
        yield f"| {billions}B | {cap:,} | {gpus} | {peak} | {step / 60:.1f} min | {step * 280 / 3600:.0f} h |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", action="store_true")
    if parser.parse_args().table:
        print("\n".join(table()))
        return
    memory, cards, seconds = list(published_memory()), list(smallest()), list(nemo_seconds())
    for what, published, estimated in memory:
        print(f"{what}: published {published:.1f}, estimated {estimated:.1f}")
    for name, gpus, whole, half in cards:
        print(
            f"{name}: trained on {gpus} cards of 80 GB; estimated {whole:.0f} GB, on {gpus // 2} {half:.0f} GB"
        )
    for name, published, estimated in seconds:
        print(
            f"{name}: {published:.0f} s a step published, {estimated:.0f} estimated, {estimated / published:.2f} of it"
        )
    print("\n".join(table()))
    print(json.dumps({"memory": memory, "smallest": cards, "seconds": seconds}))


if __name__ == "__main__":
    main()
