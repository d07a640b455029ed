"""A tiny model, rewards and a recording trainer: what the TRL tests run, in this process or under accelerate launch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig

from leadline.grpo.config import AdvantageConfig
from leadline.integrations.trl import LeadGRPOTrainer

WORDS = ["<pad>", "<eos>", "<unk>", *(f"w{i}" for i in range(29))]


def tokenizer() -> PreTrainedTokenizerFast:
    model = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    model.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=model, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )


def model(seed: int = 0) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=64, pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    made = LlamaForCausalLM(config)
    made.lm_head.weight.data[1] += 0.35  # so that a good part of the completions end by themselves
    return made


def prompts(count: int) -> Dataset:
    return Dataset.from_dict({"prompt": [f"w{i} w{(i * 7) % 29} w3" for i in range(count)]})


def number(text: str) -> int:
    """A stable number for a text, whatever process it is in."""
    return sum((i + 1) * ord(letter) for i, letter in enumerate(text)) % 97


def accuracy(prompts: list[str], completions: list[str], **_: Any) -> list[float | None]:
    """Right for about a third of the texts; an unusable reference answer (None) for one in eight."""
    marks = [number(prompt + completion) for prompt, completion in zip(prompts, completions, strict=True)]
    return [None if mark % 8 == 0 else float(mark % 3 == 0) for mark in marks]


def answered(completions: list[str], **_: Any) -> list[float]:
    return [float(number(completion) % 5 > 0) for completion in completions]


def style(completions: list[str], **_: Any) -> list[float | None]:
    """A second reward that is sometimes None too, on rows of its own."""
    return [None if number(c) % 7 == 0 else (number(c) % 10) / 10 for c in completions]


REWARDS = [accuracy, answered, style]
WEIGHTS = [1.0, 0.0, 0.25]


def settings(folder: Path, **changes: Any) -> GRPOConfig:
    plain = {
        "output_dir": str(folder), "use_cpu": True, "bf16": False, "gradient_checkpointing": False, "seed": 3,
        "report_to": [], "disable_tqdm": True, "logging_steps": 1, "save_strategy": "no", "learning_rate": 1e-2,
        "max_completion_length": 6, "num_generations": 4, "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2, "num_iterations": 2, "num_train_epochs": 1, "lr_scheduler_type": "constant",
    }  # fmt: skip
    return GRPOConfig(**{**plain, **changes})


class Recorder(LeadGRPOTrainer):
    """Keeps what went in and came out of every generation, and what every micro-step trained on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.generations: list[dict[str, Any]] = []
        self.steps: list[list[list[int]]] = []
        super().__init__(*args, **kwargs)

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        output = super()._generate_and_score_completions(inputs)
        tokens = [
            row[mask.bool()].tolist()
            for row, mask in zip(output["completion_ids"], output["completion_mask"], strict=True)
        ]
        self.generations.append(
            {
                "prompt": [row["prompt"] for row in inputs],
                "completion": self._tokenizer.batch_decode(tokens, skip_special_tokens=True),
                "tokens": tokens,
                "advantage": output["advantages"].tolist(),
                "logged": list(self._logs["advantages"]),
                "step": self._step,
                "world": self.accelerator.num_processes,
            }
        )
        return output

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any) -> Any:
        loss = super().training_step(model, inputs, num_items_in_batch)
        used = self._buffered_inputs[(self._step - 1) % self.args.steps_per_generation]
        self.steps.append(
            [*used["prompt_ids"].tolist(), *used["completion_ids"].tolist(), [round(float(loss) * 1e6)]]
        )
        return loss


def trainer(
    folder: Path,
    *,
    rows: int = 6,
    config: AdvantageConfig | None = None,
    select: str = "none",
    select_factor: int = 4,
    functions: list[Any] | None = None,
    data: Any = None,
    **changes: Any,
) -> Recorder:
    weights = WEIGHTS if functions is None else [1.0] * len(functions)
    return Recorder(
        model=model(), reward_funcs=functions or REWARDS, args=settings(folder, reward_weights=weights, **changes),
        train_dataset=data or prompts(rows), processing_class=tokenizer(), advantage=config, select=select,
        select_factor=select_factor,
    )  # fmt: skip


def resumed(folder: Path, checkpoint: int, **kwargs: Any) -> Recorder:
    """A new trainer, with weights of its own to be overwritten, that goes on from ``checkpoint-N`` in ``folder``."""
    run = trainer(folder, **kwargs)
    run.train(resume_from_checkpoint=str(folder / f"checkpoint-{checkpoint}"))
    return run


def main() -> None:
    """Train, then resume from one of the checkpoints; write down what every rank saw, each time."""
    folder, given = Path(sys.argv[1]), json.loads(sys.argv[2])
    config = None if given is None else AdvantageConfig.model_validate(given)
    changes, checkpoint = json.loads(sys.argv[3]), int(sys.argv[4])
    run = trainer(folder, config=config, **changes)
    run.train()
    again = resumed(folder, checkpoint, config=config, **changes)
    seen = {
        "generations": run.generations,
        "steps": run.steps,
        "resumed": again.steps,
        "window": run.window.saved(),
    }
    (folder / f"rank{run.accelerator.process_index}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
