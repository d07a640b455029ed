"""``leadline eval``: arguments in, metrics out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from leadline.cli.options import Out, SkipBad, bad_rows, columns_of, list_problems, one_of, say, slug

if TYPE_CHECKING:
    from leadline.data import ProblemSet
    from leadline.evaluation import EvalRun
    from leadline.samplers.factory import Api, Engine

__all__ = ["evaluate_command"]


def evaluate_command(
    source: Annotated[
        str, typer.Argument(help="A model directory or Hugging Face id, or a JSONL of samples.")
    ],
    data: Annotated[
        str,
        typer.Option(
            help="math500, gsm8k, aime24, gpqa_diamond, gym:NAME, owner/name of the hub, or a file."
        ),
    ],
    out: Out = None,
    split: Annotated[str | None, typer.Option(help="Of a data set that has several.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=COLUMN",
            help="Where prompt, messages, answer, solution, difficulty or id is kept under another name.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many problems.")] = None,
    skip_bad_rows: SkipBad = False,
    grader: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION", help="Instead of leadline's: f(response, gold) -> bool | None."
        ),
    ] = None,
    samples: Annotated[int, typer.Option(help="Completions per problem.")] = 8,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.6,
    max_tokens: Annotated[int, typer.Option(help="Cap on a completion.")] = 4096,
    top_p: Annotated[float, typer.Option(help="Only the likeliest tokens that make up this share.")] = 1.0,
    min_p: Annotated[float, typer.Option(help="Only tokens this likely, as a share of the likeliest.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the samples and the votes.")] = 0,
    system: Annotated[str | None, typer.Option(help="System turn.")] = None,
    template: Annotated[str, typer.Option(help="What is asked; {prompt} is the problem.")] = "{prompt}",
    engine: Annotated[str, typer.Option(help="auto, local, transformers or vllm.")] = "auto",
    batch_size: Annotated[
        int | None, typer.Option(help="Completions decoded at once by a model that runs here.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="An OpenAI-compatible server, e.g. http://localhost:8000/v1")
    ] = None,
    api: Annotated[str, typer.Option(help="With --url: chat or completions.")] = "chat",
    concurrency: Annotated[int, typer.Option(help="With --url: requests under way at once.")] = 16,
    timeout: Annotated[float, typer.Option(help="With --url: seconds that one request may take.")] = 600.0,
    patience: Annotated[
        float, typer.Option(help="With --url: seconds for which a request that fails is sent again.")
    ] = 300.0,
    key_variable: Annotated[
        str, typer.Option(help="With --url: the environment variable that holds the key.")
    ] = "OPENAI_API_KEY",
    tokenizer: Annotated[
        str | None, typer.Option(help="With --url: counts tokens, for a server that does not report them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Measure a model: pass@k, cons@k, length, truncation, each with its 95% interval. Stopped, it goes on."""
    from leadline.display.progress import counting
    from leadline.evaluation import run_eval
    from leadline.rewards import resolve
    from leadline.samplers import Prompting, Sampling
    from leadline.samplers.factory import Server, open_sampler

    one_of("--engine", engine, ("auto", "local", "transformers", "vllm"))
    one_of("--api", api, ("chat", "completions"))
    sampling, prompting = Sampling(max_tokens, temperature, top_p, min_p, seed), Prompting(system, template)
    if grader is not None:
        resolve(grader, what="--grader")
    problems = _problems(data, split, columns or (), limit, skip=skip_bad_rows, check_golds=grader is None)
    server = None
    if url is not None:
        server = Server(url, cast("Api", api), concurrency, timeout, patience, key_variable, tokenizer)
    sampler = open_sampler(
        source,
        engine=cast("Engine", engine),
        server=server,
        prompting=prompting,
        batch_size=batch_size,
        problems=problems.problems,
        sampling=sampling,
    )
    folder = out or Path("runs") / f"eval-{slug(source)}-{slug(data)}"
    with counting("samples") as count:
        done = run_eval(
            sampler, problems, folder, samples=samples, sampling=sampling, grader=grader, progress=count
        )
    _show(done, as_json)


def _problems(
    data: str, split: str | None, columns: Sequence[str], limit: int | None, *, skip: bool, check_golds: bool
) -> ProblemSet:
    from leadline.data import load_problems

    found = load_problems(
        data,
        split=split,
        limit=limit,
        on_bad_row=bad_rows(skip),
        columns=columns_of(columns),
        check_golds=check_golds,
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
