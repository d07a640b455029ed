"""What a recipe needs, in lines for ``--dry-run``."""

from __future__ import annotations

from leadline.recipes.schema import Recipe
from leadline.runs.gpu_needs.cards import CARDS
from leadline.runs.gpu_needs.memory import Memory, memory_on
from leadline.runs.gpu_needs.setup import Setup, setup_of
from leadline.runs.gpu_needs.step_time import step_time
from leadline.runs.model_shapes import shape_of

__all__ = ["gpu_lines"]

_STAGES = (
    "16 bytes a parameter",
    "16 bytes a parameter, moments shared",
    "16 bytes a parameter, moments and gradients shared",
    "16 bytes a parameter, shared",
)


def gpu_lines(recipe: Recipe, *, nodes: int | None = None, gpus_per_node: int | None = None) -> list[str]:
    """Memory by its parts and hours, of the reinforcement-learning stage of a recipe for TRL or verl.

    Completions are taken to be half as long as the recipe allows. Nothing is asked of a hub.

    Raises:
        CheckpointError: a model directory whose ``config.json`` cannot be used.
        ConfigError: a section ``verl`` or ``trl.launch`` that cannot be read.
    """
    if recipe.backend == "local" or not recipe.rl.steps or recipe.model.source is None:
        return []
    config = shape_of(recipe.model.source)
    if config is None:
        return [
            f"what it needs of GPUs is not estimated: no shape is known of {recipe.model.source}; "
            "--model DIRECTORY with its config.json tells"
        ]
    setup = setup_of(recipe, nodes=nodes, gpus_per_node=gpus_per_node)
    memory = memory_on(config, setup, CARDS[0].memory)
    cards = f"{setup.gpus} GPU" + ("s" if setup.gpus > 1 else "")
    lines = [f"{config.parameters / 1e9:.2f} billion parameters on {cards} of 80 GB; each holds"]
    lines += [
        f"  {name:18} {size / 1e9:6.1f} GB  {remark}".rstrip() for name, size, remark in _parts(setup, memory)
    ]
    lines.append(_verdict(setup, memory))
    if setup.share is not None and not memory.cache_tokens:
        return [
            *lines,
            f"the sampler's {memory.sampler / 1e9:.0f} GB do not hold the weights: give it more, or more GPUs",
        ]
    length = setup.cap / 2
    for card in CARDS:
        step = step_time(config, setup, memory, card, length)
        lines.append(
            f"  {card.name}: {step.sampling:.0f} s to draw (about {step.at_once:.0f} at once a copy) + "
            f"{step.learning:.0f} s to learn a step; an arm takes {step.total * setup.steps / 3600:.1f} h"
        )
    lines.append(f"  taking {length:,.0f} tokens a completion, half of the cap; good to a factor of two")
    return lines


def _parts(setup: Setup, memory: Memory) -> list[tuple[str, float, str]]:
    found = [
        (
            "states",
            memory.states,
            _STAGES[setup.stage] + (", and the reference model" if setup.reference else ""),
        ),
        ("gathered weights", memory.gathered, "of the layers under way"),
        ("activations", memory.activations, f"{setup.micro_tokens:,} tokens at once"),
        (
            "logits",
            memory.logits,
            "in tiles, and the output matrix's gradient"
            if setup.tiled
            else "of a micro-batch (rl.micro_tokens)",
        ),
        ("sampler", memory.sampler, f"room for {memory.cache_tokens:,.0f} tokens a copy"),
    ]
    return [part for part in found if part[1]]


def _verdict(setup: Setup, memory: Memory) -> str:
    when = (
        ""
        if setup.share is None
        else f" ({memory.learning / 1e9:.0f} to learn, {memory.sampling / 1e9:.0f} to draw)"
    )
    fits = memory.peak < CARDS[0].memory
    return f"  at most {memory.peak / 1e9:.0f} of 80 GB{when}: {'fits' if fits else 'does not fit'}"
