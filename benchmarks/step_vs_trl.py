"""One training step of the engine beside one of TRL, on the same work.

    python benchmarks/step_vs_trl.py --workload B --pairs 3

Same model, same prompts in the same order, groups of 8, same reward, beta 0, fp32, one update a batch of rollouts; TRL
without gradient checkpointing, on its transformers path with SDPA. The two programs run alternately, each time in a
process of its own with the same number of threads. A step is everything between drawing the completions and the
updated weights. Workloads:

    A  typical      64 prompts x 8, up to 64 tokens, mean length 40% of that; half of the groups without signal
    B  worst case   16 prompts x 8 x 32 tokens, every completion of full length, every group with signal
    C  long prompt  16 prompts of 256 tokens, otherwise B
    D  memory       B with a vocabulary of 152,064: memory beside weights, gradients and moments, not time
    Q  GPU only     a random model shaped like Qwen2-0.5B, 16 prompts of 64 tokens x 8 x 128
    M  real model   8 prompts x 8, up to 64 tokens, lengths as they come; half of the groups without signal
    F  real model   M with every completion of full length and every group with signal

M and F take a model directory (``--model DIR``: sums of one-digit numbers through its chat template), or a random
model of a real one's shape (``--shape smollm2`` or ``qwen2``).

The last line is JSON with ``workload``, ``ratio`` (median over the pairs; of seconds, for D of memory) and ``ratios``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

GROUP = 8
EOS, PAD = 1, 0
RATE = 1e-6
HERE = Path(__file__).resolve()


@dataclass(frozen=True)
class Workload:
    """``eos_share``: probability of the end at every token; 0 puts the end outside of what can be sampled."""

    prompts: int
    prompt_tokens: int
    max_tokens: int
    vocabulary: int = 32
    eos_share: float = 0.0
    dead: float = 0.0  # share of the prompts whose completions all get the same reward


WORKLOADS = {
    "A": Workload(64, 12, 64, eos_share=0.035, dead=0.5),
    "B": Workload(16, 12, 32),
    "C": Workload(16, 256, 32),
    "D": Workload(16, 12, 32, vocabulary=152_064),
    "Q": Workload(16, 64, 128, vocabulary=151_936),
    "M": Workload(8, 40, 64, vocabulary=49_152, eos_share=0.035, dead=0.5),
    "F": Workload(8, 40, 64, vocabulary=49_152),
}
SMALL = {
    "hidden_size": 256, "intermediate_size": 688, "num_layers": 4, "num_heads": 4, "num_kv_heads": 4, "head_dim": 64,
}  # fmt: skip
QWEN = {
    "family": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_layers": 24, "num_heads": 14,
    "num_kv_heads": 2, "head_dim": 64, "rope_theta": 1e6, "tie_embeddings": True,
}  # fmt: skip
SMOLLM2 = {
    "family": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_layers": 30, "num_heads": 9,
    "num_kv_heads": 3, "head_dim": 64, "rope_theta": 1e5, "tie_embeddings": True,
}  # fmt: skip


def work_of(options: argparse.Namespace) -> Workload:
    """The workload; M and F in the vocabulary of the shape asked for."""
    work = WORKLOADS[options.workload]
    if options.workload in "MF" and options.shape == "qwen2":
        work = replace(work, vocabulary=WORKLOADS["Q"].vocabulary)
    return work


def prompts_of(work: Workload, steps: int, seed: int) -> list[tuple[list[int], float]]:
    """Token ids of every prompt, and 0.0 where no completion will earn anything."""
    rng = random.Random(seed)
    rows = []
    for index in range(work.prompts * steps):
        tokens = [rng.randrange(2, 32) for _ in range(work.prompt_tokens)]
        rows.append((tokens, float(index % work.prompts >= work.dead * work.prompts)))
    return rows


def reward(completion: Sequence[int], alive: float) -> float:
    """Share of even tokens; nothing on prompts that are not ``alive``."""
    return alive * sum(token % 2 == 0 for token in completion) / len(completion)


def end_of(work: Workload) -> int:
    """The end-of-sequence id: behind the vocabulary, hence never drawn, where completions must be of full length."""
    return EOS if work.eos_share else work.vocabulary


def shape_of(options: argparse.Namespace) -> dict[str, Any]:
    if options.workload in "MF":
        return {"smollm2": SMOLLM2, "qwen2": QWEN}[options.shape]
    return QWEN if options.workload == "Q" else SMALL


def write_model(folder: Path, options: argparse.Namespace) -> None:
    """A random model that both programs load; its end-of-sequence is drawn with the workload's probability."""
    import torch

    from leadline.model import Decoder, DecoderConfig, save_decoder

    work = work_of(options)
    model = Decoder(DecoderConfig(vocab_size=work.vocabulary, **shape_of(options)))
    model.initialise(torch.Generator().manual_seed(0))
    if work.eos_share:
        with (
            torch.no_grad()
        ):  # the mean hidden state is mapped to the logit that gives the wanted probability
            tokens = torch.tensor([tokens for tokens, _ in prompts_of(work, 1, 0)])
            mean = model(tokens)[0].mean((0, 1))
            others = math.log(work.vocabulary - 1) + 0.5 * 0.02**2 * model.config.hidden_size
            logit = math.log(work.eos_share / (1 - work.eos_share)) + others
            model.lm_head.weight[EOS] = mean / mean.dot(mean) * logit
    save_decoder(model, folder)


