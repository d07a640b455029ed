"""The Hugging Face hub, asked once and briefly: what is missing there, or out of reach, is said within seconds.

Left to themselves its libraries try an unreachable hub again for minutes, and wait for a silent one for ever.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from leadline.errors import CheckpointError, InputError

__all__ = ["Answer", "ask", "is_hub_name", "model_files", "offline", "whole_model"]

_NAME = re.compile(r"\w[\w.-]{0,95}(/\w[\w.-]{0,95})?", re.ASCII)
_SMALL = ["*.json", "*.model", "*.txt", "*.jinja", "*.tiktoken"]
_WEIGHTS = ["*.safetensors"]
# The same weights once more, in other forms.
_LEFT_OUT = ["consolidated*", "*/*"]
_TIMEOUT_S = 10.0
_NOT_THERE = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub says of a name.

    Attributes:
        files: paths in the repository.
        why: what keeps us from reaching the hub, None when nothing does.
    """

    files: tuple[str, ...] = ()
    why: str | None = None


def ask(name: str, kind: Literal["model", "dataset"]) -> Answer:
    """Ask the hub for ``name`` with one request; a hub that does not answer within seconds counts as out of reach.

    Raises:
        InputError: the hub has no such repository, or does not show it to us.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError

    asking = HfApi().model_info if kind == "model" else HfApi().dataset_info
    try:
        info = asking(name, timeout=_TIMEOUT_S)
    except GatedRepoError as fault:
        raise InputError(
            f"{name}: access to this {kind} has to be granted first, at huggingface.co/{name}"
        ) from fault
    except HFValidationError as fault:
        raise InputError(f"{name}: nothing here, and no name of the Hugging Face hub") from fault
    except Exception as fault:  # no connection, time-outs, offline mode and a broken server share no class
        if isinstance(fault, HfHubHTTPError) and fault.response.status_code in _NOT_THERE:
            raise InputError(
                f"{name}: neither here nor on the Hugging Face hub is there a {kind} of that name"
                " (a private one needs `hf auth login`)"
            ) from fault
        return Answer(why=_first_line(fault))
    return Answer(tuple(file.rfilename for file in info.siblings or ()))


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """Let ``datasets`` look into its cache alone, without trying the hub again and again."""
    import datasets
    from huggingface_hub import constants

    places = [datasets.config, constants]
    before = [place.HF_HUB_OFFLINE for place in places]
    for place in places:
        place.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.HF_HUB_OFFLINE = value


def is_hub_name(source: str) -> bool:
    """Whether ``source`` can only be a name on the hub: there is nothing of that name here.

    >>> is_hub_name("openai-community/gpt2"), is_hub_name("/models/gpt2")
    (True, False)
    """
    return _NAME.fullmatch(source) is not None and not Path(source).exists()


def model_files(source: str) -> Path:
    """The directory of a model's configuration and tokenizer: ``source`` itself, or a hub's copy without the weights.

    Raises:
        CheckpointError: neither a directory nor a model of the hub or its cache; or no configuration or no
            safetensors weights in it.
    """
    return _directory(source, _SMALL)


def whole_model(source: str) -> Path:
    """Like :func:`model_files`, with the weights.

    Raises:
        CheckpointError: likewise, or the download breaks off.
    """
    return _directory(source, _SMALL + _WEIGHTS)


def _directory(source: str, wanted: list[str]) -> Path:
    folder = Path(source)
    if folder.is_dir():
        _check(source, [path.name for path in folder.iterdir()])
        return folder
    if folder.exists():
        raise CheckpointError(f"{source}: a file, not a model directory")
    if not _NAME.fullmatch(source):
        raise CheckpointError(f"{source}: no such directory")
    return _from_hub(source, wanted)


def _check(source: str, names: Collection[str]) -> None:
    """Refuse a model without configuration or weights by the names of its files."""
    faults = []
    if "config.json" not in names:
        faults.append(f"{source}: no config.json in it, so it is not a model directory")
    if not any(name.endswith(".safetensors") and "/" not in name for name in names):
        other = sorted(name for name in names if Path(name).suffix in (".bin", ".pt", ".pth", ".ckpt"))
        hint = f" ({other[0]} is a pickle and is not read; convert it to safetensors)" if other else ""
        faults.append(f"{source}: no *.safetensors in it, so no weights{hint}")
    if faults:
        raise CheckpointError(faults)


def _from_hub(name: str, wanted: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    try:
        answer = ask(name, "model")
    except InputError as fault:
        raise CheckpointError(fault.problems) from fault
    if answer.why is None:
        _check(name, answer.files)
    cached = answer.why is not None
    try:
        # Not by revision: the hub's library would not note which one "main" was, and offline not find it again.
        return Path(
            snapshot_download(name, allow_patterns=wanted, ignore_patterns=_LEFT_OUT, local_files_only=cached)
        )
    except Exception as fault:  # hub, network, disk and cache failures share no class
        if cached:
            raise CheckpointError(
                f"{name}: no such directory, and the Hugging Face hub cannot be reached ({answer.why});"
                " nor is the model in its cache"
            ) from fault
        raise CheckpointError(f"{name}: cannot be downloaded: {_first_line(fault)}") from fault


def _first_line(fault: Exception) -> str:
    lines = str(fault).strip().splitlines()
    return f"{type(fault).__name__}: {lines[0][:200]}" if lines else type(fault).__name__
