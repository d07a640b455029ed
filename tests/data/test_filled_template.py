"""The problem in a prompt that a chat template was filled in for, with its marks and without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.data.samples.formats.filled_template import asked_in
from leadline.data.samples.sources import load_counts

ASKED = "What is 1 + 1?\n\nuser is a word, assistant is one, too."
LLAMA = "<|start_header_id|>{}<|end_header_id|>\n\n{}<|eot_id|>"
TEMPLATES = {
    "qwen": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n",
    "qwen, thinking": "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n<think>\n",
    "qwen, later turn": "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nYes?<|im_end|>\n<|im_start|>user\n{}"
    "<|im_end|>\n<|im_start|>assistant\n",
    "llama": "<|begin_of_text|>" + LLAMA.format("system", "Today Date: 26 Jul 2024\n\n") + LLAMA.format("user", "{}")
    + "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "r1": "<｜begin▁of▁sentence｜><｜User｜>{}<｜Assistant｜><think>\n",
    "gemma": "<bos><start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n",
}  # fmt: skip
BARE = {
    "qwen": "system\nBe brief.\nuser\n{}\nassistant\n",
    "qwen, thinking": "user\n{}\nassistant\n<think>\n",
    "qwen, later turn": "system\nBe brief.\nuser\nHello\nassistant\nYes?\nuser\n{}\nassistant\n",
    "llama": "system\n\nCutting Knowledge Date: December 2023\n\nuser\n\n{}assistant\n\n",
    "llama, later turn": "user\n\nHelloassistant\n\nYes?user\n\n{}assistant\n\n",
    "gemma": "user\n{}\nmodel\n",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_last_user_turn_is_what_was_asked(name: str) -> None:
    assert asked_in(TEMPLATES[name].format(ASKED)) == ASKED


@pytest.mark.parametrize("name", BARE)
def test_the_same_where_special_tokens_were_left_out(name: str) -> None:
    prompt = BARE[name].format(ASKED)
    assert asked_in(prompt, bare=True) == ASKED
    assert asked_in(prompt) == prompt


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user",
        "\nuser\n",
        "I want a user\nassistant",
        "assistant\n",
        "x <think>",
        "<|im_start|>assistant\n",
    ],
)
def test_what_is_no_template_stays_as_it_is(text: str) -> None:
    assert asked_in(text, bare=True) == text


def test_prompts_of_hostile_length_cost_no_more_than_their_length() -> None:
    for piece in ("user\n", "\n", "<|im_start|>user\n", "assistant\n\n", "<｜User｜>"):
        text = piece * 400_000 + "user\nassistant\n"
        assert len(asked_in(text, bare=True)) <= len(
            text
        )  # a pattern that tries every start would never be done


def test_problems_of_verl_and_of_others_are_the_same_ones(tmp_path: Path) -> None:
    """By the prompt alone: otherwise kept problems hold a template, which the next run fills in once more."""
    rows = {
        "verl": {"input": BARE["llama"].format(ASKED), "output": "2", "gts": "2", "score": 1.0, "step": 1},
        "openrlhf": {"input": TEMPLATES["qwen"].format(ASKED), "output": "2", "reward": 1.0},
        "plain": {"question": ASKED, "response": "2", "correct": True},
    }
    for name, row in rows.items():
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    counts = load_counts(tmp_path)
    assert (len(counts), counts.n.tolist()) == (1, [3])
    assert set(counts.prompts.values()) == {ASKED}