def tokenizer_of(work: Workload) -> Any:
    """``w5 w7 ...`` <-> 5 7 ...; the first 32 ids, and the end-of-sequence wherever it is."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    words = {f"w{index}": index for index in range(work.vocabulary)}
    del words[f"w{PAD}"], words["w1"]
    words |= {"<pad>": PAD, "<eos>": end_of(work)} | ({} if work.eos_share else {"w1": 1})
    model = Tokenizer(WordLevel(words, unk_token="<pad>"))
    model.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=model, pad_token="<pad>", eos_token="<eos>", padding_side="left"
    )


@dataclass(frozen=True)
class Task:
    """What both programs are given: texts and what is in them, the tokenizer, and where completions end."""

    texts: list[str]
    alive: list[float]
    tokenizer: Any
    eos: int


def task_of(options: argparse.Namespace, steps: int) -> Task:
    """The prompts of ``steps`` steps: numbers for a random model, sums of one-digit numbers for a real one."""
    work = work_of(options)
    if not options.real:
        data = prompts_of(work, steps, options.seed)
        texts = [" ".join(f"w{token}" for token in tokens) for tokens, _ in data]
        return Task(texts, [alive for _, alive in data], tokenizer_of(work), end_of(work))
    from leadline.model import load_tokenizer
    from leadline.model.codec import Codec
    from leadline.types import Problem

    tokenizer, rng = load_tokenizer(options.model), random.Random(options.seed)
    codec, asked = Codec(tokenizer), []
    for index in range(work.prompts * steps):
        terms = " + ".join(str(rng.randint(1, 9)) for _ in range(rng.randint(2, 3)))
        asked.append(Problem(id=str(index), prompt=f"What is {terms}?", answer=""))
    texts = [codec.prompt_text(problem) for problem in asked]
    alive = [float(index % work.prompts >= work.dead * work.prompts) for index in range(len(texts))]
    if not work.eos_share:  # an end that no completion can come to, as it stands behind the vocabulary
        tokenizer.add_special_tokens({"eos_token": "<|never|>"})
    return Task(texts, alive, tokenizer, int(tokenizer.eos_token_id))


def warmup(options: argparse.Namespace) -> int:
    """Steps before the measured ones; for memory the first one says all."""
    return 0 if options.workload == "D" else int(options.warmup)


class Clock:
    """Times of the measured steps, and how far memory rose."""

    def __init__(self, warmup: int) -> None:
        self.seconds: list[float] = []
        self.processor: list[float] = []
        self.tokens: list[int] = []
        self._warmup = warmup
        self._base = _memory("VmRSS")

    def start(self) -> None:
        self._at = time.perf_counter(), time.process_time()

    def stop(self, tokens: int) -> None:
        now = time.perf_counter(), time.process_time()
        if self._warmup:
            self._warmup -= 1
            return
        self.seconds.append(now[0] - self._at[0])
        self.processor.append(now[1] - self._at[1])
        self.tokens.append(tokens)

    def result(self, parameters: int) -> dict[str, Any]:
        """Working memory: what the process rose by since the model was loaded, gradients and moments taken off."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            "seconds": self.seconds,
            "processor": self.processor,
            "tokens": self.tokens,
            "peak": peak,
            "working": peak - self._base - 3 * 4 * parameters,
        }


