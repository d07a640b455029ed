"""From a GGUF file to a Hugging Face directory of safetensors, through transformers' own reader (extra ``gguf``).

Quantised weights are written out as the float32 numbers that they stand for: what was lost stays lost, and the model
card that is written beside them says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from leadline.errors import CheckpointError, MissingExtra
from leadline.model.config import FAMILIES
from leadline.model.gguf_header import GgufHeader, read_gguf_header
from leadline.model.pretrained import first_line

__all__ = ["check_gguf", "import_gguf", "quantisation"]


def check_gguf(path: Path) -> GgufHeader:
    """The head of a file that can be imported; nothing is loaded.

    Raises:
        MissingExtra: the package ``gguf`` is not installed.
        CheckpointError: not a whole GGUF file, or of a family that the decoder does not know.
    """
    if find_spec("gguf") is None:
        raise MissingExtra("GGUF files are read with the package gguf: pip install 'leadline[gguf]'")
    header = read_gguf_header(path)
    if header.architecture not in FAMILIES:
        raise CheckpointError(
            f"{path}: its architecture is {header.architecture!r}; the decoder knows {', '.join(FAMILIES)}"
        )
    return header


def quantisation(header: GgufHeader) -> dict[str, int]:
    """Type -> number of tensors, the most frequent first.

    >>> quantisation(GgufHeader())
    {}
    """
    from gguf.constants import GGMLQuantizationType

    kinds = Counter(GGMLQuantizationType(tensor.kind).name for tensor in header.tensors)
    return dict(kinds.most_common())


def import_gguf(path: Path, folder: Path, *, title: str | None = None, licence: str | None = None) -> None:
    """Write ``config.json``, ``model.safetensors``, the tokenizer's files and a model card into the empty ``folder``.

    Memory: twice the model in float32 for a moment.

    Args:
        path: a GGUF file that :func:`check_gguf` accepts.
        folder: exists and is empty.
        title: of the model card; the file's own ``general.name`` when not given.
        licence: of the weights, as the Hugging Face hub spells it; the file's own when not given.

    Raises:
        CheckpointError: transformers cannot read the file.
    """
    header = check_gguf(path)
    try:
        with _quiet():
            tokenizer, model = _through_transformers(path)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    except Exception as fault:  # transformers and gguf raise many kinds for a broken file
        raise CheckpointError(f"{path}: transformers cannot read it: {first_line(fault)}") from fault
    (folder / "README.md").write_text(_card(path, header, title, licence), encoding="utf-8")


def _through_transformers(path: Path) -> tuple[Any, Any]:
    """Tokenizer and model, the latter without the mark that it was quantised, which could not be saved."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    given = {"gguf_file": path.name, "trust_remote_code": False, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(path.parent, **given)
    read, found = AutoModelForCausalLM.from_pretrained(
        path.parent, dtype=torch.float32, output_loading_info=True, **given
    )
    lacking = sorted({*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])})
    if lacking:  # transformers would draw these at random, and say so in a warning
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        raise ValueError(f"no tensor of the file gives {', '.join(lacking[:3])}{more}")
    raw = read.config.to_dict()
    raw.pop("quantization_config", None)
    with torch.device("meta"):
        plain = type(read)(type(read.config)(**raw))
    plain.load_state_dict(read.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = read.generation_config
    return tokenizer, plain


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """transformers draws its own progress bars; ours says what is going on."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _card(path: Path, header: GgufHeader, title: str | None, licence: str | None) -> str:
    """The model card: where the numbers come from, and what quantisation did to them."""
    kinds = quantisation(header)
    lossy = [kind for kind in kinds if kind not in ("F32", "F16", "BF16", "F64")]
    name = title or header.metadata.get("general.name") or path.stem
    licence = licence or header.metadata.get("general.license")
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    lines = ["---", "library_name: transformers"]
    lines += [f"license: {licence}"] if licence else []
    lines += ["---", "", f"# {name}", ""]
    lines += [
        f"Made by `leadline model import` from `{path.name}` (sha256 `{digest.hexdigest()}`), "
        f"{header.parameters:,} parameters in {len(header.tensors)} tensors: "
        + ", ".join(f"{count} x {kind}" for kind, count in kinds.items())
        + ".",
        "",
    ]
    lines += (
        [
            f"**The weights were quantised ({', '.join(lossy)}) and are written out as float32.** They are the "
            "numbers that the quantised file stands for: weaker than the model that was published in full precision."
        ]
        if lossy
        else ["The weights were not quantised."]
    )
    return "\n".join(lines) + "\n"
