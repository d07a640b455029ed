"""Pretraining: supervised learning of a cell's mixture from scratch, as a pure function of the task."""

from __future__ import annotations

import random

import torch
from safetensors.torch import load, save

from leadline.engine.optimiser import Optimiser
from leadline.engine.supervised_trainer import Example, supervised_step
from leadline.model import Decoder, DecoderConfig
from leadline.recipes.schema import OptimiserConfig
from leadline.seeds import python_rng, torch_rng
from leadline.studies.design.cell import BaseTask, Cell
from leadline.studies.design.source import Encoding, Item, draw_item
from leadline.tasks.machines import find_machine

__all__ = ["encoding_of", "load_base", "new_model", "pretrain", "pretraining_item"]

_MICRO_TOKENS = 16_384
_INITIAL_SCALE = 0.05
_MAX_POSITIONS = 64
# Prompts have some ten tokens: with the usual 10,000 most rotary frequencies would stand still.
_ROPE_THETA = 100.0


def encoding_of(cell: Cell) -> Encoding:
    """How the cell's problems are written."""
    return Encoding(find_machine(cell.asked.machine))


def pretraining_item(cell: Cell, rng: random.Random) -> Item:
    """One draw of the mixture: the asked source with probability ``overlap``, else one of the others by share."""
    if rng.random() < cell.overlap:
        return draw_item(cell.asked, rng, "pretraining")
    shares = [share for share, _ in cell.pretraining]
    (_, source), *_ = rng.choices(cell.pretraining, shares)
    return draw_item(source, rng, "pretraining")


def new_model(task: BaseTask) -> Decoder:
    """The model of a task before any training."""
    scale = task.scale
    config = DecoderConfig(
        vocab_size=encoding_of(task.cell).size,
        hidden_size=scale.hidden,
        intermediate_size=2 * scale.hidden,
        num_layers=scale.layers,
        num_heads=scale.heads,
        num_kv_heads=scale.heads,
        head_dim=scale.hidden // scale.heads,
        rope_theta=_ROPE_THETA,
        # Learned positions that no pretraining example reaches stay as they were drawn: that is the control.
        max_positions=_MAX_POSITIONS,
        position=task.cell.position,
    )
    return Decoder(config).initialise(torch_rng(task.seed, "init"), _INITIAL_SCALE)


def pretrain(task: BaseTask) -> bytes:
    """The trained weights, as the bytes of a safetensors file."""
    scale, encoding = task.scale, encoding_of(task.cell)
    model = new_model(task)
    steps = max(1, round(scale.pretraining_steps * task.cell.budget))
    settings = OptimiserConfig(
        name="muon",
        learning_rate=scale.pretraining_rate,
        muon_learning_rate=scale.muon_rate,
        decay="cosine",
    )
    optimiser = Optimiser(model.named_parameters(), settings, steps)
    for step in range(steps):
        rng = python_rng(task.seed, "pretraining", step)
        items = [pretraining_item(task.cell, rng) for _ in range(scale.batch)]
        examples = [Example(encoding.prompt(item), encoding.answer(item)) for item in items]
        supervised_step(model, optimiser, examples, step=step, micro_tokens=_MICRO_TOKENS)
    if task.cell.share_embeddings:
        _share_embeddings(model, encoding)
    return save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})


def load_base(task: BaseTask, weights: bytes) -> Decoder:
    """The model whose weights :func:`pretrain` gave."""
    model = new_model(task)
    model.load_state_dict(load(weights))
    return model


@torch.no_grad()
def _share_embeddings(model: Decoder, encoding: Encoding) -> None:
    """Make the second alphabet's rows copies of the first's, where it is read and where it is written."""
    first, second = (torch.tensor(encoding.letters(vocabulary)) for vocabulary in (0, 1))
    for matrix in (model.model.embed_tokens.weight, model.lm_head.weight):
        matrix[second] = matrix[first]
