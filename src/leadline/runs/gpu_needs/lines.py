"""What a recipe needs, in lines for ``--dry-run``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from leadline.display.numbers import duration
from leadline.model.config import DecoderConfig
from leadline.recipes.schema import Recipe
from leadline.runs.gpu_needs.cards import CARDS
from leadline.runs.gpu_needs.memory import Memory, memory_on
from leadline.runs.gpu_needs.setup import PROMPT_TOKENS, NotCounted, Setup, setup_of
from leadline.runs.gpu_needs.step_time import step_time
from leadline.runs.model_shapes import shape_of

__all__ = ["gpu_lines"]

_SPLIT = (
    "on every GPU",
    "Adam's moments split over the GPUs",
    "gradients and moments split over the GPUs",
    "split over the GPUs",
)


def gpu_lines(recipe: Recipe, *, nodes: int | None = None, gpus_per_node: int | None = None) -> list[str]:
    """Memory by its parts and hours, of the reinforcement-learning stage of a recipe for TRL or verl.

    Completions are taken to be half as long as the recipe allows. Nothing is asked of a hub, and nothing of the model
    refused: where it is not counted, a line says so.

    Args:
        nodes, gpus_per_node: of the command line, in place of the recipe's section ``verl``.

    Raises:
        ConfigError: a section ``verl``, or words of ``trl.launch``, that no trainer takes.
    """
    source = recipe.model.source
    if recipe.backend == "local" or not recipe.rl.steps or not source:
        return []
    if recipe.backend == "trl" and find_spec("accelerate") is None:
        return ["what it needs of GPUs is not counted: accelerate is not installed here"]
    try:
        setup = setup_of(recipe, nodes=nodes, gpus_per_node=gpus_per_node)
    except NotCounted as layout:
        return [f"what it needs of GPUs is not counted for this layout: {layout}"]
    config = shape_of(source)
    if config is None:
        return [f"what it needs of GPUs is not counted: {_unknown(source)}"]
    memory = memory_on(config, setup, CARDS[0].memory)
    cards = f"{setup.gpus} GPU" + ("s" if setup.gpus > 1 else "")
    return [
        f"{config.parameters / 1e9:.2f} billion parameters on {cards} of 80 GB. Reinforcement learning takes, on each:",
        *_parts(setup, memory),
        _verdict(setup, memory),
        *_times(config, setup, memory),
    ]


def _unknown(source: str) -> str:
    if Path(source).is_dir():
        return f"{source} has no config.json of a dense decoder"
    if source.startswith(("/", ".", "~")):
        return f"{source}: no such directory here"
    return f"the shape of {source} is not known here; a directory with its config.json tells"


def _parts(setup: Setup, memory: Memory) -> Iterator[str]:
    reference = ", and the reference model" if setup.reference_bytes else ""
    away = "4 bytes a parameter" if setup.moments_away else "16 bytes a parameter"
    tiles = (
        "in tiles, and the output matrix's gradient" if setup.tiled else "of a micro-batch (rl.micro_tokens)"
    )
    drawing = f"vLLM's share: room for {memory.cache_tokens:,.0f} tokens in each copy"
    parts = (
        ("states", memory.states, f"{away}, {_SPLIT[setup.stage]}{reference}"),
        ("copies of weights", memory.copies, "in bfloat16" if setup.autocast else "of the layers under way"),
        ("activations", memory.activations, f"of {setup.micro_tokens:,} tokens at once"),
        ("logits", memory.logits, tiles),
        (
            "drawing",
            memory.sampler,
            drawing if setup.sampler == "engine" else "the cache of a whole generation",
        ),
    )
    for name, size, remark in parts:
        if size:
            yield f"  {name:18} {size / 1e9:6.1f} GB  {remark}"


def _verdict(setup: Setup, memory: Memory) -> str:
    learning, drawing = f"{memory.learning / 1e9:.0f} GB to learn", f"{memory.sampling / 1e9:.0f} GB to draw"
    said = learning if setup.sampler == "elsewhere" else f"{learning}, {drawing}"
    if memory.peak >= CARDS[0].memory:
        return f"  {said}: does not fit into 80 GB"
    if setup.sampler == "engine" and memory.cache_tokens < PROMPT_TOKENS + setup.cap:
        return f"  {said}: vLLM's share does not hold the weights and one whole completion: give it more, or more GPUs"
    return f"  {said}: fits into 80 GB"


def _times(config: DecoderConfig, setup: Setup, memory: Memory) -> Iterator[str]:
    length = setup.cap / 2
    if setup.sampler == "engine" and not memory.cache_tokens:
        return
    for card in CARDS:
        step = step_time(config, setup, memory, card, length)
        drawing = (
            f"{duration(step.sampling)} to draw ({step.at_once:.0f} completions at once in each copy) + "
        )
        if setup.sampler == "elsewhere":
            drawing = "drawing, which happens elsewhere, + "
        yield (
            f"  {card.name}: a step {drawing}{duration(step.learning)} to learn; "
            f"{setup.steps:,} steps of an arm {duration(step.total * setup.steps)}"
        )
    yield f"  with {length:,.0f} tokens in a completion, half of the cap; good to a factor of two"
    if setup.drawn_again:
        yield "  groups without signal are drawn again, which is not counted: twice as long where half have none"
    yield "  supervised fine-tuning, validation and evaluation are not counted"
