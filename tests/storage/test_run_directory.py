"""The run directory: what is written comes back, what is broken is named, nothing is left half done."""

from __future__ import annotations

import gzip
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.errors import DataError, InputError, StorageError
from leadline.storage.run_directory import (
    SCHEMA_VERSION,
    RunReader,
    RunWriter,
    read_jsonl,
    write_json_atomic,
    write_jsonl,
    write_text_atomic,
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
rows_of_json = st.lists(st.dictionaries(st.text(), json_values, max_size=4), max_size=6)
GOOD_METRIC = '{"arm": "a", "stage": "rl", "step": 1}'


def python(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own: limits and kills must not touch this one."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


# --- JSON lines ---


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz"])
@given(rows=rows_of_json)
def test_rows_come_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, rows: list[dict]
) -> None:
    path = tmp_path_factory.mktemp("rows") / f"rows.{suffix}"
    assert write_jsonl(path, rows) == len(rows)
    assert list(read_jsonl(path)) == list(enumerate(rows, start=1))


def test_non_finite_numbers_become_null_and_arrays_become_numbers(tmp_path: Path) -> None:
    row = {
        "nan": math.nan,
        "inf": -math.inf,
        "f32": np.float32(0.5),
        "i": np.int64(3),
        "a": np.array([1.0, math.nan]),
    }
    write_jsonl(tmp_path / "a.jsonl", [row])
    assert (
        tmp_path / "a.jsonl"
    ).read_text() == '{"nan": null, "inf": null, "f32": 0.5, "i": 3, "a": [1.0, null]}\n'
    (tmp_path / "b.jsonl").write_text('{"a": NaN, "b": Infinity, "c": 1e999, "d": [-Infinity, -1e999]}\n')
    assert list(read_jsonl(tmp_path / "b.jsonl")) == [
        (1, {"a": None, "b": None, "c": None, "d": [None, None]})
    ]


def test_half_a_surrogate_pair_survives(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"completion": "cut \ud83d off"}, {"completion": "é 漢"}])
    assert [row["completion"] for _, row in read_jsonl(tmp_path / "a.jsonl")] == ["cut \ud83d off", "é 漢"]


def test_gzip_is_known_by_its_content_and_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl.gz", [{"x": 1}])
    assert (tmp_path / "a.jsonl.gz").read_bytes()[4:8] == bytes(4), "no time stamp in the header"
    write_jsonl(tmp_path / "b.jsonl.gz", [{"x": 1}])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    (tmp_path / "a.jsonl.gz").rename(tmp_path / "misnamed.jsonl")
    assert list(read_jsonl(tmp_path / "misnamed.jsonl")) == [(1, {"x": 1})]


def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"x": 1}\r\n\n   \n{"x": 2}')
    assert list(read_jsonl(tmp_path / "a.jsonl")) == [(1, {"x": 1}), (4, {"x": 2})]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{'x': 1}", "not JSON"),
        (b"[1, 2]", "found list"),
        (b"3", "found int"),
        (b"null", "found NoneType"),
        (b'{"x": "\xff"}', "not UTF-8"),
        (b'{"x": 1} {"y": 2}', "not JSON"),
        (b'{"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
        (b'{"x": "\x00\x01"}', "not JSON"),
        (b'{"x": 1', "not JSON"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, why: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"fine": true}\n\n' + line + b"\n")
    with pytest.raises(DataError) as caught:
        list(read_jsonl(path))
    assert str(caught.value).startswith(f"{path}:3: ")
    assert why in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 200


@given(st.binary(max_size=60))
def test_any_bytes_give_objects_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "rows.jsonl"
    path.write_bytes(content)
    try:
        rows = list(read_jsonl(path))
    except DataError as error:
        rows, complaint = [], str(error)
    else:
        complaint = f"{path}: none"
    assert complaint.startswith(f"{path}:")
    assert all(isinstance(row, dict) for _, row in rows)


def test_cut_off_gzip_missing_file_and_folder_are_data_errors(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"x": 1}\n' * 5000)
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped.gz").write_bytes(whole[:-6] + b"\x00\x00" + whole[-4:])
    for name in ("cut.gz", "flipped.gz", "missing.jsonl", "."):
        with pytest.raises(DataError, match=r": "):
            list(read_jsonl(tmp_path / name))


def test_a_line_longer_than_the_bound_is_refused_without_reading_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline.storage.jsonl.MAX_LINE_BYTES", 1000)
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"x": "' + b"a" * 5_000_000 + b'"}\n'))
    with pytest.raises(DataError, match=r"bomb\.jsonl\.gz:1: longer than 1,000 bytes"):
        list(read_jsonl(path))


