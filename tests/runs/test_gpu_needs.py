"""What a recipe needs of GPUs, held against what was published and against what torch itself keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from command import call
from leadline.errors import ConfigError
from leadline.model import Decoder
from leadline.model.config import DecoderConfig
from leadline.recipes.reading import load_recipe
from leadline.runs.gpu_needs import gpu_lines
from leadline.runs.gpu_needs.memory import activation_bytes, kv_bytes, logit_bytes, memory_on, state_bytes
from leadline.runs.gpu_needs.setup import setup_of, zero_stage
from leadline.runs.model_shapes import shape_of

PACKAGED = Path(__file__).parents[2] / "src" / "leadline" / "recipes"
ON_GPUS = [
    path.stem for path in PACKAGED.glob("*.yaml") if "source: " in path.read_text() and path.stem != "smollm2"
]


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("tied", [True, False])
def test_parameters_are_counted_as_the_decoder_has_them(family: str, tied: bool) -> None:
    config = DecoderConfig(family=family, num_kv_heads=2, tie_embeddings=tied)  # type: ignore[arg-type]
    assert config.parameters == sum(weights.numel() for weights in Decoder(config).parameters())


@pytest.mark.parametrize(
    ("name", "billions"),
    [("0.5", 0.49), ("1.5", 1.54), ("3", 3.09), ("7", 7.61), ("14", 14.7), ("32", 32.5), ("72", 72.7)],
)  # the model cards of Qwen2.5
def test_published_shapes_have_as_many_parameters_as_published(name: str, billions: float) -> None:
    config = shape_of(f"Qwen/Qwen2.5-{name}B-Instruct")
    assert config is not None
    assert config.parameters / 1e9 == pytest.approx(billions, rel=0.01)


def test_names() -> None:
    distilled = shape_of("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B")
    assert distilled is not None
    assert distilled.parameters / 1e9 == pytest.approx(1.78, rel=0.01)
    assert shape_of("Qwen/Qwen2.5-Math-7B") == shape_of("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B")
    assert shape_of("meta-llama/Llama-3.1-8B") is None
    assert shape_of("Qwen/Qwen2.5-9B") is None


@pytest.mark.parametrize(("stage", "published"), [(0, 120.0), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_states_are_those_of_the_zero_paper(stage: int, published: float) -> None:
    """Figure 1 of arXiv 1910.02054: 7.5 billion parameters on 64 GPUs."""
    assert state_bytes(7.5e9, 64, stage) / 1e9 == pytest.approx(published, abs=0.05)


def test_keys_and_values_are_those_of_the_vllm_paper() -> None:
    """Section 3 of arXiv 2309.06180: 800 KB a token for OPT-13B (40 layers, 5,120 wide, all heads their own keys)."""
    opt = DecoderConfig(hidden_size=5120, num_layers=40, num_heads=40, num_kv_heads=40, head_dim=128)
    assert kv_bytes(opt) == 800 * 1024


@pytest.mark.parametrize("float32", [False, True])
@pytest.mark.parametrize(("width", "inner", "heads", "kv_heads"), [(64, 172, 4, 2), (128, 690, 8, 8)])
def test_activations_are_what_torch_keeps(
    width: int, inner: int, heads: int, kv_heads: int, float32: bool
) -> None:
    def kept(layers: int) -> int:
        config = Qwen2Config(
            hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
            num_key_value_heads=kv_heads, vocab_size=50,
        )  # fmt: skip
        model = Qwen2ForCausalLM(config).to(torch.float32 if float32 else torch.bfloat16)
        weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
        stores: dict[int, torch.UntypedStorage] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            store = tensor.untyped_storage()
            if store.data_ptr() not in weights:
                stores[store.data_ptr()] = store
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model.model(torch.zeros(1, tokens, dtype=torch.int64), use_cache=False)
        return sum(store.nbytes() for store in stores.values())

    tokens = 256
    shape = DecoderConfig(
        hidden_size=width,
        intermediate_size=inner,
        num_heads=heads,
        num_kv_heads=kv_heads,
        head_dim=width // heads,
    )
    assert (kept(4) - kept(2)) / 2 / tokens == pytest.approx(
        activation_bytes(shape, float32=float32), rel=0.01
    )


def test_tiles_of_logits_are_bounded() -> None:
    config = shape_of("Qwen/Qwen2.5-7B")
    assert config is not None
    whole, tiled = (logit_bytes(config, 16_384, tiled=tiled) for tiled in (False, True))
    assert whole / 1e9 == pytest.approx(14.9, abs=0.1)
    assert tiled < whole / 4


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        ([], 0),
        (["--multi_gpu"], 0),
        (["--use_deepspeed"], 2),
        (["--use_deepspeed", "--zero_stage", "3"], 3),
        (["--use_deepspeed", "--zero_stage"], 2),
        (["--use_fsdp"], 3),
    ],
)
def test_stages(words: list[str], stage: int) -> None:
    assert zero_stage(words) == stage


@pytest.mark.parametrize("name", sorted(ON_GPUS))
def test_packaged_recipes_fit_the_cards_that_they_name(name: str) -> None:
    recipe = load_recipe(PACKAGED / f"{name}.yaml")
    config = shape_of(str(recipe.model.source))
    assert config is not None
    memory = memory_on(config, setup_of(recipe), 80e9)
    assert memory.peak < 0.9 * 80e9
    assert memory.cache_tokens > recipe.rl.max_tokens
    text = "\n".join(gpu_lines(recipe))
    assert "fits" in text
    assert "H100" in text


def test_a_bigger_model_is_told_not_to_fit(tmp_path: Path) -> None:
    done = call(
        "run", "lead-7b", "--dry-run", "--model", "Qwen/Qwen2.5-72B", "--data", str(tmp_path / "none.jsonl")
    )
    assert done.returncode == 2  # the data are not there; what it needs was said all the same
    assert "does not fit" in done.stdout
    assert "none.jsonl" in done.stderr
    changed = load_recipe(PACKAGED / "lead-7b.yaml", ["trl.grpo.vllm_gpu_memory_utilization=0.15"])
    assert "do not hold the weights" in "\n".join(gpu_lines(changed))


def test_what_is_not_known_is_said() -> None:
    recipe = load_recipe(PACKAGED / "lead-7b.yaml", ["model.source=someone/a-model"])
    (line,) = gpu_lines(recipe)
    assert "someone/a-model" in line
    assert "config.json" in line
    for change in ("vllm_gpu_memory_utilization=half", "vllm_tensor_parallel_size=0"):
        with pytest.raises(ConfigError, match=change.partition("=")[0]):
            gpu_lines(load_recipe(PACKAGED / "lead-7b.yaml", [f"trl.grpo.{change}"]))
    assert gpu_lines(load_recipe(PACKAGED / "quickstart.yaml")) == []
