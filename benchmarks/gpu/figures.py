"""The figures of ``benchmarks/gpu/check.sh``, one part a call; each prints JSON lines.

python benchmarks/gpu/figures.py machine|tests|sampler|lead [--device cuda|cpu] [--model DIR] [--seconds N]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TESTS = [
    "tests/model/test_kernels.py",
    "tests/engine/test_recorded_decoding.py",
    "tests/engine/test_sampler.py",
    "tests/engine/test_on_each_device.py",
]
GROUP, PROMPTS, PROMPT_TOKENS, TOKENS = 8, 16, 64, 128
SMALL_MODEL = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_layers": 2,
    "num_heads": 4,
    "initial_scale": 0.05,
}


def say(**figures: Any) -> None:
    print(json.dumps(figures), flush=True)


def machine(options: argparse.Namespace) -> int:
    """What all other figures belong to."""
    import torch
    import transformers

    cuda = options.device == "cuda"
    if cuda and not torch.cuda.is_available():
        print("torch sees no CUDA device: --device cpu checks the kit itself", file=sys.stderr)
        return 1
    say(
        card=torch.cuda.get_device_name() if cuda else "cpu",
        torch=torch.__version__,
        transformers=transformers.__version__,
        triton=find_spec("triton") is not None,
        python=sys.version.split()[0],
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    return 0


def tests(_: argparse.Namespace) -> int:
    """The tests of the GPU paths; on a machine without a card those that need one skip."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *TESTS]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    progress = "".join(
        line.split("[")[0] for line in done.stdout.splitlines() if re.match(r"^[.sFEx]+ ", line)
    )
    counts = {
        name: progress.count(mark) for name, mark in (("passed", "."), ("failed", "F"), ("skipped", "s"))
    }
    say(**counts, seconds=round(time.perf_counter() - started, 1), summary=last.strip()[:200])
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-1000:], file=sys.stderr)
    return done.returncode


def sampler(options: argparse.Namespace) -> int:
    """Tokens a second: the engine, transformers' generate with a static cache, and vLLM where it is installed."""
    import torch

    from leadline.model import Decoder, DecoderConfig, load_decoder, save_decoder

    with tempfile.TemporaryDirectory() as folder:
        source = options.model
        if source is None:
            usual = "smollm2" if options.device == "cuda" else "small"
            name = {"smollm2": "SMOLLM2", "qwen2": "QWEN", "small": "SMALL"}[options.shape or usual]
            vocabulary = 151_936 if name == "QWEN" else 49_152
            model = Decoder(DecoderConfig(vocab_size=vocabulary, **vars(step_benchmark())[name]))
            save_decoder(model.initialise(torch.Generator().manual_seed(0)), Path(folder))
            source = Path(folder)
        parameters = sum(parameter.numel() for parameter in load_decoder(source).parameters())
        cuda = options.device == "cuda"
        tokens = options.tokens or (TOKENS if cuda else 8)
        batches = [options.rows] if options.rows else [PROMPTS * GROUP, GROUP] if cuda else [GROUP]
        for name, program in (("leadline", engine), ("generate", generate), ("vllm", vllm)):
            if name == "vllm" and not (cuda and find_spec("vllm")):
                say(program=name, skipped="not installed" if cuda else "needs a card")
                continue
            for rows in batches:
                seconds, processor, first = program(source, rows // GROUP, tokens, options.device)
                say(
                    program=name,
                    rows=rows,
                    tokens_per_second=round(rows * tokens / seconds),
                    tokens_per_processor_second=round(rows * tokens / processor),
                    first_call_seconds=round(first, 2),
                    million_parameters=round(parameters / 1e6),
                    model="given" if options.model else "random",
                )
    return 0


def step_benchmark() -> Any:
    import importlib

    sys.path.insert(0, str(ROOT / "benchmarks"))
    return importlib.import_module("step_vs_trl")


def some_prompts(count: int) -> list[list[int]]:
    rng = random.Random(0)
    return [[rng.randrange(100, 20_000) for _ in range(PROMPT_TOKENS)] for _ in range(count)]


def timed(work: Callable[[], object], device: str) -> tuple[float, float, float]:
    """Median of three calls (on a CPU of one), by the clock and in processor time; and the first call."""
    import torch

    seconds, processor = [], []
    for _ in range(4 if device == "cuda" else 2):
        started = time.perf_counter(), time.process_time()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started[0])
        processor.append(time.process_time() - started[1])
    return median(seconds[1:]), median(processor[1:]), seconds[0]


def engine(source: Path, prompts: int, tokens: int, device: str) -> tuple[float, float, float]:
    import torch

    from leadline.engine.prompts import Prompts
    from leadline.engine.sampler import SamplingConfig, sample
    from leadline.model import load_decoder

    model = load_decoder(source, device=device)
    if device == "cuda":
        model = model.to(torch.bfloat16)
    batch = Prompts.pad(some_prompts(prompts), device)
    generator = torch.Generator(device).manual_seed(0)
    never = model.config.vocab_size  # no completion ends, so that both programs make as many tokens
    config = SamplingConfig(tokens)
    return timed(lambda: sample(model, batch, GROUP, config, eos=never, generator=generator), device)


