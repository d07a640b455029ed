"""What a recipe needs of GPUs, held against what was published and against what torch itself keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from command import call
from leadline.model import Decoder
from leadline.model.config import DecoderConfig
from leadline.recipes.reading import load_recipe
from leadline.runs.gpu_needs import gpu_lines
from leadline.runs.gpu_needs.memory import activation_bytes, kv_bytes, logit_bytes, memory_on, state_bytes
from leadline.runs.gpu_needs.setup import setup_of
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


@pytest.mark.parametrize(("width", "inner", "heads", "kv_heads"), [(64, 172, 4, 2), (128, 690, 8, 8)])
def test_activations_are_what_torch_keeps(width: int, inner: int, heads: int, kv_heads: int) -> None:
    def kept(layers: int) -> int:
        config = Qwen2Config(
            hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
            num_key_value_heads=kv_heads, vocab_size=50,
        )  # fmt: skip
        model = Qwen2ForCausalLM(config).to(torch.bfloat16)
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
    assert (kept(4) - kept(2)) / 2 / tokens == pytest.approx(activation_bytes(shape), rel=0.01)


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
        (["--num_processes", "8", "--multi_gpu"], 0),
        (["--num_processes", "8", "--use_deepspeed"], 2),
        (["--num_processes=8", "--use_deepspeed", "--zero_stage=3"], 3),
        (["--num-processes", "8", "--use-deepspeed", "--zero-stage", "3"], 3),
        (["--num_processes", "8", "--use_fsdp"], 3),
        (["--num_processes", "8", "--use_fsdp", "--fsdp_sharding_strategy", "SHARD_GRAD_OP"], 2),
    ],
)
def test_what_is_split_is_what_accelerate_reads(words: list[str], stage: int) -> None:
    changes = [f"trl.launch={json.dumps(words)}"]
    setup = setup_of(load_recipe(PACKAGED / "lead-7b.yaml", changes))
    assert (setup.stage, setup.gpus) == (stage, 8 if words else 1)


def test_a_configuration_file_of_accelerate_is_read(tmp_path: Path) -> None:
    file = tmp_path / "z3.yaml"
    file.write_text(
        "compute_environment: LOCAL_MACHINE\ndistributed_type: DEEPSPEED\nnum_machines: 1\nnum_processes: 4\n"
        "mixed_precision: bf16\ndeepspeed_config: {zero_stage: 3, offload_optimizer_device: cpu}\n"
    )
    setup = setup_of(load_recipe(PACKAGED / "lead-7b.yaml", [f'trl.launch=["--config_file", "{file}"]']))
    assert (setup.gpus, setup.stage, setup.moments_away) == (4, 3, True)


@pytest.mark.parametrize("name", sorted(ON_GPUS))
def test_packaged_recipes_fit_the_cards_that_they_name(name: str) -> None:
    recipe = load_recipe(PACKAGED / f"{name}.yaml")
    config = shape_of(str(recipe.model.source))
    assert config is not None
    memory = memory_on(config, setup_of(recipe), 80e9)
    assert memory.peak < 0.95 * 80e9
    assert memory.cache_tokens > recipe.rl.max_tokens + 1024
    text = "\n".join(gpu_lines(recipe))
    assert "fits into" in text
    assert "H100: a step" in text


def test_a_bigger_model_is_told_not_to_fit(tmp_path: Path) -> None:
    done = call(
        "run", "lead-7b", "--dry-run", "--model", "Qwen/Qwen2.5-72B", "--data", str(tmp_path / "none.jsonl")
    )
    assert done.returncode == 2  # the data are not there; what it needs was said all the same
    assert "does not fit" in done.stdout
    assert "none.jsonl" in done.stderr
    for share in (0.15, 0.2):  # the weights and nothing more; not even these
        changed = load_recipe(PACKAGED / "lead-7b.yaml", [f"trl.grpo.vllm_gpu_memory_utilization={share}"])
        assert "does not hold the weights and one whole completion" in "\n".join(gpu_lines(changed))


def test_transformers_own_generation_needs_room_for_its_cache() -> None:
    whole = load_recipe(PACKAGED / "lead-14b.yaml", ["trl.grpo.use_vllm=false"])
    config = shape_of(str(whole.model.source))
    assert config is not None
    setup = setup_of(whole)
    assert (setup.sampler, setup.tensor_parallel) == ("generate", 1)
    memory = memory_on(config, setup, 80e9)
    assert memory.sampler == pytest.approx(32 * (256 + 14_336) * 196_608)
    assert "does not fit" in "\n".join(gpu_lines(whole))
    server = load_recipe(PACKAGED / "lead-7b.yaml", ["trl.grpo.vllm_mode=server"])
    assert "happens elsewhere" in "\n".join(gpu_lines(server))


def test_a_directory_of_any_family_is_counted_or_said_not_to_be(tmp_path: Path) -> None:
    sizes = {
        "model_type": "mistral", "vocab_size": 32_768, "hidden_size": 4096, "intermediate_size": 14_336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(sizes))
    found = shape_of(str(tmp_path))
    assert found is not None
    assert found.parameters / 1e9 == pytest.approx(7.25, rel=0.01)  # Mistral-7B-v0.3
    for text in (
        json.dumps({**sizes, "num_local_experts": 8}),
        json.dumps({**sizes, "hidden_size": "x"}),
        "[",
        "7",
    ):
        (tmp_path / "config.json").write_text(text)
        assert shape_of(str(tmp_path)) is None
    (line,) = gpu_lines(load_recipe(PACKAGED / "lead-7b.yaml", [f"model.source={tmp_path}"]))
    assert "has no config.json of a dense decoder" in line


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("someone/a-model", "someone/a-model is not known"),
        ("bartowski/Qwen2.5-7B-Instruct-GGUF", "not known"),
        ("Qwen2.5-7B-Q4_K_M.gguf", "not known"),
        ("/nowhere/at/all", "no such directory"),
    ],
)
def test_what_is_not_known_is_said(source: str, said: str) -> None:
    (line,) = gpu_lines(load_recipe(PACKAGED / "lead-7b.yaml", [f"model.source={source}"]))
    assert said in line


@pytest.mark.parametrize(
    "change",
    [
        "trl.grpo.vllm_gpu_memory_utilization=half",
        "trl.grpo.vllm_gpu_memory_utilization=1.5",
        "trl.grpo.vllm_tensor_parallel_size=0",
        "trl.grpo.vllm_tensor_parallel_size=3",
        "trl.grpo=foo",
        "trl.grpo=[1]",
        "trl.launch=8",
        'trl.launch="--num_processes 8"',
        "verl.keys={actor_rollout_ref.rollout.tensor_model_parallel_size: 3}",
    ],
)
def test_values_that_no_trainer_takes_are_refused_in_a_line(change: str) -> None:
    name = "lead-14b-verl" if change.startswith("verl") else "lead-7b"
    command = ("launch", "verl", name) if name.endswith("verl") else ("run", name)
    done = call(*command, "--dry-run", "--set", change)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "fault of leadline" not in done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("verl.keys.actor_rollout_ref.actor.strategy=megatron", "megatron"),
        ("verl.keys.actor_rollout_ref.actor.fsdp_config.fsdp_size=4", "fsdp_size"),
    ],
)
def test_layouts_that_are_not_counted_are_named(change: str, said: str) -> None:
    (line,) = gpu_lines(load_recipe(PACKAGED / "lead-14b-verl.yaml", [change]))
    assert "not counted" in line
    assert said in line


def test_nothing_is_said_of_the_local_engine() -> None:
    assert gpu_lines(load_recipe(PACKAGED / "quickstart.yaml")) == []
