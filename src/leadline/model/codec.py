"""Between problems and tokens: how a prompt is written for a model, and how its completions are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from leadline.errors import DataError
from leadline.model.chat_template import fill_template
from leadline.types import Problem

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["Codec"]


class Codec:
    """A tokenizer with the way a problem is put to it: chat template where there is one, plain text where not."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, system_prompt: str | None = None) -> None:
        self.tokenizer = tokenizer
        self.system_prompt = system_prompt
        self.eos = int(tokenizer.eos_token_id)

    def prompt_text(self, problem: Problem) -> str:
        """The text that a completion of ``problem`` continues.

        Raises:
            DataError: the problem is a chat, and the tokenizer has no chat template.
            CheckpointError: the chat template refuses it.
        """
        turns = self.turns(problem)
        if turns is not None:
            return fill_template(self.tokenizer, turns)
        return f"{self.system_prompt}\n\n{problem.prompt}" if self.system_prompt else problem.prompt

    def turns(self, problem: Problem) -> list[dict[str, str]] | None:
        """The chat that the template is filled with; None where the tokenizer has no template.

        Raises:
            DataError: the problem is a chat all the same.
        """
        if self.tokenizer.chat_template is None:
            if problem.messages is not None:
                raise DataError(
                    f"problem {problem.id!r} is given as chat turns, and the tokenizer of "
                    f"{self.tokenizer.name_or_path} has no chat template"
                )
            return None
        turns = [message._asdict() for message in problem.messages or ()]
        turns = turns or [{"role": "user", "content": problem.prompt}]
        if self.system_prompt:
            turns.insert(0, {"role": "system", "content": self.system_prompt})
        return turns

    def encode_prompts(self, problems: Sequence[Problem]) -> list[list[int]]:
        """Token ids of what each problem is asked with.

        Raises:
            DataError: a prompt without a token.
        """
        texts = [self.prompt_text(problem) for problem in problems]
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=self.tokenizer.chat_template is None)[
            "input_ids"
        ]
        empty = [problem.id for problem, found in zip(problems, ids, strict=True) if not found]
        if empty:
            raise DataError(
                f"problem {empty[0]!r:.80}: its prompt is empty, so there is nothing to go on from"
            )
        return ids

    def encode_completions(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with the end-of-sequence behind each."""
        ids = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [[*sequence, self.eos] for sequence in ids]

    def decode(self, tokens: Tensor, lengths: Tensor, finished: Tensor) -> list[str]:
        """Texts of ``[R, T]`` completions, the closing end-of-sequence left out.

        Special tokens within a completion stay visible: a format tag may be one, and what a model writes is graded.
        """
        sizes = (lengths - finished.long()).tolist()
        sequences = [row[:size] for row, size in zip(tokens.tolist(), sizes, strict=True)]
        return [str(text) for text in self.tokenizer.batch_decode(sequences, skip_special_tokens=False)]