def _memory(field: str) -> int:
    """Bytes, from the kernel's account of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024


def run_ours(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    from leadline.engine.learner import Learner
    from leadline.engine.optimiser import Optimiser
    from leadline.engine.prompts import Prompts
    from leadline.engine.sampler import SamplingConfig, sample
    from leadline.grpo.advantages import group_advantages
    from leadline.grpo.config import AdvantageConfig, LossConfig
    from leadline.model import load_decoder
    from leadline.recipes.schema import OptimiserConfig

    work, steps = work_of(options), options.steps + warmup(options)
    task = task_of(options, steps)
    model = load_decoder(options.model, device=options.device)
    if options.device == "cuda":
        model = model.to(torch.bfloat16)
    settings = OptimiserConfig(learning_rate=RATE, weight_decay=0.0, warmup=0)
    optimiser = Optimiser(model.named_parameters(), settings, steps)
    learner = Learner(model, optimiser, LossConfig(), 1.0, work.max_tokens, options.micro_tokens)
    generator = torch.Generator(options.device).manual_seed(options.seed)
    clock, sampling = Clock(warmup(options)), []
    for step in range(steps):
        part = slice(step * work.prompts, (step + 1) * work.prompts)
        alive = task.alive[part]
        clock.start()
        started = time.perf_counter()
        prompts = Prompts.pad(task.tokenizer(task.texts[part])["input_ids"], options.device)
        config = SamplingConfig(work.max_tokens)
        rollouts = sample(model, prompts, GROUP, config, eos=task.eos, generator=generator)
        sampling.append(time.perf_counter() - started)
        sizes, owner = rollouts.lengths.cpu(), rollouts.owner.cpu()
        ids = [row[:size] for row, size in zip(rollouts.tokens.tolist(), sizes.tolist(), strict=True)]
        task.tokenizer.batch_decode(ids, skip_special_tokens=True)
        bonus = torch.tensor([reward(row, alive[at]) for row, at in zip(ids, owner.tolist(), strict=True)])
        plain = torch.zeros(len(ids), dtype=torch.bool)
        advantages = group_advantages(plain, sizes, owner, bonus=bonus, config=AdvantageConfig.grpo())
        advantage = advantages.advantage.to(options.device)
        learner.update(rollouts, advantage, torch.ones_like(rollouts.finished), step)
        if options.device == "cuda":
            torch.cuda.synchronize()
        clock.stop(int(sizes.sum()))
    result = clock.result(sum(parameter.numel() for parameter in model.parameters()))
    return result | {"sampling": sampling[warmup(options) :], "live": float(advantages.live.float().mean())}


def run_trl(options: argparse.Namespace) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    work, steps, cuda = work_of(options), options.steps + warmup(options), options.device == "cuda"
    task = task_of(options, steps)
    model = AutoModelForCausalLM.from_pretrained(
        options.model, dtype=torch.bfloat16 if cuda else torch.float32, attn_implementation="sdpa"
    )
    seen: dict[str, int] = {}

    def score(completion_ids: list[list[int]], alive: list[float], **_: Any) -> list[float]:
        seen["tokens"] = sum(map(len, completion_ids))
        return [reward(row, value) for row, value in zip(completion_ids, alive, strict=True)]

    class Timer(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            clock.start()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if cuda:
                torch.cuda.synchronize()
            clock.stop(seen["tokens"])

    rows = work.prompts * GROUP
    settings = GRPOConfig(
        output_dir=str(options.scratch), use_cpu=not cuda, bf16=cuda, gradient_checkpointing=False, report_to=[],
        disable_tqdm=True, logging_strategy="no", save_strategy="no", learning_rate=RATE, max_steps=steps,
        lr_scheduler_type="constant", num_generations=GROUP, max_completion_length=work.max_tokens, beta=0.0,
        per_device_train_batch_size=options.trl_rows or rows, shuffle_dataset=False, temperature=1.0, seed=options.seed,
        gradient_accumulation_steps=rows // (options.trl_rows or rows), dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=score,
        args=settings,
        train_dataset=Dataset.from_dict({"prompt": task.texts, "alive": task.alive}),
        processing_class=task.tokenizer,
        callbacks=[Timer()],
    )
    clock = Clock(warmup(options))
    trainer.train()
    return clock.result(sum(parameter.numel() for parameter in model.parameters()))


def child(program: str, options: argparse.Namespace, scratch: Path, seed: int) -> dict[str, Any]:
    """Run one program by itself and read the last line that it prints."""
    threads = str(options.threads)
    command = [sys.executable, str(HERE), "--workload", options.workload, "--steps", str(options.steps)]
    command += ["--warmup", str(options.warmup)]
    command += ["--child", program, "--model", str(options.model or scratch), "--shape", options.shape]
    command += ["--scratch", str(scratch / "trl"), "--seed", str(seed), "--device", options.device]
    command += ["--real"] if options.model else []
    command += ["--micro-tokens", str(options.micro_tokens), "--trl-rows", str(options.trl_rows)]
    environment = os.environ | {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "TOKENIZERS_PARALLELISM": "0",
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{program} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def product_rate(threads: int) -> float:
    """GFLOP/s of ``torch.mm`` on fp32 matrices of this model's shapes, the best of many."""
    import torch

    torch.set_num_threads(threads)
    a, b = torch.randn(4096, 256), torch.randn(256, 1376)
    best = min(_timed(lambda: torch.mm(a, b)) for _ in range(20))
    return 2 * a.shape[0] * a.shape[1] * b.shape[1] / best / 1e9


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def operations(work: Workload, tokens: float, parameters: int) -> float:
    """Floating-point operations of matrix products if every token is computed once a pass.

    One pass to sample, three to learn; prompts once per group. Attention is left out (under 5% here).
    """
    return 2 * parameters * (tokens + work.prompts * work.prompt_tokens) * 4


