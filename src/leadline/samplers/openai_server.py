"""Samples from any server that speaks the OpenAI protocol: vLLM, SGLang, llama.cpp, ``transformers serve``, an API."""

from __future__ import annotations

import os
import urllib.parse
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from leadline.errors import ConfigError, DataError, InputError, Refusals
from leadline.samplers.base import Draw, Drawn, Prompting, SampleRequest, Sampling, item_seed, pending
from leadline.samplers.concurrently import concurrently
from leadline.samplers.http import Poster, check_key, check_url
from leadline.types import Completion, Problem

__all__ = ["EndpointSampler", "EndpointWarning"]

MAX_TOKENS, MAX_TEXT = 2**24, 2**21
"""Longest completion that is believed, in tokens and in characters: its row stays below the longest that is read."""
_DAY_S = 86_400.0


class EndpointWarning(UserWarning):
    """The server does not answer; it is tried again."""


class EndpointSampler:
    """Asks a server for one sample a request, several requests at a time.

    A request that fails on the way (the server is killed, restarted, busy) is sent again, so that every
    sample is drawn exactly once. The key goes to this URL and nowhere else: redirects are refused.

    Args:
        url: up to and including the version, e.g. ``http://localhost:8000/v1``.
        model: as the server names it.
        api: ``chat`` (the server applies its template) or ``completions`` (the prompt is sent as plain text).
        concurrency: requests under way at once.
        timeout_s: of one request.
        patience_s: for how long a failing request is tried again.
        pause_s: before it is tried again for the first time; each later pause is twice as long, 30 s at most.
        key_variable: environment variable that holds the key, where one is needed.
        prompting: system turn and prompt template.
        count_tokens: length of a completion in tokens, for servers that do not report it.

    Raises:
        ConfigError: a URL that is none, or numbers out of their range, all at once.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        api: Literal["chat", "completions"] = "chat",
        concurrency: int = 16,
        timeout_s: float = 600.0,
        patience_s: float = 300.0,
        pause_s: float = 0.25,
        key_variable: str = "OPENAI_API_KEY",
        prompting: Prompting | None = None,
        count_tokens: Callable[[str], int] | None = None,
    ) -> None:
        rules = {
            f"concurrency must lie between 1 and 4096, got {concurrency}": 1 <= concurrency <= 4096,
            f"api must be 'chat' or 'completions', got {api!r}": api in ("chat", "completions"),
            f"timeout must lie above 0 s and be at most a day, got {timeout_s}": 0 < timeout_s <= _DAY_S,
            f"patience must lie between 0 s and a day, got {patience_s}": 0 <= patience_s <= _DAY_S,
        }
        refusals = Refusals()
        with refusals:
            self._key = check_key(os.environ.get(key_variable), key_variable)
        with refusals:
            url = check_url(url)
        with refusals:
            faults = [text for text, holds in rules.items() if not holds]
            if faults:
                raise ConfigError(faults)
        refusals.raise_all()
        self.name = model
        self._model, self._api, self._concurrency = model, api, concurrency
        self.prompting = prompting or Prompting()
        self._count_tokens = count_tokens
        self._url = url + ("/chat/completions" if api == "chat" else "/completions")
        self._clocks = {"timeout_s": timeout_s, "patience_s": patience_s, "pause_s": pause_s}
        self._told = False

    def generate(
        self, problems: Sequence[Problem], n: int, sampling: Sampling, *, done: Drawn = frozenset()
    ) -> Iterator[Draw]:
        """Draw samples, in the order in which the server answers.

        Raises:
            InputError: the server refuses a request, or does not answer as the protocol says.
            LeadlineError: it stayed away for longer than ``patience_s``.
        """
        items = pending(problems, n, done)
        poster = Poster(self._url, self._key, connections=self._concurrency, **self._clocks)

        async def draw(item: SampleRequest) -> Draw:
            return await self._draw(poster, item, sampling)

        return concurrently(draw, items, self._concurrency, poster)

    async def _draw(self, poster: Poster, item: SampleRequest, sampling: Sampling) -> Draw:
        try:
            answer = await poster.post(self._body(item, sampling), self._tell)
            return Draw(item.index, self._completion(item.problem, answer, sampling))
        except DataError:
            raise  # names the problem itself
        except InputError as error:
            raise InputError(f"problem {item.problem.id!r:.80}: {error}{self._hint(str(error))}") from None

    def _tell(self, fault: str) -> None:
        """Say once that somebody is being waited for: a wrong port looks the same as a server that still loads."""
        if not self._told:
            self._told = True
            warnings.warn(
                f"{self._url}: {fault}; trying again, for up to {self._clocks['patience_s']:g} s",
                EndpointWarning,
                stacklevel=2,
            )

    def _hint(self, fault: str) -> str:
        path = urllib.parse.urlsplit(self._url).path
        looks_bare = path in ("/chat/completions", "/completions")
        return " (most servers want /v1 at the end of the URL)" if "HTTP 404" in fault and looks_bare else ""

    def _body(self, item: SampleRequest, sampling: Sampling) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": item_seed(sampling.seed, item.problem.id, item.index),
            "stream": False,
        }
        # Not every server knows these two: they are sent only where they say something.
        if sampling.top_p < 1:
            body["top_p"] = sampling.top_p
        if sampling.min_p > 0:
            body["min_p"] = sampling.min_p
        if self._api == "chat":
            return body | {"messages": self.prompting.turns(item.problem)}
        return body | {"prompt": self.plain_text(item.problem)}

    def prompt_text(self, problem: Problem) -> str:
        """What is sent: plain text, or the chat turns for the server's template, ``role: text`` each."""
        if self._api == "completions":
            return self.plain_text(problem)
        return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in self.prompting.turns(problem))

    def plain_text(self, problem: Problem) -> str:
        """What api ``completions`` is asked.

        Raises:
            DataError: the problem is a chat.
        """
        return self.prompting.plain(problem, "--api completions sends plain text")

    def _completion(self, problem: Problem, answer: Any, sampling: Sampling) -> Completion:
        choices = answer.get("choices") if isinstance(answer, Mapping) else None
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping):
            raise InputError("the server's answer has no choices")
        text = _text(choice)
        length = _reported(answer)
        if length is None:
            if self._count_tokens is None:
                raise InputError(
                    "the server does not report usage.completion_tokens; give a tokenizer to count with (--tokenizer)"
                )
            length = self._count_tokens(text)
        finished = choice.get("finish_reason") != "length"
        return Completion(
            problem.id, text, length if finished else max(length, sampling.max_tokens), finished
        )


def _reported(answer: Mapping[str, Any]) -> int | None:
    """``usage.completion_tokens``; None where there is no such count."""
    usage = answer.get("usage")
    length = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        return None
    if length > MAX_TOKENS:
        raise InputError(f"the server reports a completion of {length:.3g} tokens")
    return length


def _text(choice: Mapping[str, Any]) -> str:
    """The text of a choice; what a server split off as reasoning goes back into its tags, in front.

    It is what a row of a file can hold: of bounded length, and with half surrogate pairs replaced.
    """
    message = choice.get("message")
    if not isinstance(message, Mapping):
        text = choice.get("text")
        if not isinstance(text, str):
            raise InputError("the server's answer has neither a message nor a text")
        return _storable(text)
    content = message.get("content") or ""
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    if not isinstance(content, str) or not isinstance(thought, str):
        raise InputError("the content of the server's answer is not text")
    return _storable(f"<think>{thought}</think>{content}" if thought else content)


def _storable(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise InputError(f"the server's answer is a text of {len(text):,} characters, more than {MAX_TEXT:,}")
    return text.encode("utf-8", "replace").decode("utf-8")
