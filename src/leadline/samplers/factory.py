"""From a name on the command line to a source of samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from leadline.errors import CheckpointError, ConfigError
from leadline.samplers.base import Prompting, Sampler, Sampling, check_prompts
from leadline.samplers.openai_server import EndpointSampler
from leadline.samplers.sample_file import FileSampler
from leadline.types import Problem

__all__ = ["Api", "Engine", "ModelOptions", "Server", "open_sampler"]

Api = Literal["chat", "completions"]
Engine = Literal["auto", "local", "transformers", "vllm"]


@dataclass(frozen=True, slots=True)
class Server:
    """An OpenAI-compatible server; see :class:`leadline.samplers.openai_server.EndpointSampler`.

    Attributes:
        url: up to and including the version, e.g. ``http://localhost:8000/v1``.
        api: ``chat`` or ``completions``.
        concurrency: requests under way at once.
        timeout_s: of one request.
        patience_s: for how long a failing request is tried again.
        key_variable: environment variable that holds the key.
        tokenizer: directory of a tokenizer to count tokens with, for servers that do not report them.
    """

    url: str
    api: Api = "chat"
    concurrency: int = 16
    timeout_s: float = 600.0
    patience_s: float = 300.0
    key_variable: str = "OPENAI_API_KEY"
    tokenizer: str | None = None


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How a model that was named is run and asked.

    Attributes:
        engine: for a model that runs here. ``auto`` takes leadline's own for a directory that its decoder can hold,
            unless the sampling asks for what it does not have; else transformers.
        batch_size: completions decoded together, by a model that runs here.
        server: where the model is behind one.
        prompting: system turn and prompt template.
    """

    engine: Engine = "auto"
    batch_size: int | None = None
    server: Server | None = None
    prompting: Prompting | None = None


def open_sampler(
    source: str,
    options: ModelOptions = ModelOptions(),
    *,
    problems: Sequence[Problem] = (),
    sampling: Sampling | None = None,
) -> Sampler:
    """A sample file, a model behind a server, or a model directory or name.

    Args:
        source: what was named.
        options: see :class:`ModelOptions`.
        problems: what will be asked; a model that cannot be asked it is refused before its weights are loaded.
        sampling: how it will be sampled.

    Raises:
        ConfigError: options that contradict each other.
        CheckpointError: no such model, or one that cannot be used.
        DataError: problems that cannot be put to the model.
        MissingExtra: the engine is not installed.
    """
    path = Path(source)
    if options.server is not None:
        _refuse_to_run_here("--url", options)
        return _at_server(options.server, source, options.prompting, problems)
    if path.is_file():
        _refuse_to_run_here(source, options)
        return FileSampler(path)
    if path.suffix in (".jsonl", ".gz"):
        raise ConfigError(f"{source}: no such file")
    if options.batch_size is not None and options.batch_size < 1:
        raise ConfigError(f"--batch-size must be at least 1, got {options.batch_size}")
    return _here(source, options, problems, cut=sampling is not None and sampling.cut)


def _here(source: str, options: ModelOptions, problems: Sequence[Problem], *, cut: bool) -> Sampler:
    """A model that runs in this process; ``cut`` says that unlikely tokens are left out."""
    engine, batch_size = options.engine, options.batch_size
    if engine == "auto":
        engine = "local" if not cut and _fits_our_decoder(Path(source)) else "transformers"
    more: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
    if engine == "local":
        from leadline.samplers.local import LocalSampler, refuse_cut

        refuse_cut(cut)
        return LocalSampler(Path(source), prompting=options.prompting, problems=problems, **more)
    if engine == "vllm":
        from leadline.samplers.vllm import VllmSampler

        return VllmSampler(
            source, prompting=options.prompting, **({"chunk": batch_size} if batch_size else {})
        )
    from leadline.samplers.transformers import TransformersSampler

    return TransformersSampler(source, prompting=options.prompting, problems=problems, **more)


def _refuse_to_run_here(other: str, options: ModelOptions) -> None:
    given = {"--engine": options.engine != "auto", "--batch-size": options.batch_size is not None}
    faults = [
        f"{name}: there is no model to run here, with {other}" for name, is_given in given.items() if is_given
    ]
    if faults:
        raise ConfigError(faults)


def _at_server(
    server: Server, model: str, prompting: Prompting | None, problems: Sequence[Problem]
) -> EndpointSampler:
    sampler = EndpointSampler(
        server.url,
        model,
        api=server.api,
        concurrency=server.concurrency,
        timeout_s=server.timeout_s,
        patience_s=server.patience_s,
        key_variable=server.key_variable,
        prompting=prompting,
        count_tokens=None if server.tokenizer is None else _counter(server.tokenizer),
    )
    if server.api == "completions":
        check_prompts(problems, sampler.plain_text)
    return sampler


def _counter(folder: str) -> Callable[[str], int]:
    from leadline.model import load_tokenizer
    from leadline.storage.huggingface_hub import model_files

    tokenizer = load_tokenizer(model_files(folder) if not Path(folder).is_dir() else folder)
    return lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])


def _fits_our_decoder(folder: Path) -> bool:
    from leadline.model.checkpoint import read_config

    try:
        read_config(folder)
    except CheckpointError:
        return False
    return True
