"""Random and mutated inputs for every reader of things that strangers wrote: a value or one of our refusals comes out.

Quick as a test (a few examples each); ``make fuzz`` runs it for FUZZ_SECONDS, with new seeds, and prints them. What it
finds is kept as a small test beside the reader, and by hypothesis as an ``@example``.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadline.data import load_problems
from leadline.data.samples.rows import read_samples
from leadline.errors import LeadlineError
from leadline.grading.expressions.parser import read_expression
from leadline.grading.expressions.tokens import Unreadable
from leadline.grading.files import grade_file
from leadline.model.chat_template import render
from leadline.model.config import DecoderConfig
from leadline.model.gguf_header import read_gguf_header
from leadline.recipes.reading import parse_recipe
from leadline.samplers import Sampling
from leadline.samplers.http import check_key, check_url
from leadline.samplers.openai_server import EndpointSampler
from leadline.storage.jsonl import read_json, read_jsonl
from leadline.storage.run_directory import RunReader
from leadline.storage.yaml_text import parse_yaml
from leadline.types import Problem

FUZZ = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "25")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["id", "problem_id", "prompt", "answer", "gold", "response", "completion", "n_tokens", "finished", "correct",
     "messages", "role", "content", "n_correct", "n_samples", "logprob", "index", "arm", "stage", "step", "schema"]
)  # fmt: skip
ROWS = st.lists(st.dictionaries(KEYS, JSON | st.text(max_size=30), max_size=6), max_size=5)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Our refusals are fine; each is a line or several, none of them long."""
    said = ""
    try:
        yield
    except LeadlineError as refusal:
        said = str(refusal)
    assert all(len(line) < 5000 for line in said.splitlines())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def spoilt(content: bytes, seed: int) -> bytes:
    """Some bytes changed, cut out or doubled."""
    rng, spoiled = random.Random(seed), bytearray(content)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(spoiled) + 1)
        match rng.randrange(3):
            case 0:
                spoiled[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del spoiled[at : at + rng.randrange(8)]
            case 2:
                spoiled[at:at] = spoiled[at : at + rng.randrange(30)]
    return bytes(spoiled)


@FUZZ
@given(rows=ROWS, seed=st.integers(0, 2**32), packed=st.booleans())
def test_files_of_rows(place: Path, rows: list[dict[str, Any]], seed: int, packed: bool) -> None:
    path = place / "rows.jsonl"
    content = "".join(json.dumps(row) + "\n" for row in rows).encode("utf-8", "surrogatepass")
    path.write_bytes(spoilt(gzip.compress(content) if packed else content, seed))
    for reader in (read_jsonl, read_samples, load_problems):
        with refusals():
            list(reader(path))
    with refusals():
        read_json(path)


@FUZZ
@given(rows=ROWS)
def test_files_to_grade(place: Path, rows: list[dict[str, Any]]) -> None:
    path, out = place / "grade.jsonl", place / "graded.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out.unlink(missing_ok=True)
    with refusals():
        grade_file(path, out)
        assert all(
            json.loads(line)["reason"] for line in out.read_bytes().splitlines()
        )  # text has more line ends


@FUZZ
@given(
    text=st.text(max_size=80)
    | st.from_regex(r"[a-z_]{1,8}: [!&*\[{]?[0-9a-z.:+-]{0,12}[\]}]?", fullmatch=True)
)
def test_recipes(text: str) -> None:
    with refusals():
        parse_yaml(text, "r")
    with refusals():
        parse_recipe(text)
    with refusals():
        parse_recipe("data: {world: {}}", [text])


FILES = st.sampled_from(["environment.json", "summary.json", "metrics.jsonl", "recipe.yaml"])


@FUZZ
@given(files=st.dictionaries(FILES, JSON))
def test_run_directories(place: Path, files: dict[str, Any]) -> None:
    root = place / "run"
    root.mkdir(exist_ok=True)
    for path in root.iterdir():
        path.unlink()
    for name, value in {"environment.json": {"schema": 1}, **files}.items():
        (root / name).write_text(json.dumps(value))
    with refusals():
        reader = RunReader(root)
        _ = reader.arms, reader.summary, reader.recipe, reader.metrics()


@FUZZ
@given(
    changes=st.dictionaries(
        st.sampled_from(
            [*DecoderConfig().to_huggingface(), "layer_types", "rope_scaling", "leadline_position"]
        ),
        JSON,
    )
)
def test_model_configurations(changes: dict[str, Any]) -> None:
    with refusals():
        config = DecoderConfig.from_huggingface({**DecoderConfig().to_huggingface(), **changes})
        assert config.head_dim % 2 == 0
        assert math.isfinite(config.rope_theta)


@FUZZ
@given(content=st.binary(max_size=200))
def test_gguf_files(place: Path, content: bytes) -> None:
    path = place / "model.gguf"
    path.write_bytes(b"GGUF\x03\x00\x00\x00" + content)
    with refusals():
        read_gguf_header(path)


TEMPLATES = st.from_regex(r"\{[{%] ?[a-z]{1,9}[ .|(\[][a-z0-9*'()\]]{0,12} ?[%}]\}", fullmatch=True)
ANSWERS = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"message": JSON, "text": JSON})), "usage": JSON}
)


@FUZZ
@given(template=st.text(max_size=40) | TEMPLATES)
def test_chat_templates(template: str) -> None:
    text, fault = render(template, [{"role": "user", "content": "1 + 1?"}], {"eos_token": "</s>"})
    assert isinstance(text, str)
    assert fault is None or len(fault) < 1000


@FUZZ
@given(answer=JSON | ANSWERS)
def test_answers_of_servers(answer: Any) -> None:
    sampler = EndpointSampler("http://localhost/v1", "m")
    if isinstance(answer, dict):
        with refusals():
            sampler._completion(Problem("p", "?", "1"), answer, Sampling(8))


@FUZZ
@given(url=st.text(max_size=30) | st.from_regex(r"https?://[a-z@:/?#\[\]0-9.]{0,20}", fullmatch=True))
def test_addresses_and_keys(url: str) -> None:
    with refusals():
        check_url(url)
    with refusals():
        check_key(url, "KEY")


@FUZZ
@given(text=st.text(max_size=60) | st.text(alphabet="0123456789+-*/^(){}[]\\fracsqrtxyi,.= ", max_size=60))
def test_expressions(text: str) -> None:
    with contextlib.suppress(Unreadable):
        read_expression(text)
