"""``leadline eval``: arguments in, metrics out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from leadline.cli import model_options as ask
from leadline.cli.options import AsJson, Out, SkipBad, bad_rows, columns_of, list_problems, one_of, say, slug

if TYPE_CHECKING:
    from leadline.data import ProblemSet
    from leadline.evaluation import EvalRun
    from leadline.samplers.factory import Api, Engine

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
    from leadline.display.progress import counting
    from leadline.evaluation import run_eval
    from leadline.samplers import Prompting, Sampling
    from leadline.samplers.factory import ModelOptions, Server, open_sampler

    ask.check_engine(engine)
    folder = _folder(out, source, data)
    one_of("--api", api, ("chat", "completions"))
    sampling, prompting = Sampling(max_tokens, temperature, top_p, min_p, seed), Prompting(system, template)
    problems = _problems(data, split, columns or (), limit, skip=skip_bad_rows, grader=grader)
    server = None
    if url is not None:
        server = Server(url, cast("Api", api), concurrency, timeout, patience, key_variable, tokenizer)
    options = ModelOptions(cast("Engine", engine), batch_size, server, prompting)
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


def _problems(
    data: str, split: str | None, columns: Sequence[str], limit: int | None, *, skip: bool, grader: str | None
) -> ProblemSet:
    from leadline.data import load_problems
    from leadline.rewards import resolve

    if grader is not None:
        resolve(grader, what="--grader")
    found = load_problems(
        data,
        split=split,
        limit=limit,
        on_bad_row=bad_rows(skip),
        columns=columns_of(columns),
        check_golds=grader is None,
    )
    list_problems("rows left out", found.skipped)
    list_problems("problems that repeat another", [f"{d.again}: repeats {d.first}" for d in found.duplicates])
    return found


def _show(done: EvalRun, as_json: bool) -> None:
    from leadline.display.progress import metrics_table

    if as_json:
        print(json.dumps(done.evaluation.as_dict()))
        return
    Console(highlight=False).print(metrics_table(done.evaluation.as_dict()))
    say(f"{done.metrics_path}\n{done.samples_path}")