def test_a_torn_last_line_is_refused_unless_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"x": 1}\n{"x": ')
    assert list(read_jsonl(path, torn_tail=True)) == [(1, {"x": 1})]
    with pytest.raises(DataError, match=r"a\.jsonl:2"):
        list(read_jsonl(path))
    path.write_text('{"x": \n{"x": 1}\n')  # torn in the middle is not a torn tail
    with pytest.raises(DataError, match=r"a\.jsonl:1"):
        list(read_jsonl(path, torn_tail=True))


# --- a disk that refuses ---


def test_a_failing_producer_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    write_jsonl(path, [{"x": 1}])

    def rows():
        yield {"x": 2}
        raise ValueError("the producer broke")

    with pytest.raises(ValueError, match="producer broke"):
        write_jsonl(path, rows())
    with pytest.raises(TypeError, match="complex"):
        write_jsonl(path, [{"x": 1j}])
    assert [row for _, row in read_jsonl(path)] == [{"x": 1}]
    assert os.listdir(tmp_path) == ["a.jsonl.gz"]


def test_a_file_size_limit_is_a_storage_error_and_earlier_files_stay(tmp_path: Path) -> None:
    """The kernel refuses for real: RLIMIT_FSIZE gives EFBIG where a full disk gives ENOSPC."""
    write_text_atomic(tmp_path / "a.txt", "earlier")
    done = python(
        """
        import resource, sys
        from pathlib import Path
        from leadline.errors import StorageError
        from leadline.storage.run_directory import RunWriter, write_jsonl, write_text_atomic
        root = Path(sys.argv[1])
        writer = RunWriter(root / "run")
        writer.metric({"arm": "a", "stage": "rl", "step": 1})
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        noise = lambda: ({"x": str(i * 7919 % 10007)} for i in range(3000))
        for attempt in (
            lambda: write_text_atomic(root / "a.txt", "y" * 5000),
            lambda: write_jsonl(root / "b.jsonl", noise()),
            lambda: write_jsonl(root / "c.jsonl.gz", noise()),
            lambda: writer.metric({"arm": "a", "stage": "rl", "step": 2, "note": "z" * 5000}),
        ):
            try:
                attempt()
                print("wrote?!")
            except StorageError as error:
                print(error)
        writer.metric({"arm": "a", "stage": "rl", "step": 3})
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot write: file too large") == 4, done.stdout
    assert (tmp_path / "a.txt").read_text() == "earlier"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "run"]
    assert [row["step"] for row in RunReader(tmp_path / "run").metrics()] == [1, 3]


def test_a_place_that_cannot_be_written_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="/proc/leadline"):
        RunWriter("/proc/leadline-run")
    with pytest.raises(StorageError, match="no space left on device"), RunWriterOnFullDisk() as writer:
        writer.metric({"arm": "a", "stage": "rl", "step": 1})


class RunWriterOnFullDisk:
    """A run whose metrics go to /dev/full, the kernel's own disk that is always full."""

    def __enter__(self) -> RunWriter:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        (Path(self.folder.name) / "metrics.jsonl").symlink_to("/dev/full")
        write_json_atomic(Path(self.folder.name) / "environment.json", {"schema": SCHEMA_VERSION})
        self.writer = RunWriter(self.folder.name, resume=True)
        return self.writer

    def __exit__(self, *_: object) -> None:
        self.writer.close()
        self.folder.cleanup()


def test_a_killed_writer_never_leaves_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    code = (
        "import sys; from leadline.storage.run_directory import write_jsonl\n"
        "while True: write_jsonl(sys.argv[1], ({'i': i} for i in range(2000)))"
    )
    for pause in (0.0, 0.013, 0.029):
        path.unlink(missing_ok=True)
        child = subprocess.Popen([sys.executable, "-c", code, str(path)])
        deadline = time.monotonic() + 300
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(pause)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert [row["i"] for _, row in read_jsonl(path)] == list(range(2000))


# --- a run ---


def test_a_run_comes_back_as_written(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "runs" / "one") as writer:
        writer.recipe("name: one\n")
        writer.environment({"python": "3.11", "threads": 2})
        writer.metric({"arm": "lead", "stage": "rl", "step": 1, "loss": math.nan})
        writer.metric({"arm": "grpo", "stage": "rl", "step": 1, "loss": 0.5})
        for name in ("eval", "step-000040", "step-000020", "step-1000000"):
            writer.samples("lead", name, [{"completion": name}])
        writer.section("probe", "base", {"sentences": ["Deep enough."]})
        writer.summary({"arms": {"base": {"pass@1": 0.5}, "lead": {"pass@1": 0.9}}, "seed": 0})
    run = RunReader(tmp_path / "runs" / "one")
    assert run.recipe == "name: one\n"
    assert run.environment == {"schema": SCHEMA_VERSION, "python": "3.11", "threads": 2}
    assert run.metrics("lead") == [{"arm": "lead", "stage": "rl", "step": 1, "loss": None}]
    assert [row["arm"] for row in run.metrics()] == ["lead", "grpo"]
    assert run.arms == ["base", "lead", "grpo"]
    assert run.sample_names("lead") == ["step-000020", "step-000040", "step-1000000", "eval"]
    assert run.sample_names("grpo") == []
    assert list(run.samples("lead", "step-000020")) == [{"completion": "step-000020"}]
    assert run.sections("probe") == {"base": {"sentences": ["Deep enough."]}}
    assert run.sections("compare") == {}
    assert run.summary == {"schema": 1, "arms": {"base": {"pass@1": 0.5}, "lead": {"pass@1": 0.9}}, "seed": 0}


def test_a_run_under_way_can_be_read(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        assert RunReader(tmp_path / "run").metrics() == []
        assert RunReader(tmp_path / "run").summary is None
        assert RunReader(tmp_path / "run").arms == []
        writer.samples("base", "eval", [])
        writer.samples("a", "eval", [])
        writer.metric({"arm": "a", "stage": "sft", "step": 1})
        assert len(RunReader(tmp_path / "run").metrics()) == 1
        assert RunReader(tmp_path / "run").arms == ["base", "a"]


def test_metrics_are_cut_back_to_a_checkpoint(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        writer.metric({"arm": "a", "stage": "rl", "step": 1})
        offset = writer.metrics_offset()
        writer.metric({"arm": "a", "stage": "rl", "step": 2})
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    with RunWriter(tmp_path / "run", resume=True) as writer:
        for wrong in (offset - 1, offset + 1, len(before) + 1, -1):
            with pytest.raises(InputError, match=r"metrics\.jsonl"):
                writer.truncate_metrics(wrong)
        assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before
        writer.truncate_metrics(offset)
        writer.metric({"arm": "a", "stage": "rl", "step": 3})
    assert [row["step"] for row in RunReader(tmp_path / "run").metrics()] == [1, 3]


@pytest.mark.parametrize("torn", ['{"arm": "a", "stage"', "x" * 200_000])
def test_resuming_drops_half_a_line(tmp_path: Path, torn: str) -> None:
    with RunWriter(tmp_path / "run") as writer:
        writer.metric({"arm": "a", "stage": "rl", "step": 1})
    with open(tmp_path / "run" / "metrics.jsonl", "a") as stream:
        stream.write(torn)
    assert [row["step"] for row in RunReader(tmp_path / "run").metrics()] == [1]
    with RunWriter(tmp_path / "run", resume=True) as writer:
        writer.metric({"arm": "a", "stage": "rl", "step": 2})
    assert [row["step"] for row in RunReader(tmp_path / "run").metrics()] == [1, 2]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    attempt = """
        import sys
        from leadline.errors import InputError
        from leadline.storage.run_directory import RunWriter
        try:
            RunWriter(sys.argv[1], resume=True).close()
            print("mine")
        except InputError as error:
            print(error)
        """
    with RunWriter(tmp_path / "run"):
        assert (
            f"another process (pid {os.getpid()}) is writing this run"
            in python(attempt, tmp_path / "run").stdout
        )
        with pytest.raises(InputError, match="another process"):
            RunWriter(tmp_path / "run", resume=True)
    assert python(attempt, tmp_path / "run").stdout == "mine\n"


def test_an_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        writer.metric({"arm": "a", "stage": "rl", "step": 1})
    with pytest.raises(InputError, match="already holds a run"):
        RunWriter(tmp_path / "run")
    assert len(RunReader(tmp_path / "run").metrics()) == 1
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        RunWriter(tmp_path / "file")
    for absent in ("none", "file"):
        with pytest.raises(InputError):
            RunWriter(tmp_path / absent, resume=True)
    assert sorted(os.listdir(tmp_path)) == ["file", "run"]


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".hidden", "a\0b", "a\n", "x" * 101, "<b>"])
def test_names_do_not_lead_out_of_the_run(tmp_path: Path, name: str) -> None:
    with RunWriter(tmp_path / "run") as writer:
        for write in (
            lambda: writer.samples(name, "eval", []),
            lambda: writer.samples("a", name, []),
            lambda: writer.section("probe", name, {}),
            lambda: RunReader(tmp_path / "run").sample_names(name),
            lambda: RunReader(tmp_path / "run").samples("a", name),
        ):
            with pytest.raises(InputError, match="not a usable name"):
                write()
    assert sorted(os.listdir(tmp_path / "run")) == [".lock", "environment.json", "metrics.jsonl"]


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"schema": SCHEMA_VERSION + 1}, "update it"),
        ({}, "'schema' must be"),
        ({"schema": "1"}, "'schema' must be"),
        ({"schema": True}, "'schema' must be"),
        ({"schema": 0}, "'schema' must be"),
    ],
)
def test_the_reader_checks_the_layout_version(tmp_path: Path, environment: dict, why: str) -> None:
    write_json_atomic(tmp_path / "environment.json", environment)
    with pytest.raises(InputError, match=why):
        RunReader(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("metrics.jsonl", GOOD_METRIC + "\n" + GOOD_METRIC.replace('"a"', "3") + "\n", ":2: 'arm'"),
        ("metrics.jsonl", '{"arm": "a", "stage": "rl", "step": "two"}\n', ":1: 'step'"),
        ("metrics.jsonl", '{"arm": "a", "step": 2}\n', ":1: 'stage'"),
        ("metrics.jsonl", "rubbish\n", ":1: not JSON"),
        ("metrics.jsonl", GOOD_METRIC.replace('"a"', '"../a"') + "\n", ":1: 'arm' is not a usable name"),
        ("metrics.jsonl", GOOD_METRIC.replace("1", "-1") + "\n", ":1: 'step' must lie"),
        ("metrics.jsonl", GOOD_METRIC.replace("1", "9" * 30) + "\n", ":1: 'step' must lie"),
        ("metrics.jsonl", GOOD_METRIC.replace("1", "9" * 400) + "\n", ":1: 'step' must be int"),
        ("summary.json", '{"arms": {"<b>": {}}}', "not a usable name"),
        ("summary.json", "[]", "expected an object"),
        ("summary.json", '{"arms": []}', "'arms' must be"),
        ("summary.json", '{"arms": {"a": 1}}', "'arms' must be"),
        ("summary.json", "{", "not JSON"),
    ],
)
def test_the_reader_names_what_is_broken(tmp_path: Path, file: str, content: str, why: str) -> None:
    RunWriter(tmp_path / "run").close()
    (tmp_path / "run" / file).write_text(content)
    with pytest.raises(DataError) as caught:
        _ = RunReader(tmp_path / "run").arms
    assert str(caught.value).startswith(str(tmp_path / "run" / file))
    assert why in str(caught.value)


