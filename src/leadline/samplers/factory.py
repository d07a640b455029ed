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

__all__ = ["Api", "Engine", "Server", "open_sampler"]

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


def open_sampler(
    source: str,
    *,
    engine: Engine = "auto",
    server: Server | None = None,
    prompting: Prompting | None = None,
    batch_size: int | None = None,
    problems: Sequence[Problem] = (),
    sampling: Sampling | None = None,
) -> Sampler:
    """A sample file, a model behind a server, or a model directory or name.

    ``auto`` takes leadline's own engine for a directory that its decoder can hold, unless ``sampling`` asks for what
    it does not have; else transformers.

    Args:
        source: what was named.
        engine: for a model that runs here.
        server: where the model is behind one.
        prompting: system turn and prompt template.
        batch_size: completions decoded together, by a model that runs here.
        problems: what will be asked; a model that cannot be asked it is refused before its weights are loaded.
        sampling: how it will be sampled.

    Raises:
        ConfigError: options that contradict each other.
        CheckpointError: no such model, or one that cannot be used.
        DataError: problems that cannot be put to the model.
        MissingExtra: the engine is not installed.
    """
    if server is not None:
        _refuse_options("--url", {"--engine": engine != "auto", "--batch-size": batch_size is not None})
        return _at_server(server, source, prompting, problems)
    path = Path(source)
    if path.is_file():
        _refuse_options(source, {"--engine": engine != "auto", "--batch-size": batch_size is not None})
        return FileSampler(path)
    if path.suffix in (".jsonl", ".gz"):
        raise ConfigError(f"{source}: no such file")
    if batch_size is not None and batch_size < 1:
        raise ConfigError(f"--batch-size must be at least 1, got {batch_size}")
    cut = sampling is not None and (sampling.top_p < 1 or sampling.min_p > 0)
    if engine == "auto":
        engine = "local" if not cut and _fits_our_decoder(path) else "transformers"
    more: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
    if engine == "local":
        from leadline.samplers.local import LocalSampler

        if cut:
            raise ConfigError(
                "the local engine has neither top-p nor min-p; use --engine transformers or vllm"
            )
        return LocalSampler(path, prompting=prompting, problems=problems, **more)
    if engine == "vllm":
        from leadline.samplers.vllm import VllmSampler

        return VllmSampler(source, prompting=prompting, **({"chunk": batch_size} if batch_size else {}))
    from leadline.samplers.transformers import TransformersSampler

    return TransformersSampler(source, prompting=prompting, problems=problems, **more)


def _refuse_options(other: str, given: dict[str, bool]) -> None:
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
