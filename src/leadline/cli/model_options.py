"""How a model is asked, and on which problems: the options that `eval` and `probe` share, each declared once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadline.cli.options import bad_rows, columns_of, list_problems, one_of
from leadline.errors import InputError

if TYPE_CHECKING:
    from leadline.data import ProblemSet
    from leadline.samplers import Sampling
    from leadline.samplers.factory import ModelOptions


def _sampling(meaning: str) -> Any:
    return typer.Option(help=meaning, rich_help_panel="Sampling a model")


def _server(meaning: str) -> Any:
    return typer.Option(help=meaning, rich_help_panel="A model behind a server")


SplitName = Annotated[str | None, typer.Option(help="Of a data set that has several.")]
ProblemColumns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=COLUMN",
        help="Where prompt, messages, answer, solution, difficulty or id is kept under another name.",
    ),
]
GraderName = Annotated[
    str | None,
    typer.Option(metavar="MODULE:FUNCTION", help="Instead of leadline's: f(response, gold) -> bool | None."),
]

Limit = Annotated[int | None, _sampling("Ask only the first so many problems.")]
SamplesEach = Annotated[int, _sampling("Completions asked for per problem.")]
Temperature = Annotated[float, _sampling("0 is greedy; for a probe, as the run will sample.")]
MaxTokens = Annotated[int, _sampling("Cap on a completion.")]
TopP = Annotated[float, _sampling("Only the likeliest tokens that make up this share.")]
MinP = Annotated[float, _sampling("Only tokens this likely, as a share of the likeliest.")]
Seed = Annotated[int, _sampling("Of the samples and the votes.")]
System = Annotated[str | None, _sampling("System turn.")]
Template = Annotated[str, _sampling("What is asked; {prompt} is the problem.")]
EngineName = Annotated[str, _sampling("What runs the model: auto, local, transformers or vllm.")]
BatchSize = Annotated[int | None, _sampling("Completions decoded at once by a model that runs here.")]

Url = Annotated[
    str | None, _server("Ask the model behind an OpenAI-compatible server, e.g. http://localhost:8000/v1")
]
ApiName = Annotated[str, _server("With --url: chat or completions.")]
Concurrency = Annotated[int, _server("With --url: requests under way at once.")]
Timeout = Annotated[float, _server("With --url: seconds that one request may take.")]
Patience = Annotated[float, _server("With --url: seconds for which a request that fails is sent again.")]
KeyVariable = Annotated[str, _server("With --url: the environment variable that holds the key.")]
ServerTokenizer = Annotated[
    str | None, _server("With --url: counts tokens, for a server that does not report them.")
]


def check_engine(engine: str) -> None:
    """Refuse an engine that there is not.

    Raises:
        InputError: names those that there are.
    """
    one_of("--engine", engine, ("auto", "local", "transformers", "vllm"))


# What a command was given, by the names above (its ``locals()``), as what it means.


def asked_sampling(given: Mapping[str, Any]) -> Sampling:
    """How completions are drawn."""
    from leadline.samplers import Sampling

    return Sampling(*(given[name] for name in ("max_tokens", "temperature", "top_p", "min_p", "seed")))


def asked_options(given: Mapping[str, Any]) -> ModelOptions:
    """What runs the model, and what is put to it.

    Raises:
        InputError: an engine or an interface that there is not; options of a server without one.
    """
    from leadline.samplers import Prompting
    from leadline.samplers.factory import ModelOptions, Server

    check_engine(given["engine"])
    one_of("--api", given["api"], ("chat", "completions"))
    server = None
    if given["url"] is not None:
        names = ("url", "api", "concurrency", "timeout", "patience", "key_variable", "tokenizer")
        server = Server(*(given[name] for name in names))
    prompting = Prompting(given["system"], given["template"])
    return ModelOptions(given["engine"], given["batch_size"], server, prompting)


def asked_problems(given: Mapping[str, Any]) -> ProblemSet:
    """The problems that are asked; what is left out of them and what repeats is listed.

    Raises:
        InputError, DataError: they cannot be used.
    """
    from leadline.data import load_problems
    from leadline.rewards import resolve

    if given["grader"] is not None:
        resolve(given["grader"], what="--grader")
    found = load_problems(
        given["data"],
        split=given["split"],
        limit=given["limit"],
        on_bad_row=bad_rows(given["skip_bad_rows"]),
        columns=columns_of(given["columns"] or ()),
        check_golds=given["grader"] is None,
    )
    list_problems("rows left out", found.skipped)
    list_problems("problems that repeat another", [f"{d.again}: repeats {d.first}" for d in found.duplicates])
    return found


_OF_A_MODEL = ("split", "grader", "system", "batch_size")


def only_of_a_model(given: Mapping[str, Any]) -> None:
    """Refuse what says how a model is asked, where samples that are there are read.

    Raises:
        InputError: the first of them.
    """
    check_engine(given["engine"])
    for name in _OF_A_MODEL:
        if given[name] is not None:
            raise InputError(f"--{name.replace('_', '-')}: says how a model is asked, and none is asked here")
