"""Files of strangers: what is read, and what is refused by one line before it costs memory or time."""

from __future__ import annotations

import gzip
import json
import os
import re
import resource
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadline.errors import DataError
from leadline.storage import reading
from leadline.storage.jsonl import MAX_INTEGER_DIGITS, parse_object, read_json, read_jsonl
from leadline.storage.reading import open_input, read_bytes, read_text

ROW = b'{"x": 1}\n'


def rows(path: Path) -> list[dict[str, object]]:
    return [row for _, row in read_jsonl(path)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(gzip.compress(ROW * 5000)[:-20], "cut off", id="truncated-gzip"),
        pytest.param(gzip.compress(ROW)[:-8] + b"\0" * 8, "broken gzip", id="wrong-checksum"),
        pytest.param(b"\x1f\x8bno", "", id="gzip-in-name-of-its-bytes-only"),
        pytest.param(ROW.decode().encode("utf-16"), "iconv", id="utf-16"),
        pytest.param(b"PK\x03\x04....", "zip archive", id="zip"),
        pytest.param(b"\x28\xb5\x2f\xfd....", "zstd", id="zstd"),
        pytest.param(b"\xfd7zXZ\0", "xz", id="xz"),
        pytest.param(b"BZh91AY", "bzip2", id="bzip2"),
        pytest.param(b"PAR1....", "Parquet", id="parquet"),
        pytest.param(b'{"x": "\xff"}\n', "not UTF-8", id="latin-1"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep"),
        pytest.param(b'{"x": [' + b"[]," * 600_000 + b"1]}\n", "values", id="many-values"),
        pytest.param(b"[1]\n", "found list", id="no-object"),
    ],
)
def test_what_cannot_be_read_is_one_line_that_names_the_file(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError) as refusal:
        rows(path)
    (line,) = refusal.value.problems
    assert line.startswith(str(path))
    assert reason in line
    assert len(line) < 300


def test_kinds_of_file_are_looked_at_before_they_are_opened(tmp_path: Path) -> None:
    for place, reason in ((tmp_path, "a folder"), ("/dev/zero", "a device"), ("a\0b", "not a usable name")):
        with pytest.raises(DataError, match=reason):
            read_bytes(place)
    with pytest.raises(DataError, match="no such file"):
        read_bytes(tmp_path / "missing")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    path.write_text("{}")
    path.chmod(0)
    with pytest.raises(DataError, match="permission denied"):
        read_json(path)


def test_gzip_is_known_by_its_content_and_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    (tmp_path / "text.jsonl.gz").write_bytes(ROW)
    assert rows(tmp_path / "text.jsonl.gz") == [{"x": 1}]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(gzip.compress(ROW * 2)))
    writer.start()
    assert rows(pipe) == [{"x": 1}] * 2
    writer.join()


def test_numbers_are_bounded_when_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_text(
        '{"a": ' + "9" * MAX_INTEGER_DIGITS + ', "b": 1e999, "c": NaN, "d": ' + "9" * 6000 + "}\n"
    )
    (row,) = rows(path)
    assert float(row["a"]) > 1e299  # type: ignore[arg-type]
    assert (row["b"], row["c"], row["d"]) == (None, None, None)


def test_a_file_that_unpacks_out_of_proportion_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PACKED_FLOOR", 2**20)
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(ROW * 2**20))
    with pytest.raises(DataError, match="unpacks to more than 250 times"):
        rows(path)
    honest = tmp_path / "honest.jsonl.gz"
    honest.write_bytes(gzip.compress(b"".join(b'{"x": %d}\n' % i for i in range(200_000))))
    assert len(rows(honest)) == 200_000


def test_a_file_of_blank_lines_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.storage.jsonl.MAX_BLANK_LINES", 1000)
    (tmp_path / "blank").write_bytes(b"\n" * 5000 + ROW)
    with pytest.raises(DataError, match="blank lines"):
        rows(tmp_path / "blank")
    (tmp_path / "so many").write_bytes(b"\n" * 1000 + ROW)
    assert len(rows(tmp_path / "so many")) == 1


def test_bombs_cost_little_memory(tmp_path: Path) -> None:
    """A gigabyte on one line, packed and not, and a million empty lists: at most 300 MB."""
    (tmp_path / "line.gz").write_bytes(gzip.compress(b'{"x": "' + b"a" * 2**28, compresslevel=1))
    with (tmp_path / "line").open("wb") as sparse:
        sparse.truncate(2**30)
    (tmp_path / "lists").write_bytes(b'{"x": [' + b"[]," * 5_000_000 + b"1]}\n")
    code = """
        import sys
        from leadline.errors import DataError
        from leadline.storage.jsonl import read_jsonl
        for path in sys.argv[1:]:
            try:
                list(read_jsonl(path))
            except DataError as error:
                print(error)
    """
    names = [str(tmp_path / name) for name in ("line.gz", "line", "lists")]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *names],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (500 * 2**20, 500 * 2**20)),
    )
    assert len(done.stdout.splitlines()) == 3, done.stdout + done.stderr


def test_text_loses_its_byte_order_mark_and_reads_within_the_body_are_refused_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read_text(tmp_path / "a") == "name: x\n"
    with pytest.raises(DataError, match="longer than 3 bytes"):
        read_text(tmp_path / "a", 3)
    (tmp_path / "cut").write_bytes(gzip.compress(ROW * 50_000)[:-30])
    with pytest.raises(DataError, match="cut off"), open_input(tmp_path / "cut") as stream:
        stream.read()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
TWISTED = (
    '{"a": NaN, "b": [-Infinity, 1e999, -0, -0.0]}',
    '{"a": 12345678901234567890123, "b": -18446744073709551617, "c": 12345678901234567890.5}',
    r'{"a": "\ud800", "b": "\ud83d\ude00"}',
    '{"a": 1, "a": 2}',
    " {} ",
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4), ascii_only=st.booleans())
def test_short_lines_are_read_as_long_ones_are(
    value: dict[str, object], ascii_only: bool, tmp_path: Path
) -> None:
    """Two decoders read lines, by length: what they make of a line may not depend on it."""
    same_whatever_its_length(json.dumps(value, ensure_ascii=ascii_only), tmp_path)


@pytest.mark.parametrize("text", TWISTED)
def test_short_lines_of_what_json_does_not_have(text: str, tmp_path: Path) -> None:
    same_whatever_its_length(text, tmp_path)


@pytest.mark.parametrize("text", ["[1]", '{"a": 1} x', '{"a": 1,}', '{"a": "\x01"}', "{'a': 1}", "7", '{"a"'])
def test_short_lines_are_refused_as_long_ones_are(text: str, tmp_path: Path) -> None:
    (tmp_path / "short.jsonl").write_text(text)
    with pytest.raises(DataError) as short:
        list(read_jsonl(tmp_path / "short.jsonl"))
    with pytest.raises(DataError) as long:
        parse_object(text.encode(), f"{tmp_path / 'short.jsonl'}:1")
    assert str(short.value) == str(long.value)


def same_whatever_its_length(text: str, folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        expected = parse_object(text.encode("utf-8", "surrogatepass"), f"{folder / 'a.jsonl'}:1")
    except DataError as error:
        with pytest.raises(DataError, match=re.escape(str(error))):
            list(read_jsonl(folder / "a.jsonl"))
        return
    assert repr([row for _, row in read_jsonl(folder / "a.jsonl")]) == repr([expected])
