"""From a name on the command line to a source of samples."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from leadline.errors import CheckpointError, ConfigError
from leadline.generate.base import Prompting, Sampler
from leadline.generate.endpoint import EndpointSampler
from leadline.generate.files import FileSampler

__all__ = ["Api", "Engine", "open_sampler"]

Api = Literal["chat", "completions"]
Engine = Literal["auto", "local", "transformers", "vllm"]


def open_sampler(
    source: str,
    *,
    engine: Engine = "auto",
    url: str | None = None,
    api: Api = "chat",
    concurrency: int = 16,
    prompting: Prompting | None = None,
) -> Sampler:
    """A sample file, a model behind ``url``, or a model directory or name.

    ``auto`` takes leadline's own engine for a directory that its decoder can hold, else transformers.

    Raises:
        ConfigError: options that contradict each other.
        CheckpointError: no such model, or one that cannot be used.
        MissingExtra: the engine is not installed.
    """
    if url is not None:
        if engine != "auto":
            raise ConfigError(
                f"--url and --engine {engine} exclude each other: the server has its own engine"
            )
        return EndpointSampler(url, source, api=api, concurrency=concurrency, prompting=prompting)
    path = Path(source)
    if path.is_file():
        return FileSampler(path)
    if path.suffix in (".jsonl", ".gz"):
        raise ConfigError(f"{source}: no such file")
    if engine == "auto":
        engine = "local" if _fits_our_decoder(path) else "transformers"
    if engine == "local":
        from leadline.generate.local import LocalSampler

        return LocalSampler(path, prompting=prompting)
    if engine == "vllm":
        from leadline.generate.vllm import VllmSampler

        return VllmSampler(source, prompting=prompting)
    from leadline.generate.huggingface import TransformersSampler

    return TransformersSampler(source, prompting=prompting)


def _fits_our_decoder(folder: Path) -> bool:
    from leadline.model.checkpoint import read_config

    try:
        read_config(folder)
    except CheckpointError:
        return False
    return True
