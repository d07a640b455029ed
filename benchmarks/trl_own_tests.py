"""TRL's own GRPO tests with LeadGRPOTrainer in place of GRPOTrainer, beside the same tests as they are.

    git clone https://github.com/huggingface/trl --branch v1.16.0 /tmp/trl
    python benchmarks/trl_own_tests.py /tmp/trl [-k EXPRESSION]

Needs no hub: the models and data sets that the tests name are made here, tiny and untrained, in folders of the same
names, and the tests run where these lie. Tests of models that are not made (vision, mixtures) are left out. In place,
the trainer has ``advantage=AdvantageConfig.grpo()``, and the first reward function says what is right. Prints every
test that passes as it is and not in place, and counts; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree  # of files that pytest has just written
from pathlib import Path
from typing import Any

IN_PLACE = "LEADLINE_IN_PLACE"
OWNER = "trl-internal-testing"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIZE = {
    "hidden_size": 8,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
MODELS = {
    "tiny-Qwen2ForCausalLM-2.5": ("Qwen2", "ForCausalLM"),
    "tiny-Qwen2ForSequenceClassification-2.5": ("Qwen2", "ForSequenceClassification"),
    "tiny-Qwen3ForCausalLM": ("Qwen3", "ForCausalLM"),
    "tiny-Qwen3ForSequenceClassification": ("Qwen3", "ForSequenceClassification"),
    "tiny-LlamaForCausalLM-3.2": ("Llama", "ForCausalLM"),
    "tiny-LlamaForSequenceClassification-3.2": ("Llama", "ForSequenceClassification"),
    "tiny-MistralForCausalLM-0.2": ("Mistral", "ForCausalLM"),
}
LEFT_OUT = (
    "not Slow and not VLM and not vlm and not multimodal and not image and not moe and not vllm and not liger"
)


def pytest_configure(config: Any) -> None:
    """As a plugin of pytest: put the trainer in place before the tests import it."""
    if os.environ.get(IN_PLACE) != "1":
        return
    import trl

    from leadline import AdvantageConfig
    from leadline.integrations.trl import LeadGRPOTrainer

    class InPlace(LeadGRPOTrainer):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, advantage=AdvantageConfig.grpo(), correct_above=0.0, **settings)

        def _check_rewards(self) -> None:
            self.correctness = self.reward_func_names[0]
            super()._check_rewards()

    trl.GRPOTrainer = InPlace


def make_models(folder: Path) -> None:
    """Untrained models under the names that the tests load, with one tokenizer of bytes."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    made = Tokenizer(models.BPE({token: i for i, token in enumerate(letters + special)}, []))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_special_tokens(special)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=TEMPLATE
    )
    for name, (family, kind) in MODELS.items():
        torch.manual_seed(0)
        more = {"num_labels": 1} if kind == "ForSequenceClassification" else {}
        config = getattr(transformers, f"{family}Config")(
            vocab_size=len(tokenizer), max_position_embeddings=4096, **SIZE, **more,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
        )  # fmt: skip
        getattr(transformers, family + kind)(config).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


def make_data(folder: Path) -> None:
    """The data set of prompts, in its two forms: 17 rows to train on and 2 to test on, as the original has."""
    folder.mkdir()
    head = ["---", "configs:"]
    for form in ("standard_prompt_only", "conversational_prompt_only"):
        head += [f"- config_name: {form}", "  data_files:"]
        for split, rows in (("train", 17), ("test", 2)):
            file = f"{form}_{split}.jsonl"
            texts = [f"What comes after {i}? It is" for i in range(rows)]
            prompts: list[Any] = (
                texts if form.startswith("standard") else [[{"role": "user", "content": t}] for t in texts]
            )
            (folder / file).write_text("".join(json.dumps({"prompt": p}) + "\n" for p in prompts))
            head += [f"  - split: {split}", f"    path: {file}"]
    (folder / "README.md").write_text("\n".join([*head, "---", ""]))


def outcomes(place: Path, only: str, *, in_place: bool) -> dict[str, str]:
    """Test -> passed, failed or skipped, of one run in a process of its own."""
    report = place / f"report-{in_place}.xml"
    command = [
        *(sys.executable, "-m", "pytest", "checkout/tests/test_grpo_trainer.py", "-q", "-p", "trl_own_tests"),
        *(
            "-p",
            "no:cacheprovider",
            "--rootdir",
            "checkout",
            f"--junitxml={report}",
            "-k",
            only,
            "--tb=short",
        ),
    ]
    here = str(Path(__file__).resolve().parent)
    environment = os.environ | {
        IN_PLACE: str(int(in_place)), "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]),
        "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    with (place / f"log-{in_place}.txt").open("w") as log:
        subprocess.run(command, cwd=place, env=environment, stdout=log, stderr=log, check=False)
    if not report.is_file():
        raise SystemExit((place / f"log-{in_place}.txt").read_text()[-2000:])
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        word = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        found[f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"] = word
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path, help="a checkout of TRL, of the installed version")
    parser.add_argument("-k", dest="only", default="", help="as pytest's -k, beside what is left out")
    parser.add_argument("--keep", type=Path, help="leave models and logs here")
    arguments = parser.parse_args()
    only = f"{LEFT_OUT} and ({arguments.only})" if arguments.only else LEFT_OUT
    place = arguments.keep or Path(tempfile.mkdtemp(prefix="trl-own-tests-"))
    place.mkdir(parents=True, exist_ok=True)
    if not (place / OWNER).exists():
        (place / OWNER).mkdir()
        make_models(place / OWNER)
        make_data(place / OWNER / "zen")
        # The tests alone: beside them the checkout's own trl would be imported instead of the installed one.
        shutil.copytree(arguments.checkout / "tests", place / "checkout" / "tests")
    plain, ours = (outcomes(place, only, in_place=flag) for flag in (False, True))
    broken = [name for name, word in plain.items() if word == "passed" and ours.get(name) != "passed"]
    for name in broken:
        print(f"passes as it is, not in place: {name}")
    counts = {
        word: [sum(one == word for one in run.values()) for run in (plain, ours)]
        for word in ("passed", "failed", "skipped")
    }
    for word, (before, after) in counts.items():
        print(f"{word:8}{before:5} as they are{after:5} in place")
    print(json.dumps({"tests": len(plain), "only_as_they_are": broken, **counts}))
    if arguments.keep is None:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