def generate(source: Path, prompts: int, tokens: int, device: str) -> tuple[float, float, float]:
    import torch
    from transformers import AutoModelForCausalLM

    cuda = device == "cuda"
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.bfloat16 if cuda else torch.float32).to(
        device
    )
    ids = torch.tensor(some_prompts(prompts)).repeat_interleave(GROUP, 0).to(device)
    settings = {
        "do_sample": True,
        "top_k": 0,
        "max_new_tokens": tokens,
        "min_new_tokens": tokens,
        "pad_token_id": 0,
    }
    settings |= {"cache_implementation": "static", "attention_mask": torch.ones_like(ids)}
    return timed(lambda: model.generate(ids, **settings), device)


def vllm(source: Path, prompts: int, tokens: int, device: str) -> tuple[float, float, float]:
    from vllm import LLM, SamplingParams

    model = LLM(str(source), skip_tokenizer_init=True, gpu_memory_utilization=0.5)
    settings = SamplingParams(n=GROUP, max_tokens=tokens, ignore_eos=True, detokenize=False)
    asked = [{"prompt_token_ids": ids} for ids in some_prompts(prompts)]
    return timed(lambda: model.generate(asked, settings, use_tqdm=False), device)


def lead(options: argparse.Namespace) -> int:
    """GRPO and GRPO-LEAD on sums, as many steps as fit: with --model on that model, else on a new small one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rng = random.Random(0)
        asked = {tuple(rng.randint(1, 9) for _ in range(rng.randint(2, 3))) for _ in range(3000)}
        rows = [
            {"prompt": f"What is {' + '.join(map(str, terms))}?", "answer": str(sum(terms))}
            for terms in sorted(asked)
        ]
        (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        recipe = recipe_of(options, folder / "sums.jsonl")
        (folder / "recipe.yaml").write_text(json.dumps(recipe))
        command = [
            sys.executable,
            "-m",
            "leadline.cli.main",
            "run",
            str(folder / "recipe.yaml"),
            "--out",
            str(folder / "run"),
        ]
        command += ["--model", str(options.model)] if options.model else []
        steps, note = watched(command, folder, options.seconds)
        metrics = folder / "run" / "metrics.jsonl"
        lines = [json.loads(line) for line in metrics.read_text().splitlines()] if metrics.is_file() else []
        for arm in ("grpo", "lead"):
            own = [line for line in lines if line["arm"] == arm and line["stage"] == "rl"]
            if own:
                say(arm=arm, **summary(own))
        say(finished=steps == 0, note=note)
        return 0 if any(line["stage"] == "rl" for line in lines) else 1


def recipe_of(options: argparse.Namespace, sums: Path) -> dict[str, Any]:
    real, cuda = options.model is not None, options.device == "cuda"
    rl: dict[str, Any] = {"steps": 150, "prompts": 16, "group_size": 8, "max_tokens": 64}
    if not cuda:
        rl |= {"steps": 2, "prompts": 2, "max_tokens": 16, "validation_problems": 2}
    rl |= {"validate_every": 1000, "checkpoint_every": 1000}
    recipe: dict[str, Any] = {
        "name": "gpu-check",
        "device": options.device,
        "sft": {"method": "none"} if real else {"steps": 200 if cuda else 2, "batch_size": 32 if cuda else 4},
        "data": {"train": str(sums)} if real else {"world": {"name": "chain", "steps": [1, 2]}},
        "rl": rl | ({"optimiser": {"learning_rate": 1e-5, "weight_decay": 0.0}} if real else {}),
        "arms": {
            "lead": {"advantage": "lead", "rewards": {"accuracy": 1.0}},
            "grpo": {"advantage": "grpo", "rewards": {"accuracy": 1.0}},
        },
        "evaluation": {"problems": 32 if cuda else 2, "samples": 8 if cuda else 2, "ks": [1]},
    }
    return recipe if real else recipe | {"model": SMALL_MODEL}


def watched(command: list[str], folder: Path, seconds: int) -> tuple[int, str]:
    """Run for at most so long; a run that is stopped has written every step that it made."""
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=os.environ | {"NO_COLOR": "1"})
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            try:
                code = process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
    lines = [line.strip() for line in (folder / "said").read_text().splitlines() if line.strip()]
    return code, " / ".join(lines[-4:])[:400]


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """First and last fifth of the steps."""
    part = max(1, len(rows) // 5)

    def mean(key: str, some: list[dict[str, Any]]) -> float:
        return round(sum(row[key] for row in some) / len(some), 3)

    figures: dict[str, Any] = {
        "steps": len(rows),
        "seconds_a_step": round(median(row["seconds"] for row in rows), 3),
    }
    figures["sampling_seconds"] = round(median(row["sampling_seconds"] for row in rows), 3)
    for key in ("pass@1", "mean_tokens", "live"):
        figures |= {f"{key}_first": mean(key, rows[:part]), f"{key}_last": mean(key, rows[-part:])}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {"machine": machine, "tests": tests, "sampler": sampler, "lead": lead}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--model", type=Path, help="a model directory")
    parser.add_argument("--shape", choices=["smollm2", "qwen2"], help="sampler: of a random model")
    parser.add_argument("--rows", type=int, help="sampler: completions at a time, a multiple of 8")
    parser.add_argument("--tokens", type=int, help="sampler: tokens a completion")
    parser.add_argument("--seconds", type=int, default=110, help="lead: when to stop")
    options = parser.parse_args()
    raise SystemExit(parts[options.part](options))


if __name__ == "__main__":
    main()
