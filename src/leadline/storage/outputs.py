"""Writing files: whole or not at all, and never over what is not ours.

Nothing here leaves half a file: a write goes to a file beside the target, is synced, and only then renamed over
it: a full disk or a killed process leaves the earlier file as it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from leadline.errors import InputError, StorageError
from leadline.storage.reading import why

__all__ = [
    "check_folder_name",
    "check_output",
    "check_output_folder",
    "cut_torn_tail",
    "is_our_page",
    "open_appending",
    "refusals_as_storage_errors",
    "replacing",
    "starts_with_row",
    "sync",
    "write_text_atomic",
]

PAGE_MARK = b'<meta name="generator" content="leadline'
"""Stands in the head of every page that leadline writes."""
FILE_ENDINGS = (".jsonl", ".json", ".gz", ".csv", ".parquet", ".html", ".yaml", ".txt", ".md")
_HEAD = 2**20
_counter = itertools.count()


def check_output(
    path: str | Path,
    *,
    inputs: tuple[str | Path, ...] = (),
    ours: Callable[[bytes], bool] = lambda head: False,
) -> None:
    """Refuse to write to ``path`` before any work is done for it.

    Args:
        path: the file that is to be written, or replaced.
        inputs: files that are read; none of them is ever written to.
        ours: tells from the first MiB of a file that is there whether leadline wrote it, so that it may be replaced.

    Raises:
        InputError: no name of a file, a folder, a device, one of the inputs, a file that is not ours, or a place
            where nothing can be written.
    """
    path = _usable(path, "file")
    if any(_same(path, Path(other)) for other in inputs):
        raise InputError(f"{path}: is read here, so nothing is written over it; choose another name")
    with _refusals_as_input_errors(path):
        if path.exists():
            _check_replaceable(path, ours)
        _check_folder(path.absolute().parent, path)


def check_folder_name(path: Path) -> None:
    """Refuse a name that somebody gave for a folder by a slip: of a file where nothing is yet, or no name at all.

    Raises:
        InputError: says so.
    """
    if path == Path():
        raise InputError(f"{str(path)!r}: the folder that you are in; name one of its own")
    if path.suffix in FILE_ENDINGS and not path.exists():
        raise InputError(f"{path}: the name of a file, and a folder is written; leave out {path.suffix}")


def check_output_folder(path: str | Path, *, mark: str, files: tuple[str, ...] = ()) -> None:
    """Refuse to write into the folder ``path``, or to make it, before any work is done for it.

    Args:
        path: the folder.
        mark: the file that stands in every such folder that leadline made.
        files: names that would be written or replaced: none of them may stand in a folder without the mark.

    Raises:
        InputError: no name of a folder, a file, a folder with files of somebody else's, or a place where nothing can
            be written.
    """
    path = _usable(path, "folder")
    with _refusals_as_input_errors(path):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path}: a file, where a folder is to be written; choose another name")
        _check_folder(path.absolute(), path)
        if not (path / mark).exists():
            for name in files:
                if (path / name).exists():
                    raise InputError(f"{path / name}: exists, and is not replaced; choose another folder")


def is_our_page(head: bytes) -> bool:
    """Whether a file that starts like this is a page that leadline wrote."""
    return PAGE_MARK in head


def starts_with_row(*keys: str) -> Callable[[bytes], bool]:
    """A test for :func:`check_output`: whether the first line is a JSON object that has all of ``keys``.

    >>> starts_with_row("id")(b'{"id": 1}\\n'), starts_with_row("id")(b"A thesis.\\n")
    (True, False)
    """

    def test(head: bytes) -> bool:
        try:
            row = json.loads(head.partition(b"\n")[0])
        except (ValueError, RecursionError):
            return False
        return isinstance(row, dict) and row.keys() >= set(keys)

    return test


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8 in one step: readers see the earlier file or the new one, never half of it.

    Raises:
        StorageError: the disk refused; an earlier file of that name is untouched.
    """
    path = Path(path)
    with replacing(path) as stream, refusals_as_storage_errors(path):
        stream.write(text.encode("utf-8", "replace"))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside ``path``; rename it over ``path`` when the body ends well, else remove it.

    Raises:
        StorageError: the disk refused; an earlier file of that name is untouched.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-{next(_counter)}.tmp")
    with refusals_as_storage_errors(path):
        if path.exists() and not path.is_file():
            raise StorageError(f"{path}: cannot write: not a plain file")
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(path)
        stream = open(aside, "xb")  # noqa: SIM115 - closed below, before the rename
    try:
        yield stream
        with refusals_as_storage_errors(path):
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()
            os.replace(aside, path)
            sync(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):  # close flushes, and may meet the same full disk again
            stream.close()
        with contextlib.suppress(OSError):  # already renamed, or a disk that refuses this too
            aside.unlink(missing_ok=True)
        raise


def _remove_unfinished(path: Path) -> None:
    """Remove what processes that were killed while they wrote ``path`` have left beside it."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*-*.tmp"):
        pid = left.name.removeprefix(f".{path.name}.").partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            left.unlink(missing_ok=True)


def cut_torn_tail(descriptor: int, path: Path, block: int = 65536) -> None:
    """Cut an open file after its last newline: half a line, left by a process that was killed while it wrote.

    Raises:
        StorageError: the disk refused.
    """
    with refusals_as_storage_errors(path):
        end = size = os.fstat(descriptor).st_size
        while end > 0:
            start = max(0, end - block)
            newline = os.pread(descriptor, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(descriptor, end)


def open_appending(path: Path) -> IO[bytes]:
    """Open a file to append rows to, made where there is none; one process at a time, a torn last line cut off.

    Raises:
        InputError: another process is writing to it.
        StorageError: the disk refused.
    """
    with refusals_as_storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "ab+")  # noqa: SIM115 - handed to the caller, who closes it
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        cut_torn_tail(file.fileno(), path)
    except OSError as error:
        file.close()
        raise InputError(f"{path}: another process is writing to it") from error
    return file


@contextlib.contextmanager
def refusals_as_storage_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the body (disk full, read-only, no permission, ...) into a `StorageError`."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot write: {why(error)}") from error


@contextlib.contextmanager
def _refusals_as_input_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {why(error)}") from error


def _usable(path: str | Path, what: str) -> Path:
    name, path = str(path), Path(path)
    names_a_folder = path.name in ("", "..") or name.endswith("/")
    if not name or "\0" in name or (what == "file" and names_a_folder):
        raise InputError(f"{name!r}: not a usable name of a {what}")
    return path


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return path.absolute() == other.absolute()


def _check_replaceable(path: Path, ours: Callable[[bytes], bool]) -> None:
    if path.is_dir():
        raise InputError(f"{path}: a folder, where a file is to be written")
    if not path.is_file():
        raise InputError(f"{path}: a device, not a file")
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head and not ours(head):
        raise InputError(f"{path}: exists, and is not replaced; remove it, or choose another name")


def _check_folder(folder: Path, path: Path) -> None:
    """The nearest folder that exists must be one, and writable."""
    missing = None
    while not folder.exists() and folder != folder.parent:
        missing, folder = folder, folder.parent
    if not folder.is_dir():
        raise InputError(f"{path}: cannot be written: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{path}: cannot be written: no permission in {folder}")
    if missing is not None:  # /proc, say, refuses only then
        with contextlib.suppress(FileExistsError):  # made meanwhile by somebody else
            missing.mkdir()
            with contextlib.suppress(OSError):  # who has put something there
                missing.rmdir()


def sync(path: Path) -> None:
    """Have the disk keep a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
