"""Samples and log-probabilities of any Hugging Face causal language model, through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel

from leadline.engine.seeds import torch_rng
from leadline.model.codec import Codec
from leadline.recipe import Recipe
from leadline.types import Completion, Problem

__all__ = ["HfSampler"]


class HfSampler:
    """A model directory that completions are drawn from, in batches of ``micro_tokens`` padded tokens."""

    def __init__(self, folder: Path, codec: Codec, device: torch.device, micro_tokens: int) -> None:
        self.codec, self.device, self.micro_tokens = codec, device, micro_tokens
        kind = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            folder, dtype=kind, local_files_only=True
        )
        self.model.to(device).eval()
        ends = self.model.generation_config.eos_token_id
        ends = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
        self.ends = sorted({codec.eos, *ends})

    @torch.no_grad()
    def sample(self, problems: Sequence[Problem], count: int, recipe: Recipe) -> list[Completion]:
        """``count`` completions of every problem, problem by problem."""
        prompts = self.codec.encode_prompts(problems)
        cap = recipe.evaluation.max_tokens or recipe.rl.max_tokens
        rows = [(i, prompts[i]) for i in range(len(problems)) for _ in range(count)]
        width = max(map(len, prompts), default=0) + cap
        size = max(1, self.micro_tokens // width)
        completions: list[Completion] = []
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(torch_rng(recipe.seed, "evaluation").initial_seed())
            for first in range(0, len(rows), size):
                batch = rows[first : first + size]
                tokens = self._generate([prompt for _, prompt in batch], cap, recipe.evaluation.temperature)
                completions += self._read([problems[i] for i, _ in batch], tokens)
        return completions

    def _generate(self, prompts: Sequence[Sequence[int]], cap: int, temperature: float) -> Tensor:
        """[rows, <= cap] completion tokens; whatever the model's own settings say of top-k, top-p is not used."""
        tokens, mask = _padded_left(prompts, self.codec.eos)
        settings = GenerationConfig(
            max_new_tokens=cap,
            do_sample=temperature > 0,
            temperature=temperature if temperature > 0 else None,
            top_k=0 if temperature > 0 else None,
            top_p=1.0 if temperature > 0 else None,
            eos_token_id=self.ends,
            pad_token_id=self.codec.eos,
        )
        self.model.generation_config = settings
        out: Tensor = self.model.generate(
            input_ids=tokens.to(self.device), attention_mask=mask.to(self.device), generation_config=settings
        )
        return out[:, tokens.shape[1] :].cpu()

    def _read(self, problems: Sequence[Problem], tokens: Tensor) -> list[Completion]:
        is_end = torch.isin(tokens, torch.tensor(self.ends))
        finished = is_end.any(1)
        length = torch.where(finished, is_end.int().argmax(1) + 1, tokens.shape[1])
        texts = self.codec.decode(tokens, length, finished)
        return [
            Completion(problem.id, text, size, end)
            for problem, text, size, end in zip(
                problems, texts, length.tolist(), finished.tolist(), strict=True
            )
        ]

    @torch.no_grad()
    def logprob(self, prompt: Sequence[int], completion: Sequence[int], temperature: float) -> float:
        """log p(completion | prompt) in nats, of the temperature-scaled distribution, in float32."""
        tokens = torch.tensor([[*prompt, *completion]], device=self.device)
        logits = self.model(tokens[:, :-1]).logits[0, len(prompt) - 1 :].float() / temperature
        target = tokens[0, len(prompt) :]
        return float(logits.log_softmax(-1).gather(1, target[:, None]).sum())


def _padded_left(prompts: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    width = max(map(len, prompts))
    tokens = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return tokens, mask