def test_what_is_not_a_run_is_refused(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "no such directory"), (tmp_path, "not a run directory")):
        with pytest.raises(InputError, match=why):
            RunReader(path)
    RunWriter(tmp_path / "run").close()
    with pytest.raises(DataError, match=r"recipe\.yaml"):
        _ = RunReader(tmp_path / "run").recipe
    with pytest.raises(DataError, match=r"eval\.jsonl\.gz"):
        list(RunReader(tmp_path / "run").samples("a", "eval"))


def test_files_are_plain_json_for_everybody_else(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        writer.metric({"arm": "a", "stage": "rl", "step": 1, "pass@1": np.float32(0.25)})
        path = writer.samples("a", "eval", [{"completion": "é"}])
        writer.summary({"arms": {}})
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {
        "arm": "a",
        "stage": "rl",
        "step": 1,
        "pass@1": 0.25,
    }
    assert gzip.decompress(path.read_bytes()).decode() == '{"completion": "é"}\n'
    assert json.loads((tmp_path / "summary.json").read_text()) == {"schema": 1, "arms": {}}


def test_the_formats_page_names_every_field_of_a_sample_and_of_a_summary() -> None:
    """docs/formats.md against the code that writes: a field that is not described there fails here."""
    from leadline.evaluation import evaluate
    from leadline.types import Completion, Problem, SampleRow, Score

    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
    problem, completion = Problem("p", "1 + 1?", "2", difficulty=1.0), Completion("p", "2", 2)
    score = Score(True, "match", "2", 2, parts={"accuracy": 1.0})
    written = {*SampleRow.of(problem, completion, score, "1 + 1?").to_row(), *SampleRow.FIELDS}
    row = evaluate([problem], [completion], [score], ks=(1,)).as_dict()
    written |= {name for name in row if not name.endswith("_ci")} | set(row["by_difficulty"]["1"])
    assert sorted(name for name in written if f"`{name}`" not in page) == []


@pytest.mark.parametrize("name", ["recipe.yaml", "metrics.jsonl", "summary.json"])
def test_links_that_lead_out_of_a_run_are_not_followed(tmp_path: Path, name: str) -> None:
    RunWriter(tmp_path / "run").close()
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "run" / name).unlink(missing_ok=True)
    (tmp_path / "run" / name).symlink_to(tmp_path / "secret")
    reader = RunReader(tmp_path / "run")
    with pytest.raises(DataError, match="leads out of the run"):
        {"recipe.yaml": lambda: reader.recipe, "metrics.jsonl": reader.metrics}.get(
            name, lambda: reader.summary
        )()


def test_all_is_given_back_where_standard_input_was_closed(tmp_path: Path) -> None:
    """The next file that is opened is then number 0."""
    kept = os.dup(0)
    try:
        os.close(0)
        writer = RunWriter(tmp_path / "run")
        assert 0 in (writer._metrics, writer._lock)
        writer.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(0)
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_lines_of_one_arm_are_cut_and_those_of_others_stay(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        for arm in ("a", "b"):
            for step in (1, 2, 3):
                writer.metric({"arm": arm, "stage": "rl", "step": step})
        writer.cut_metrics("b", 1)
        writer.cut_metrics("b", 1)  # nothing is left to cut
    kept = [(row["arm"], row["step"]) for row in RunReader(tmp_path / "run").metrics()]
    assert kept == [("a", 1), ("a", 2), ("a", 3), ("b", 1)]
