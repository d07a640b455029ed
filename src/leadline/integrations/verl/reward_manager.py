"""The reward manager: verl hands over one trajectory at a time, this grades and codes it.

``reward.reward_manager.source=importlib``, ``.module.path=pkg://leadline.integrations.verl.reward_manager``,
``.name=LeadlineRewardManager``; its settings are ``reward.leadline.*``. Importing this needs verl.
"""

from __future__ import annotations

import asyncio
from typing import Any

from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from leadline.grading.gold import gold_as_text
from leadline.integrations.verl.model_ends import model_ends
from leadline.integrations.verl.score_log import Trail
from leadline.integrations.verl.scoring import SIGNAL, row_of, scorer, signal
from leadline.integrations.verl.settings import advantage_settings, reward_settings
from leadline.types import Completion, Message, Problem, SampleRow

__all__ = ["LeadlineRewardManager"]


class LeadlineRewardManager(RewardManagerBase):  # type: ignore[misc]
    """Scores completions with leadline's grader and rewards; knows their lengths and which ones were cut off.

    Raises:
        ConfigError: a wrong ``reward.leadline`` or ``algorithm.leadline``.
    """

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any = None, **_: Any) -> None:
        super().__init__(config, tokenizer, compute_score)
        settings = reward_settings(config.reward)
        advantage = advantage_settings(config.algorithm)
        self.scorer = scorer(settings, gap=advantage.right - max(advantage.wrong, advantage.no_answer))
        self.by_length = advantage.length_alpha > 0
        self.cap = int(config.data.max_response_length)
        self.ends = {tokenizer.eos_token_id, tokenizer.pad_token_id} - {None} | model_ends(config, tokenizer)
        self.trail = Trail(settings.trail) if settings.trail else None

    async def run_single(self, data: Any) -> dict[str, Any]:
        """Score the last sequence of a trajectory, in a thread: grading waits for worker processes."""
        return await asyncio.to_thread(self._score, data[-1:][0])

    def _score(self, item: Any) -> dict[str, Any]:
        said = item.non_tensor_batch
        ids, finished = self._tokens(item)
        problem = _problem(said)
        text = str(self.tokenizer.decode(self._written(ids, finished), skip_special_tokens=False))
        completion = Completion(problem.id, text, len(ids), finished)
        score = self.scorer.score([problem], [completion])[0]
        row = row_of(score) | {
            SIGNAL: signal(score.correct, len(ids), by_length=self.by_length),
            "n_tokens": float(len(ids)),
            "finished": float(finished),
        }
        if self.trail is not None:
            split = str(problem.meta.get("split", ""))
            self.trail.write(
                said,
                SampleRow.of(problem, completion, score, self._prompt(item), split=split, bonus=score.bonus),
            )
        return {"reward_score": row["score"], "reward_extra_info": row}

    def _tokens(self, item: Any) -> tuple[list[int], bool]:
        """The ids of the completion, and whether the model ended it by itself."""
        width = item.batch["responses"].shape[-1]
        length = item.non_tensor_batch.get("response_len")
        if length is None:  # scored in a batch after generation, where rows are padded
            length = item.batch["attention_mask"][-width:].sum()
        ids = item.batch["responses"][: int(length)].tolist()
        return ids, len(ids) < self.cap or (bool(ids) and ids[-1] in self.ends)

    def _prompt(self, item: Any) -> str:
        """What the model saw: the prompt's tokens as text, without verl's padding."""
        ids = item.batch["prompts"]
        length = item.non_tensor_batch.get("prompt_len")
        if length is None:  # scored in a batch after generation, where prompts are padded on the left
            ids = ids[item.batch["attention_mask"][: len(ids)].bool()]
        else:
            ids = ids[: int(length)]
        return str(self.tokenizer.decode(ids.tolist(), skip_special_tokens=False))

    def _written(self, ids: list[int], finished: bool) -> list[int]:
        """Without the end; special tokens stay in, for a format tag may be one."""
        return ids[:-1] if finished and ids and ids[-1] in self.ends else ids


def _problem(said: Any) -> Problem:
    extra = dict(said.get("extra_info") or {})
    turns = [Message(str(turn["role"]), str(turn["content"])) for turn in said.get("raw_prompt", ())]
    asked = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
    gold = gold_as_text(said["reward_model"]["ground_truth"], "reward_model.ground_truth")
    name = str(extra.get("id", said.get("uid", "")))
    return Problem(name, asked, gold, tuple(turns) or None, meta=extra)