def show(program: str, result: dict[str, Any]) -> None:
    seconds, processor = median(result["seconds"]), median(result["processor"])
    rest = f", sampling {median(result['sampling']):.3f} s" if "sampling" in result else ""
    print(
        f"  {program:5} {seconds:7.3f} s a step ({processor:.3f} s of processor time{rest}), "
        f"{median(result['tokens']) / seconds:8.0f} tokens/s, peak {result['peak'] / 2**20:6.0f} MiB "
        f"({result['working'] / 2**20:.0f} beside weights, gradients, moments)",
        flush=True,
    )


def compare(options: argparse.Namespace) -> dict[str, Any]:
    work, pairs = work_of(options), []
    with tempfile.TemporaryDirectory() as folder:
        if options.model is None:
            write_model(Path(folder), options)
        for pair in range(options.pairs):
            order = ["leadline", "trl"] if pair % 2 == 0 else ["trl", "leadline"]
            print(f"pair {pair + 1} of {options.pairs}")
            results = {}
            for program in order:
                results[program] = child(program, options, Path(folder), pair)
                show(program, results[program])
            pairs.append(results)
    mean = median(median(pair["leadline"]["tokens"]) for pair in pairs)
    print(
        f"completion tokens a step: {mean:.0f}, {mean / (work.prompts * GROUP * work.max_tokens):.0%} of the most"
    )
    ratios = {
        name: [median(pair["trl"][name]) / median(pair["leadline"][name]) for pair in pairs]
        for name in ("seconds", "processor")
    }
    ratios["working"] = [pair["trl"]["working"] / pair["leadline"]["working"] for pair in pairs]
    ratios["peak"] = [pair["trl"]["peak"] / pair["leadline"]["peak"] for pair in pairs]
    for name, values in ratios.items():
        print(
            f"trl / leadline, {name:9}: "
            + ", ".join(f"{v:.2f}" for v in values)
            + f"; median {median(values):.2f}"
        )
    if options.device == "cpu" and options.workload in "ABC":
        rate = product_rate(options.threads)
        parameters = 3_164_672  # of the layers and the output matrix: what a token is multiplied with
        for program in ("leadline", "trl"):
            took = median(median(pair[program]["seconds"]) for pair in pairs)
            did = operations(work, mean, parameters) / took / 1e9
            print(
                f"  {program:8} {did:5.1f} useful GFLOP/s, {did / rate:.0%} of torch.mm's {rate:.0f} here and now"
            )
    chosen = ratios["working" if options.workload == "D" else "seconds"]
    result: dict[str, Any] = {"workload": options.workload, "ratio": median(chosen), "ratios": chosen}
    return result | {f"{name}_ratio": median(values) for name, values in ratios.items()} | asdict(work)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", choices=sorted(WORKLOADS), default="B")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="measured steps a process")
    parser.add_argument("--warmup", type=int, default=1, help="steps before the measured ones")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="cuda: bf16 in both programs"
    )
    parser.add_argument("--micro-tokens", type=int, default=16384, help="the engine's micro-batch")
    parser.add_argument(
        "--trl-rows", type=int, default=0, help="completions a micro-batch of TRL's; 0: all at once"
    )
    parser.add_argument("--model", type=Path, help="M and F: a model directory instead of random weights")
    parser.add_argument(
        "--shape", choices=["smollm2", "qwen2"], default="smollm2", help="M and F: of the random model"
    )
    parser.add_argument("--child", choices=["leadline", "trl"], help=argparse.SUPPRESS)
    parser.add_argument("--real", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps({"leadline": run_ours, "trl": run_trl}[options.child](options)))
        return
    if options.model is not None and options.workload not in "MF":
        parser.error("--model goes with the workloads M and F; the others bring a model of their own")
    if options.device == "cuda" or options.workload == "Q":
        import torch

        if options.device != "cuda" or not torch.cuda.is_available():
            print(
                f"SKIPPED: workload {options.workload} needs --device cuda and a CUDA device; torch sees none"
            )
            print(json.dumps({"workload": options.workload, "skipped": "no CUDA device"}))
            return
    print(json.dumps(compare(options)))


if __name__ == "__main__":
    main()
