"""How a model is asked, and on which problems: the options that `eval` and `probe` share, each declared once."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from leadline.cli.options import one_of


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
