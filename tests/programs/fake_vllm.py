"""vLLM's part of TRL's conversation with it, played by a tiny model on the CPU: in this process, or as a server.

TRL's own code runs up to the calls of ``vllm.LLM`` and of ``VLLMClient``, whose interfaces these classes have. Each
holds weights of its own, which only TRL's weight sync changes, samples from them, and says how likely each token was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
import trl_tiny
from trl.generation import vllm_generation

ENGINES: list[Engine] = []
"""All that were made; the newest last."""


class Engine:
    """Draws completions; ``noise`` is how far its logits are from the trainer's, as another kernel's would be."""

    noise = 0.0

    def __init__(self) -> None:
        self.model = trl_tiny.model(seed=99).eval()  # other weights than any trainer's, until they are synced
        self.generator = torch.Generator().manual_seed(5)
        self.synced = 0
        self.asked: list[tuple[int, int]] = []
        ENGINES.append(self)

    def load(self, name: str, weight: torch.Tensor) -> None:
        self.model.get_parameter(name).data.copy_(weight)
        self.synced += 1

    @torch.no_grad()
    def draw(self, prompt: list[int], tokens: int, temperature: float) -> tuple[list[int], list[float]]:
        """Token ids, the end included where it came, and their log-probabilities as the engine sees them."""
        ids, logprobs = list(prompt), []
        while len(ids) < len(prompt) + tokens and (len(ids) == len(prompt) or ids[-1] != 1):
            logits = self.model(torch.tensor([ids])).logits[0, -1].float()
            logits = logits + self.noise * torch.randn(logits.shape, generator=self.generator)
            logp = (logits / temperature).log_softmax(-1)
            ids.append(int(torch.multinomial(logp.exp(), 1, generator=self.generator)))
            logprobs.append(float(logp[ids[-1]]))
        return ids[len(prompt) :], logprobs


class LLM(Engine):
    """``vllm.LLM`` in the trainer's process."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.settings = settings
        runner = SimpleNamespace(
            model=SimpleNamespace(load_weights=lambda pairs: [self.load(*pair) for pair in pairs])
        )
        worker = SimpleNamespace(driver_worker=SimpleNamespace(model_runner=runner))
        self.llm_engine = SimpleNamespace(model_executor=worker)

    def generate(self, prompts: list[dict[str, Any]], sampling_params: Any, use_tqdm: bool) -> list[Any]:
        self.asked.append((len(prompts), sampling_params.n))
        return [self._answer(prompt["prompt_token_ids"], sampling_params) for prompt in prompts]

    def _answer(self, prompt: list[int], params: Any) -> Any:
        outputs = []
        for _ in range(params.n):
            ids, logprobs = self.draw(prompt, params.max_tokens, params.temperature)
            said = [
                {token: SimpleNamespace(rank=1, logprob=logprob)}
                for token, logprob in zip(ids, logprobs, strict=True)
            ]
            outputs.append(SimpleNamespace(token_ids=ids, logprobs=said))
        return SimpleNamespace(prompt_token_ids=prompt, outputs=outputs)

    def reset_prefix_cache(self) -> None:
        pass


class VLLMClient(Engine):
    """TRL's client, and the server behind it."""

    def __init__(self, base_url: str, **settings: Any) -> None:
        super().__init__()
        self.base_url, self.settings = base_url, settings

    def init_communicator(self, device: Any) -> None:
        pass

    def get_server_info(self) -> dict[str, Any]:
        return {"model_config": {"logprobs_mode": "processed_logprobs"}}

    def update_named_params(self, metadata: Any, weights: Iterator[tuple[str, torch.Tensor]]) -> None:
        told = [name for name, _, _ in metadata]
        for name, weight in weights:
            assert name in told, "the server must know every tensor before it comes"
            self.load(name, weight)

    def reset_prefix_cache(self) -> None:
        pass

    def close_communicator(self) -> None:
        pass

    def generate(
        self, prompts: list[list[int]], n: int, max_tokens: int, temperature: float, **_: Any
    ) -> dict[str, Any]:
        self.asked.append((len(prompts), n))
        drawn = [self.draw(prompt, max_tokens, temperature) for prompt in prompts for _ in range(n)]
        return {
            "prompt_ids": prompts,
            "completion_ids": [ids for ids, _ in drawn],
            "logprobs": [[[value] for value in logprobs] for _, logprobs in drawn],
        }


@contextlib.contextmanager
def installed(noise: float = 0.0) -> Iterator[None]:
    """TRL finds a vLLM."""
    ENGINES.clear()
    params = lambda **settings: SimpleNamespace(**settings)  # noqa: E731
    with (
        mock.patch.object(Engine, "noise", noise),
        mock.patch.object(vllm_generation, "is_vllm_available", return_value=True),
        mock.patch.object(vllm_generation, "LLM", LLM, create=True),
        mock.patch.object(vllm_generation, "SamplingParams", params, create=True),
        mock.patch.object(vllm_generation, "VLLMClient", VLLMClient),
    ):
        yield
