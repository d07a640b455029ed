"""``leadline probe``: arguments in, a probe out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from leadline.cli import model_options as ask
from leadline.cli.options import (
    AsJson,
    Format,
    Html,
    Out,
    PassAt,
    SampleColumns,
    SkipBad,
    Tokenizer,
    bad_rows,
    in_range,
    print_finding,
    reading_words,
    sample_reading,
    slug,
)
from leadline.errors import InputError
from leadline.storage.huggingface_hub import is_hub_name

__all__ = ["probe_command"]


Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Samples or counts: files of any known layout, patterns, folders, RUN:ARM; or a model (with --data).",
    ),
]
ProblemData = Annotated[
    str | None, typer.Option(help="The problems: reference answers, texts, and what a model is asked.")
]
Against = Annotated[list[str] | None, typer.Option(help="An evaluation set that must not be trained on.")]
KeptProblems = Annotated[Path | None, typer.Option(help="Write the problems worth training on.")]
_RANGES = {
    "group": (2, 65_536), "batch": (1, 10**7), "steps": (1, 10**9), "samples": (1, 10**6), "temperature": (0, 100),
    "max_tokens": (1, 2**24), "limit": (1, 10**12),
}  # fmt: skip


def probe_command(
    sources: Sources,
    data: ProblemData = None,
    split: ask.SplitName = None,
    against: Against = None,
    as_json: AsJson = False,
    html: Html = None,
    write_problems: KeptProblems = None,
    group: Annotated[int | None, typer.Option(help="Completions per group in the run to come.")] = None,
    batch: Annotated[int, typer.Option(help="Problems per step of the run to come.")] = 32,
    steps: Annotated[int, typer.Option(help="Steps of the run to come.")] = 60,
    grader: ask.GraderName = None,
    samples: ask.SamplesEach = 64,
    temperature: ask.Temperature = 1.0,
    max_tokens: ask.MaxTokens = 1024,
    limit: ask.Limit = None,
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
    out: Out = None,
    format: Format = None,
    columns: SampleColumns = None,
    pass_at: PassAt = None,
    tokenizer: Tokenizer = None,
    skip_bad_rows: SkipBad = False,
) -> None:
    """Before a run: will GRPO help this model on these problems?"""
    given = locals()
    in_range(**{name: (given[name], *limits) for name, limits in _RANGES.items()})
    settings = {name: given[name] for name in ("html", "write_problems", "group", "batch", "steps")}
    settings |= {"against": against or (), "on_bad_row": bad_rows(skip_bad_rows)}
    if _asks_a_model(sources, data, url):
        _only_of_files(given)
        asked = _asked(sources[0], given)
        _show(sources[0], as_json, _typed(given, str(asked["source"])), **settings, **asked)
    else:
        ask.only_of_a_model(given)
        reading = sample_reading(format, columns, pass_at, tokenizer)
        _show(sources[0], as_json, _typed(given), **settings, source=sources, data=data, reading=reading)


def _typed(given: Mapping[str, Any], *samples: str) -> str:
    """What to type to read these samples once more, or those that were drawn."""
    read = [given[name] for name in ("format", "columns", "pass_at", "tokenizer", "skip_bad_rows")]
    words = list(samples) or [*given["sources"], *reading_words(*read)]
    return shlex.join([*words, *(["--data", given["data"]] if given["data"] is not None else [])])


def _show(name: str, as_json: bool, again: str, **settings: Any) -> None:
    """Probe and print; ``again``: what to type to read the same once more."""
    from leadline.diagnosis.probe import run_probe
    from leadline.diagnosis.probe.tables import probe_finding
    from leadline.display.progress import counting

    with counting("rows") as count:
        found = run_probe(**settings, progress=count)
    print_finding(found.as_dict(), probe_finding(found, f"Probe of {name}", source=again), as_json)


def _asks_a_model(sources: Sequence[str], data: str | None, url: str | None) -> bool:
    """Whether samples are to be drawn first.

    Raises:
        InputError: a model without problems.
    """
    if url is not None and data is None:
        raise InputError("--url: asks a model, which needs problems: give them with --data")
    if data is None and any(_is_model(source) for source in sources):
        raise InputError(f"{sources[0]}: a model, which needs problems: give them with --data")
    if len(sources) > 1 and any(_is_model(source) for source in sources):
        raise InputError(f"{', '.join(sources)}: one model at a time")
    (first, *_) = sources
    if data is not None and url is None and is_hub_name(first) and not Path(first).suffix:
        raise InputError(
            f"{first}: nothing of that name is here; probe asks a model in a directory (leadline eval takes a name "
            "on the hub, too, and its samples can be probed)"
        )
    return data is not None and len(sources) == 1 and (url is not None or _is_model(sources[0]))


def _asked(model: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the samples that are to be probed: their file and problems, and lower bounds on log Q if there are any."""
    from leadline.diagnosis.probe.sampling import sample_for_probe
    from leadline.display.progress import counting

    sampling, options = ask.asked_sampling(given), ask.asked_options(given)
    problems = ask.asked_problems(given)
    folder = given["out"] or Path("runs") / f"probe-{slug(model)}-{slug(given['data'])}"
    with counting("samples") as count:
        file, forced = sample_for_probe(
            model,
            problems,
            folder,
            sampling,
            options,
            samples=given["samples"],
            grader=given["grader"],
            progress=count,
        )
    return {"source": file, "data": problems.problems, "log_forced": forced}


def _only_of_files(given: Mapping[str, Any]) -> None:
    """Refuse what says how files are read, where a model is asked."""
    for name in ("format", "pass_at", "tokenizer"):
        if given[name] is not None:
            raise InputError(
                f"--{name.replace('_', '-')}: says how files of samples are read, and a model is asked here"
            )


def _is_model(source: str) -> bool:
    return (Path(source) / "config.json").is_file()
