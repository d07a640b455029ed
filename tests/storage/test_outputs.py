"""Outputs: nothing that is not ours is touched, and no two processes append to one file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from leadline.errors import InputError, StorageError
from leadline.storage.jsonl import write_json_atomic
from leadline.storage.outputs import (
    PAGE_MARK,
    check_folder_name,
    check_output,
    is_our_page,
    open_appending,
    starts_with_row,
    write_text_atomic,
)


def test_what_is_not_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("Chapter 1\n")
    for ours in (is_our_page, starts_with_row("line"), lambda head: False):
        with pytest.raises(InputError, match=r"thesis\.txt: exists, and is not replaced; remove it"):
            check_output(thesis, ours=ours)
    assert thesis.read_text() == "Chapter 1\n"


def test_what_is_ours_or_empty_may_be_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(b"<head>" + PAGE_MARK + b'">')
    check_output(page, ours=is_our_page)
    (tmp_path / "empty").touch()
    check_output(tmp_path / "empty")
    (tmp_path / "rows").write_text('{"id": 1, "answer": "2"}\n')
    check_output(tmp_path / "rows", ours=starts_with_row("id", "answer"))
    check_output(tmp_path / "new" / "folder" / "page.html")
    assert not (tmp_path / "new").exists()


def test_inputs_are_never_outputs(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"id": 1}\n')
    link = tmp_path / "link.jsonl"
    link.symlink_to(source)
    for name in (source, link, tmp_path / "." / "in.jsonl"):
        with pytest.raises(InputError, match="is read here"):
            check_output(name, inputs=(source,), ours=starts_with_row("id"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "not a usable name"),
        ("a\0b", "not a usable name"),
        ("folder/", "not a usable name"),
        ("/dev/full", "device"),
    ],
)
def test_names_that_cannot_be_written(name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        check_output(name)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a folder"):
        check_output(tmp_path / "file" / "below" / "page.html")
    with pytest.raises(InputError, match="a folder"):
        check_output(tmp_path)
    with pytest.raises(InputError, match="too long"):
        check_output(tmp_path / ("x" * 300))
    with pytest.raises(InputError, match="cannot be written"):
        check_output("/proc/nowhere/page.html")  # whose folder says that it may be written to
    check_output(tmp_path / "new" / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(InputError, match="the folder that you are in"):
        check_folder_name(Path(""))  # a variable of the shell that was never set
    with pytest.raises(StorageError, match="not a plain file"):
        write_text_atomic("/dev/null", "text")
    assert Path("/dev/null").is_char_device()


def test_one_process_appends_and_a_torn_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a"')
    with open_appending(path) as file:
        file.write(b'{"a": 2}\n')
        with pytest.raises(InputError, match="another process"):
            open_appending(path)
    assert path.read_bytes() == b'{"a": 1}\n{"a": 2}\n'
    assert os.listdir(tmp_path) == ["rows.jsonl"]


def test_what_a_killed_writer_left_is_removed_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "settings[1].json"
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    (tmp_path / f".settings[1].json.{ended.pid}-0.tmp").write_text("{")
    (tmp_path / f".settings[1].json.{os.getppid()}-0.tmp").write_text("{")
    (tmp_path / f".other.json.{ended.pid}-0.tmp").write_text("{")
    write_json_atomic(path, {"a": 1})
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["settings[1].json", f".settings[1].json.{os.getppid()}-0.tmp", f".other.json.{ended.pid}-0.tmp"]
    )


def test_a_folder_may_have_any_name_but_a_files(tmp_path: Path) -> None:
    for name in ("run", "run.1", "smollm2-0.1"):
        check_folder_name(tmp_path / name)
    (tmp_path / "there.jsonl").mkdir()
    check_folder_name(tmp_path / "there.jsonl")
    with pytest.raises(InputError, match=r"leave out \.jsonl"):
        check_folder_name(tmp_path / "out.jsonl")
