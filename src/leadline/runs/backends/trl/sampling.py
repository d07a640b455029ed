"""Samples and log-probabilities of a Hugging Face model directory, for the pipeline's measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from leadline.model.codec import Codec
from leadline.model.pretrained import load_causal_lm
from leadline.recipes.schema import Recipe
from leadline.samplers import Prompting, Sampler
from leadline.types import Problem

__all__ = ["LogProbs", "evaluation_sampler"]


def evaluation_sampler(folder: Path, recipe: Recipe, device: torch.device) -> Sampler:
    """Draws from a model directory as the recipe's evaluation says; by vLLM where the arms are trained with it."""
    prompting = Prompting(system=recipe.data.system_prompt)
    if recipe.trl.get("grpo", {}).get("use_vllm"):
        from leadline.samplers.vllm import VllmSampler

        return VllmSampler(str(folder), prompting=prompting)
    from leadline.samplers.transformers import TransformersSampler

    rows = max(1, recipe.rl.micro_tokens // (2 * (recipe.evaluation.max_tokens or recipe.rl.max_tokens)))
    return TransformersSampler(folder, batch_size=rows, device=str(device), prompting=prompting)


class LogProbs:
    """Log-probabilities of given completions under a model directory, in float32."""

    def __init__(self, folder: Path, codec: Codec, device: torch.device) -> None:
        self.codec, self.device = codec, device
        loaded = load_causal_lm(folder, dtype=torch.float32)
        self.model: Any = loaded.to(device).eval()

    @torch.no_grad()
    def of(self, problem: Problem, completion: str, temperature: float) -> float:
        """log p(completion and its end | problem), in nats, of the temperature-scaled distribution."""
        [prompt], [answer] = self.codec.encode_prompts([problem]), self.codec.encode_completions([completion])
        tokens = torch.tensor([[*prompt, *answer]], device=self.device)
        logits = self.model(tokens[:, :-1]).logits[0, len(prompt) - 1 :].float() / temperature
        target = tokens[0, len(prompt) :]
        return float(logits.log_softmax(-1).gather(1, target[:, None]).sum())
