"""``leadline eval``: arguments in, metrics out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from leadline.cli import model_options as ask
from leadline.cli.options import AsJson, Out, SkipBad, say, slug

if TYPE_CHECKING:
    from leadline.evaluation import EvalRun

__all__ = ["evaluate_command"]


ModelOrSamples = Annotated[
    str, typer.Argument(help="A model directory or Hugging Face id, or a JSONL of samples.")
]
Data = Annotated[
    str,
    typer.Option(help="math500, gsm8k, aime24, gpqa_diamond, gym:NAME, owner/name of the hub, or a file."),
]


def evaluate_command(
    source: ModelOrSamples,
    data: Data,
    out: Out = None,
    split: ask.SplitName = None,
    columns: ask.ProblemColumns = None,
    limit: ask.Limit = None,
    skip_bad_rows: SkipBad = False,
    grader: ask.GraderName = None,
    samples: ask.SamplesEach = 8,
    temperature: ask.Temperature = 0.6,
    max_tokens: ask.MaxTokens = 4096,
    top_p: ask.TopP = 1.0,
    min_p: ask.MinP = 0.0,
    seed: ask.Seed = 0,
    system: ask.System = None,
    template: ask.Template = "{prompt}",
    engine: ask.EngineName = "auto",
    batch_size: ask.BatchSize = None,
    url: ask.Url = None,
    api: ask.ApiName = "chat",
    concurrency: ask.Concurrency = 16,
    timeout: ask.Timeout = 600.0,
    patience: ask.Patience = 300.0,
    key_variable: ask.KeyVariable = "OPENAI_API_KEY",
    tokenizer: ask.ServerTokenizer = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model: pass@k, cons@k, length, truncation, each with its 95% interval. Stopped, it goes on."""
    given = locals()
    from leadline.display.progress import counting
    from leadline.evaluation import run_eval
    from leadline.samplers.factory import open_sampler

    options, sampling = ask.asked_options(given), ask.asked_sampling(given)
    folder = _folder(out, source, data)
    problems = ask.asked_problems(given)
    sampler = open_sampler(source, options, problems=problems.problems, sampling=sampling)
    with counting("samples") as count:
        done = run_eval(
            sampler, problems, folder, samples=samples, sampling=sampling, grader=grader, progress=count
        )
    _show(done, as_json)


def _folder(out: Path | None, source: str, data: str) -> Path:
    from leadline.storage.outputs import check_folder_name

    if out is not None:
        check_folder_name(out)
    return out or Path("runs") / f"eval-{slug(source)}-{slug(data)}"


def _show(done: EvalRun, as_json: bool) -> None:
    from leadline.display.progress import metrics_table

    if as_json:
        print(json.dumps(done.evaluation.as_dict()))
        return
    Console(highlight=False).print(metrics_table(done.evaluation.as_dict()))
    say(f"{done.metrics_path}\n{done.samples_path}")
