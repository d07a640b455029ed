"""Hostile inputs for every command, made by kind: what ``hostile.py`` gives to the command line.

None of them is a file of tests: the kinds are crossed with the places where a command reads something. A good input of
each command stands beside them (``USUAL``), for the memory that it takes anyway.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import pickle
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file, save_file


@dataclass(frozen=True)
class Case:
    """One hostile input: what lies in the folder is made by ``make``, the command is ``words``."""

    name: str
    words: tuple[str, ...]
    files: dict[str, Any]
    says: str = ""
    lines: int = 1
    code: int = 2

    @property
    def command(self) -> str:
        """What its memory is held against."""
        return self.name.partition("/")[0]


GONE = object()
"""A file of the good inputs that is not there."""

SAMPLES = [
    {
        "problem_id": f"p{i}",
        "prompt": f"{i}+1=",
        "gold": str(i + 1),
        "completion": rf"\boxed{{{i + k % 2 + 1}}}",
        "n_tokens": 5 + k,
        "correct": k % 2 == 0,
        "logprob": -1.5 - k,
    }
    for i in range(6)
    for k in range(4)
]
PROBLEMS = [{"id": f"p{i}", "prompt": f"{i}+1=", "answer": str(i + 1)} for i in range(6)]
ANSWERS = [{"response": rf"\boxed{{{i}}}", "gold": str(i + i % 2)} for i in range(8)]

USUAL: Mapping[str, tuple[str, ...]] = {
    "run": ("run", "r.yaml", "--out", "o", "--dry-run"),
    "eval": ("eval", "s.jsonl", "--data", "p.jsonl", "--samples", "4", "--out", "o"),
    "probe": ("probe", "s.jsonl", "--data", "p.jsonl"),
    "compare": ("compare", "s.jsonl", "s.jsonl"),
    "grade": ("grade", "g.jsonl", "--out", "o.jsonl"),
    "convert": ("convert", "s.jsonl", "--out", "o.jsonl"),
    "export": ("export", "s.jsonl", "--to", "inspect", "--out", "o.json"),
    "model": ("model", "show", "m"),
    "sample": ("sample", "m", "1+1=", "--max-tokens", "4"),
    "study": ("study", "depth", "--quick", "--out", "o", "--dry-run"),
    "audit": ("audit", "d"),
    "watch": ("watch", "d", "--once"),
    "report": ("report", "d", "--out", "o.html"),
    "recipes": ("recipes", "list"),
    "launch": ("launch", "trl", "r.yaml", "--model", "m", "--set", "backend=trl"),
}
"""A good call of every command."""


def make_good(place: Path) -> Path:
    """The good inputs: a model, a GGUF file, a run, and the rows above."""
    from fake_run import make_run
    from tiny import TINY_RECIPE
    from tiny_gguf import write_tiny_gguf
    from tiny_model import save_tiny_model

    save_tiny_model(place / "m")
    write_tiny_gguf(place / "m.gguf")
    make_run(place / "d", steps=20, problems=20)
    (place / "r.yaml").write_text(TINY_RECIPE)
    for name, rows in (("s.jsonl", SAMPLES), ("p.jsonl", PROBLEMS), ("g.jsonl", ANSWERS)):
        (place / name).write_bytes(lines(rows))
    (place / "thesis.txt").write_text("A thesis.\n")
    (place / "thesis.json").write_text('{"a": "thesis"}\n')
    (place / "theses").mkdir()
    (place / "theses" / "one.txt").write_text("A thesis.\n")
    return place


def lay(here: Path, good: Path, case: Case) -> None:
    """Put into ``here`` the good inputs that a case names, and its own files over them."""
    mentioned = " ".join((*case.words, *case.files))
    for path in good.iterdir():
        if path.name in mentioned or path.name.startswith("thes"):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, here / path.name)
    for name, content in case.files.items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is GONE:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        elif callable(content):
            content(path)
        else:
            path.write_bytes(
                content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
            )


def lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


# --- files that no reader of rows can use ---


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _zip(**members: bytes) -> bytes:
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return place.getvalue()


def _parquet(**columns: Any) -> bytes:
    place = io.BytesIO()
    pq.write_table(pa.table(columns), place)
    return place.getvalue()


def _database(path: Path) -> None:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as base:
        base.execute("create table samples (problem_id text, completion text)")
    base.close()


def _to(target: str) -> Callable[[Path], None]:
    return lambda path: (path.unlink(missing_ok=True), path.symlink_to(target))


def _canary(path: Path) -> None:
    class Canary:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.system, ("touch CANARY",))

    path.write_bytes(pickle.dumps(Canary()))


def files(good: bytes) -> dict[str, Any]:
    """Kinds of files, made from a good one where it helps."""
    half = len(good) // 2
    packed = _packed(good * 50)
    return {
        "empty": b"",
        "blank": b"\n \n\t\n" * 100,
        "missing": GONE,
        "noise": bytes(range(256)) * 40,
        "utf16": good.decode().encode("utf-16"),
        "utf32": good.decode().encode("utf-32"),
        "latin1": good + '{"id": "Stück"}\n'.encode("latin-1"),
        "gzip cut off": packed[: len(packed) // 2],
        "gzip bad checksum": packed[:-8] + b"\0" * 8,
        "gzip of gzip": _packed(_packed(good)),
        "gzip and noise": _packed(good) + b"noise",
        "gzip head alone": b"\x1f\x8b\x08",
        "gzip bomb": _packed(b"[" * 2**28),
        "gzip bomb of lines": _packed(b"{}\n" * 2**24),
        "zstd": b"\x28\xb5\x2f\xfd" + good,
        "xz": b"\xfd7zXZ\x00" + good,
        "bzip2": b"BZh9" + good,
        "tar": b"./s.jsonl".ljust(512, b"\0") + good,
        "deep list": b"[" * 100_000,
        "deep object": b'{"a":' * 100_000,
        "scalars": b"1\n2\n3\n",
        "texts": b'"a"\n"b"\n',
        "nulls": b"null\n" * 5,
        "lists": b"[1, 2]\n[3]\n",
        "page": b"<!doctype html><html><body>404 Not Found</body></html>\n",
        "long line": b'{"id": "' + b"x" * (17 * 2**20) + b'"}\n',
        "million values": b'{"a": [' + b"0," * 1_100_000 + b"0]}\n",
        "cut in a row": good[: half + 3] if good[half + 2 : half + 3] != b"\n" else good[: half + 2],
        "two objects a line": good.replace(b"\n", b" ", 1),
        "single quotes": good.replace(b'"', b"'"),
        "comments": b"// samples\n" + good,
        "trailing commas": good.replace(b"}", b",}"),
        "nul bytes": good.replace(b"p", b"\0"),
        "yaml": b"- problem_id: p\n  completion: x\n",
        "toml": b'[[rows]]\nid = "p"\n',
        "pickle": _canary,
        "database": _database,
        "device": _to("/dev/zero"),
        "loop of links": lambda path: _to(path.name)(path),
        "link to nothing": _to("nowhere"),
        "folder": lambda path: (path.unlink(missing_ok=True), path.mkdir()),
        "huge integer": b'{"id": ' + b"9" * 100_000 + b"}\n",
        "parquet cut off": b"PAR1" + good,
        "open brace": b"{\n",
        "only an array's head": b"[",
    }


_STREAM = ("two objects a line",)  # JSON documents one after another, whatever their lines
TAKEN = {"eval": _STREAM, "run": _STREAM, "probe": _STREAM, "compare": _STREAM, "convert": _STREAM, "export": _STREAM,
         "grade": ("latin1", "tar", "cut in a row", "two objects a line", "comments")}  # fmt: skip
"""What a command takes: for ``grade`` a row that it cannot read costs itself alone."""


def _file_cases() -> Iterator[Case]:
    places = {
        "probe": ("s.jsonl", ("probe", "s.jsonl"), SAMPLES),
        "compare": ("x.jsonl", ("compare", "s.jsonl", "x.jsonl"), SAMPLES),
        "convert": ("s.jsonl", ("convert", "s.jsonl", "--out", "o.jsonl"), SAMPLES),
        "export": ("s.jsonl", ("export", "s.jsonl", "--to", "dataset", "--out", "o"), SAMPLES),
        "grade": ("g.jsonl", ("grade", "g.jsonl", "--out", "o.jsonl"), ANSWERS),
        "eval": (
            "p.jsonl",
            ("eval", "s.jsonl", "--data", "p.jsonl", "--samples", "4", "--out", "o"),
            PROBLEMS,
        ),
        "run": ("p.jsonl", ("run", "r.yaml", "--data", "p.jsonl", "--out", "o"), PROBLEMS),
    }
    for command, (name, words, rows) in places.items():
        for kind, content in files(lines(rows)).items():
            if kind in TAKEN.get(command, ()):
                continue
            yield Case(f"{command}/file: {kind}", words, {name: content}, name, 52)


# --- samples ---


def _changed(rows: list[dict[str, Any]], at: int = 3, **values: Any) -> bytes:
    row = {key: value for key, value in {**rows[at], **values}.items() if value is not GONE}
    return lines([*rows[:at], row, *rows[at + 1 :]])


SAMPLE_ROWS: dict[str, dict[str, Any]] = {
    "no id": {"problem_id": GONE, "prompt": GONE},
    "id null": {"problem_id": None, "prompt": GONE},
    "id a list": {"problem_id": ["p0"]},
    "id an object": {"problem_id": {"a": 1}},
    "id a fraction": {"problem_id": 1.5},
    "id true": {"problem_id": True},
    "id of 10 MB": {"problem_id": "x" * 10**7},
    "completion null": {"completion": None, "correct": GONE},
    "completion a number": {"completion": 3},
    "completion a list": {"completion": ["a", "b"]},
    "correct maybe": {"correct": "maybe"},
    "correct 2": {"correct": 2},
    "correct -1": {"correct": -1},
    "correct a list": {"correct": [True]},
    "correct an object": {"correct": {"v": True}},
    "tokens negative": {"n_tokens": -5},
    "tokens a fraction": {"n_tokens": 1.5},
    "tokens 2^63": {"n_tokens": 2**63},
    "tokens text": {"n_tokens": "many"},
    "tokens 1e300": {"n_tokens": 1e300},
    "tokens a list": {"n_tokens": [5]},
    "logprob text": {"logprob": "low"},
    "logprob a list": {"logprob": [-1.0, "x"]},
    "finished text": {"finished": "no"},
    "finished 2": {"finished": 2},
}

COUNT_ROWS: dict[str, dict[str, Any]] = {
    "more right than there are": {"n_correct": 9, "n_samples": 8},
    "negative": {"n_correct": -1},
    "a fraction": {"n_correct": 1.5},
    "text": {"n_correct": "one"},
    "null": {"n_correct": None},
    "true": {"n_samples": True},
    "no samples": {"n_samples": 0},
    "of 10^15": {"n_samples": 10**15},
    "1e308": {"n_samples": 1e308},
    "a list": {"n_samples": [8]},
    "sums too large": {"n_correct": 5, "n_truncated": 5},
    "tokens negative": {"mean_tokens": -1.0},
    "tokens text": {"mean_tokens": "x"},
    "unscorable text": {"n_unscorable": "x"},
    "truncated negative": {"n_truncated": -2},
    "id a list": {"problem_id": [1]},
}


UNREAD = (
    "completion a number",
    "completion a list",
    "tokens a fraction",
    "logprob text",
    "logprob a list",
)
"""Kinds that counting passes over where a verdict is stated; what reads the samples themselves does not."""


def _sample_cases() -> Iterator[Case]:
    commands = {
        "probe": ("probe", "x.jsonl"),
        "compare": ("compare", "s.jsonl", "x.jsonl"),
        "convert": ("convert", "x.jsonl", "--out", "o.jsonl"),
        "export": (
            "export",
            "x.jsonl",
            "--to",
            "eval-results",
            "--benchmark",
            "a/b",
            "--model",
            "m",
            "--out",
            "o.yaml",
        ),
        "eval": ("eval", "x.jsonl", "--data", "p.jsonl", "--samples", "4", "--out", "o"),
    }
    for number, (kind, values) in enumerate(SAMPLE_ROWS.items()):
        for command in ["eval"] if kind in UNREAD else [*commands][number % 2 : 4 : 2]:
            yield Case(
                f"{command}/sample: {kind}",
                commands[command],
                {"x.jsonl": _changed(SAMPLES, **values)},
                "x.jsonl",
            )
    counts = [{"problem_id": f"p{i}", "n_correct": i, "n_samples": 8} for i in range(9)]
    for number, (kind, values) in enumerate(COUNT_ROWS.items()):
        command = ("probe", "compare")[number % 2]
        files = {"x.jsonl": _changed(counts, **values)}
        words = ("probe", "x.jsonl") if command == "probe" else ("compare", "x.jsonl", "x.jsonl")
        yield Case(f"{command}/counts: {kind}", words, files, "x.jsonl", 2)
    yield from _layout_cases()


def _layout_cases() -> Iterator[Case]:
    s = lines(SAMPLES)
    other = {
        "csv without rows": ("x.csv", b"problem_id,completion\n"),
        "csv of one column": ("x.csv", b"a\n1\n2\n"),
        "csv twice the same head": ("x.csv", b"problem_id,correct,correct\np,1,0\n"),
        "csv of a large field": ("x.csv", b"problem_id,completion\np," + b"x" * 300_000 + b"\n"),
        "csv ragged": ("x.csv", b"problem_id,correct\np,1\np,1,2,3\n"),
        "csv open quote": ("x.csv", b'problem_id,correct\n"p,1\n'),
        "csv nul": ("x.csv", b"problem_id,correct\0\np,1\n"),
        "csv not UTF-8": ("x.csv", b"problem_id,correct\n\xff,1\n"),
        "json of a text": ("x.json", b'"hello"'),
        "json array of numbers": ("x.json", b"[1, 2, 3]"),
        "json empty array": ("x.json", b"[]"),
        "json empty object": ("x.json", b"{}"),
        "json cut off": ("x.json", b'[{"problem_id": "p"'),
        "json deep": ("x.json", b"[" * 200_000 + b"]" * 200_000),
        "zip of nothing": ("x.zip", _zip()),
        "zip of a text": ("x.zip", _zip(**{"a.txt": b"hello"})),
        "zip upwards": ("x.zip", _zip(**{"../../up.json": b"{"})),
        "zip bomb": ("x.eval", _zip(**{"header.json": b"{", "samples/a.json": b" " * 2**27})),
        "zip cut off": ("x.zip", _zip(**{"a.json": s})[:-30]),
        "zip noise": ("x.zip", b"PK\x03\x04" + b"\x99" * 500),
        "parquet without rows": ("x.parquet", _parquet(problem_id=pa.array([], pa.string()))),
        "parquet other columns": ("x.parquet", _parquet(a=[1, 2], b=["x", "y"])),
        "parquet nested": ("x.parquet", _parquet(problem_id=["p"], completion=[[{"a": 1}]])),
        "parquet binary": ("x.parquet", _parquet(problem_id=["p"], completion=[b"\xff\xfe"])),
        "parquet noise": ("x.parquet", b"PAR1" + os.urandom(400) + b"PAR1"),
        "parquet long foot": ("x.parquet", b"PAR1" + b"\0" * 40 + struct.pack("<I", 2**31 - 1) + b"PAR1"),
        "eval log of nothing": ("x.json", json.dumps({"eval": {}, "samples": []}).encode()),
        "eval log of wrong samples": (
            "x.json",
            json.dumps({"eval": {"model": 3}, "samples": [{"id": {}, "scores": 5}]}).encode(),
        ),
        "verl scores text": ("x.jsonl", lines([{"input": "a", "output": "b", "score": "high"}])),
        "verl scores graded": (
            "x.jsonl",
            lines([{"input": "a", "output": "b", "score": s} for s in (0.25, 0.75)]),
        ),
        "lm_eval without answers": ("x.jsonl", lines([{"doc_id": 1, "doc": {}, "resps": []}])),
        "lm_eval odd answers": ("x.jsonl", lines([{"doc_id": 1, "doc": 5, "resps": {"a": 1}}])),
        "nested without rollouts": ("x.jsonl", lines([{"problem_id": "p", "rollouts": 3}])),
        "two layouts": ("x.jsonl", s + lines([{"input": "a", "output": "b", "score": 1.0}])),
        "no columns that are known": ("x.jsonl", lines([{"foo": 1, "bar": 2}])),
        "columns with control characters": ("x.jsonl", lines([{"\x1b[31mred\x1b[0m": 1, "\u202eright": 2}])),
        "ten thousand columns": ("x.jsonl", lines([{f"c{i}": i for i in range(10_000)}])),
    }
    for number, (kind, (name, content)) in enumerate(other.items()):
        command = ("probe", "convert", "compare", "export")[number % 4]
        words = {
            "probe": ("probe", name),
            "convert": ("convert", name, "--out", "o.jsonl"),
            "compare": ("compare", name, "s.jsonl"),
            "export": ("export", name, "--to", "inspect", "--out", "o.json"),
        }[command]
        yield Case(f"{command}/layout: {kind}", words, {name: content}, name, 3)


# --- problems ---

PROBLEM_ROWS: dict[str, dict[str, Any]] = {
    "no prompt": {"prompt": GONE},
    "prompt null": {"prompt": None},
    "prompt empty": {"prompt": ""},
    "prompt blank": {"prompt": " \n "},
    "prompt a number": {"prompt": 5},
    "prompt an object": {"prompt": {"a": 1}},
    "prompt turns without a user": {"prompt": [{"role": "system", "content": "x"}]},
    "messages without content": {"messages": [{"role": "user"}]},
    "messages of an odd role": {"messages": [{"role": "wizard", "content": "x"}]},
    "no answer": {"answer": GONE},
    "answer empty": {"answer": ""},
    "answer null": {"answer": None},
    "answer a list": {"answer": ["3", "4"]},
    "answer an object": {"answer": {"v": 3}},
    "answer nan": {"answer": "nan"},
    "answer unreadable": {"answer": "\\frac{1}{"},
    "answer true": {"answer": True},
    "solution without a box": {"answer": GONE, "solution": "three"},
    "id of another": {"id": "p0", "prompt": "9+9=", "answer": "18"},
    "id a list": {"id": [1]},
    "answer of 100,000 digits": {"answer": "9" * 100_000},
    "answer deep": {"answer": "(" * 5000 + "1" + ")" * 5000},
    "answer a tower": {"answer": "9^{9^{9^{9}}}"},
}


def _problem_cases() -> Iterator[Case]:
    for number, (kind, values) in enumerate(PROBLEM_ROWS.items()):
        command = ("eval", "probe", "run")[number % 3]
        words = {
            "eval": ("eval", "m", "--data", "x.jsonl", "--samples", "1", "--max-tokens", "4", "--out", "o"),
            "probe": ("probe", "s.jsonl", "--data", "x.jsonl"),
            "run": ("run", "r.yaml", "--data", "x.jsonl", "--out", "o"),
        }[command]
        yield Case(
            f"{command}/problem: {kind}", words, {"x.jsonl": _changed(PROBLEMS, **values)}, "x.jsonl", 3
        )
    gym = {
        "gym:nothing": "nothing",
        "gym:": "gym",
        "gym:chain_sum?size=-1": "size",
        "gym:chain_sum?size=x": "size",
        "gym:chain_sum?nope=1": "nope",
        "gym:chain_sum?size=5,size=6": "size",
        "gym:chain_sum?size": "size",
        "gym:../../etc?size=1": "etc",
        "gym:chain_sum?min_terms=9,max_terms=2": "chain_sum",
        "gym:chain_sum?size=[1": "gym",
        "gym:chain_sum?seed=nan": "seed",
    }
    for number, (name, place) in enumerate(gym.items()):
        command = ("eval", "probe")[number % 2]
        words = (
            ("eval", "m", "--data", name, "--out", "o")
            if command == "eval"
            else ("probe", "s.jsonl", "--data", name)
        )
        yield Case(f"{command}/data: {name}", words, {}, place, 2)
    folder = {
        "empty folder": {"x/.keep": b""},
        "folder of texts": {"x/a.txt": b"hello"},
        "folder of a script": {"x/x.py": b"open('CANARY', 'w')\n"},
        "folder that reads outside": {
            "x/README.md": "---\nconfigs:\n- config_name: default\n  data_files: /etc/passwd\n---\n"
        },
        "folder whose card is a bomb": {
            "x/README.md": "---\n" + _bomb() + "---\n",
            "x/a.jsonl": b'{"prompt": "a"}\n',
        },
    }
    for kind, content in folder.items():
        yield Case(f"eval/data: {kind}", ("eval", "m", "--data", "x", "--out", "o"), content, "x", 3)


def _bomb() -> str:
    names = "abcdefghi"
    out = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in itertools.pairwise(names):
        out += f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    return out


# --- answers to grade ---

ANSWER_ROWS: dict[str, dict[str, Any]] = {
    "no response": {"response": GONE},
    "response null": {"response": None},
    "response a list": {"response": ["1"]},
    "gold null": {"gold": None},
    "gold an object": {"gold": {}},
    "response true": {"response": True},
    "finished text": {"finished": "yes"},
    "finished null": {"finished": None},
    "no gold": {"gold": GONE},
}


def _grade_cases() -> Iterator[Case]:
    grade = ("grade", "g.jsonl", "--out", "o.jsonl")
    for kind, values in ANSWER_ROWS.items():
        yield Case(
            f"grade/answer: {kind}", grade, {"g.jsonl": _changed(ANSWERS[:1], at=0, **values)}, "g.jsonl:1", 2
        )
    options = {
        "--workers=-1": "workers",
        "--workers=100000": "workers",
        "--timeout-s=nan": "timeout",
        "--timeout-s=inf": "timeout",
        "--timeout-s=-1": "timeout",
        "--timeout-s=1e9": "timeout",
        "--memory-mb=0": "memory",
        "--memory-mb=-5": "memory",
        "--memory-mb=99999999999": "memory",
        "--workers=two": "--workers",
        "--timeout-s=soon": "--timeout-s",
        "--nope": "--nope",
    }
    for option, place in options.items():
        yield Case(f"grade/option: {option}", (*grade, option), {}, place, 2)
    for out, place in OUTS.items():
        yield Case(f"grade/out: {out or 'nothing'}", ("grade", "g.jsonl", "--out", out), {}, place)
    resumed: dict[str, Any] = {
        "a thesis": ("thesis.txt", {}),
        "noise": ("x.jsonl", {"x.jsonl": b"\xff\xfe\x00noise"}),
        "grades of another file": (
            "x.jsonl",
            {"x.jsonl": lines([{"line": 1, "reason": "match", "response": "no", "gold": "no"}])},
        ),
        "grades in another order": (
            "x.jsonl",
            {
                "x.jsonl": lines(
                    [
                        {**ANSWERS[3], "line": 4, "reason": "match"},
                        {**ANSWERS[0], "line": 1, "reason": "match"},
                    ]
                )
            },
        ),
        "a folder": ("theses", {}),
        "the input": ("g.jsonl", {}),
        "lists": ("x.jsonl", {"x.jsonl": b"[1]\n"}),
        "a reason that is none": ("x.jsonl", {"x.jsonl": lines([{**ANSWERS[0], "line": 1, "reason": None}])}),
        "more grades than rows": (
            "x.jsonl",
            {"x.jsonl": lines([{**a, "line": i, "reason": "match"} for i, a in enumerate(ANSWERS * 2, 1)])},
        ),
    }
    for kind, (out, more) in resumed.items():
        yield Case(f"grade/resume: {kind}", ("grade", "g.jsonl", "--out", out, "--resume"), more, out)


OUTS = {
    "": "not a usable name",
    "thesis.txt": "thesis.txt",
    "theses": "theses",
    "thesis.txt/o.jsonl": "thesis.txt",
    "/dev/null": "/dev/null",
    ".": "'.'",
    "..": "'..'",
    "x" * 300: "name",
    "/proc/nowhere/o.jsonl": "/proc/nowhere",
}
"""Places where nothing can be written, or where something stands that is not ours."""


def _out_cases() -> Iterator[Case]:
    writers = {
        "convert": (("convert", "s.jsonl"), "--out"),
        "export": (("export", "s.jsonl", "--to", "inspect"), "--out"),
        "probe": (("probe", "s.jsonl"), "--html"),
        "compare": (("compare", "s.jsonl", "s.jsonl"), "--html"),
        "report": (("report", "d"), "--out"),
        "watch": (("watch", "d", "--once"), "--html"),
    }
    for command, (words, option) in writers.items():
        for out, place in OUTS.items():
            yield Case(f"{command}/{option}: {out[:20] or 'nothing'}", (*words, option, out), {}, place)
    folders = {
        "eval": ("eval", "s.jsonl", "--data", "p.jsonl", "--samples", "4", "--out"),
        "run": ("run", "r.yaml", "--out"),
        "study": ("study", "depth", "--quick", "--seeds", "1", "--steps", "2", "--workers", "0", "--out"),
        "model": ("model", "import", "m.gguf", "--out"),
    }
    for command, words in folders.items():
        for out in (
            "thesis.txt",
            "theses",
            "thesis.txt/o",
            "/dev/null",
            "/proc/nowhere/o",
            "x" * 300,
            "",
            "o.jsonl",
        ):
            if out == "o.jsonl" and command != "eval":
                continue
            if out != "theses" or command == "model":  # beside files of other names a run may lie
                yield Case(f"{command}/--out: {out[:20] or 'nothing'}", (*words, out), {}, out[:20])
    inputs = {
        "convert over its input": ("convert", "s.jsonl", "--out", "s.jsonl"),
        "convert over a link to its input": ("convert", "s.jsonl", "--out", "l.jsonl"),
        "export over its input": ("export", "s.jsonl", "--to", "inspect", "--out", "s.jsonl"),
        "probe over its data": ("probe", "s.jsonl", "--data", "p.jsonl", "--write-problems", "p.jsonl"),
        "probe over a thesis": ("probe", "s.jsonl", "--data", "p.jsonl", "--write-problems", "thesis.txt"),
        "report over a record": ("report", "d", "--out", "d/metrics.jsonl"),
        "report over the recipe": ("report", "d", "--out", "d/recipe.yaml"),
        "report over the summary": ("report", "d", "--out", "d/summary.json"),
        "watch over a record": ("watch", "d", "--once", "--html", "d/metrics.jsonl"),
        "convert over problems": ("convert", "s.jsonl", "--data", "p.jsonl", "--out", "p.jsonl"),
        "convert over another tool's rows": ("convert", "s.jsonl", "--out", "x.jsonl"),
        "export over a card without marks": ("export", "s.jsonl", "--to", "dataset", "--out", "cards"),
        "export over another log": ("export", "s.jsonl", "--to", "inspect", "--out", "thesis.json"),
        "probe the page over the kept problems": (
            "probe",
            "s.jsonl",
            "--data",
            "p.jsonl",
            "--html",
            "o.x",
            "--write-problems",
            "o.x",
        ),
    }
    extra = {
        "l.jsonl": {"l.jsonl": _to("s.jsonl")},
        "x.jsonl": {"x.jsonl": lines([{"problem_id": "mine", "note": "work of a week"}])},
        "cards": {"cards/README.md": b"# Mine\n"},
    }
    for kind, words in inputs.items():
        more = next((files for name, files in extra.items() if name in words), {})
        yield Case(f"{words[0]}/{kind}", words, more, words[-1])


# --- options ---


def _option_cases() -> Iterator[Case]:
    probe, compare = ("probe", "s.jsonl"), ("compare", "s.jsonl", "s.jsonl")
    export = ("export", "s.jsonl", "--out", "o.x", "--to")
    ask = ("eval", "m", "--data", "p.jsonl", "--out", "o", "--max-tokens", "4", "--samples")
    served = ("eval", "m", "--data", "p.jsonl", "--out", "o", "--samples", "1", "--patience", "0", "--url")
    words = {
        "--format nope": (*probe, "--format", "nope"),
        "--format of another": (*probe, "--format", "verl"),
        "--columns nope": (*probe, "--columns", "nope"),
        "--columns of no field": (*probe, "--columns", "foo=bar"),
        "--columns of no column": (*probe, "--columns", "gold=nowhere"),
        "--columns twice": (*probe, "--columns", "gold=gold,gold=prompt"),
        "--columns empty": (*probe, "--columns", "gold="),
        "--pass-at nan": (*probe, "--pass-at", "nan"),
        "--pass-at text": (*probe, "--pass-at", "half"),
        "--tokenizer of nothing": (*probe, "--tokenizer", "nowhere/at/all"),
        "--tokenizer a file": (*probe, "--tokenizer", "thesis.txt"),
        "--tokenizer a folder": (*probe, "--tokenizer", "theses"),
        "--group 10^9": (*probe, "--group", "1000000000"),
        "--group text": (*probe, "--group", "eight"),
        "--batch 0": (*probe, "--batch", "0"),
        "--steps -1": (*probe, "--steps", "-1"),
        "--against nothing": (*probe, "--against", "nowhere.jsonl"),
        "--engine nope": (*probe, "--engine", "abacus"),
        "no source": ("probe",),
        "a pattern of nothing": ("probe", "*.nothing"),
        "RUN:ARM of no run": ("probe", "nowhere:grpo"),
        "RUN:ARM of no arm": ("probe", "d:nowhere"),
        "RUN:ARM upwards": ("probe", "d:../../etc"),
        "a name with nul": ("probe", "a\0b"),
        "a long name": ("probe", "x" * 5000),
        "a model without data": ("probe", "m"),
        "temperature nan": (*probe, "--temperature", "nan"),
        "limit 0": (*probe, "--limit", "0"),
        "compare --tau 2": (*compare, "--tau", "2"),
        "compare --tau inf": (*compare, "--tau", "inf"),
        "compare --repeat nothing": (*compare, "--repeat", "nowhere.jsonl"),
        "compare of one": ("compare", "s.jsonl"),
        "compare with other problems": ("compare", "s.jsonl", "x.jsonl"),
        "export --to nope": (*export, "nope"),
        "export eval-results without a benchmark": (*export, "eval-results"),
        "export benchmark bad": (*export, "eval-results", "--benchmark", "no slash"),
        "export date bad": (*export, "inspect", "--date", "yesterday"),
        "export date of year 99999": (*export, "inspect", "--date", "99999-01-01"),
        "convert without --out": ("convert", "s.jsonl"),
        "convert of nothing": ("convert", "nowhere.jsonl", "--out", "o.jsonl"),
        "eval --samples 0": (*ask, "0"),
        "eval --samples -3": (*ask, "-3"),
        "eval --samples text": (*ask, "many"),
        "eval --top-p 0": (*ask, "1", "--top-p", "0"),
        "eval --top-p nan": (*ask, "1", "--top-p", "nan"),
        "eval --min-p 2": (*ask, "1", "--min-p", "2"),
        "eval --temperature -1": (*ask, "1", "--temperature", "-1"),
        "eval --temperature inf": (*ask, "1", "--temperature", "inf"),
        "eval --max-tokens 0": (*ask, "1", "--max-tokens", "0"),
        "eval --max-tokens 10^15": (*ask, "1", "--max-tokens", str(10**15)),
        "eval --limit 0": (*ask, "1", "--limit", "0"),
        "eval --limit -1": (*ask, "1", "--limit", "-1"),
        "eval --batch-size 0": (*ask, "1", "--batch-size", "0"),
        "eval --batch-size -4": (*ask, "1", "--batch-size", "-4"),
        "eval --seed -1": (*ask, "1", "--seed", "-1"),
        "eval --seed 10^30": (*ask, "1", "--seed", str(10**30)),
        "eval --grader nope": (*ask, "1", "--grader", "nope"),
        "eval --grader of no module": (*ask, "1", "--grader", "no_such_module:f"),
        "eval --grader of no function": (*ask, "1", "--grader", "math:nope"),
        "eval --grader not callable": (*ask, "1", "--grader", "math:pi"),
        "eval --template without a place": (*ask, "1", "--template", "hello"),
        "eval --template of another": (*ask, "1", "--template", "{problem}"),
        "eval --template broken": (*ask, "1", "--template", "{prompt"),
        "eval --template attribute": (*ask, "1", "--template", "{prompt.__class__}"),
        "eval --columns of no field": (*ask, "1", "--columns", "foo=bar"),
        "eval --columns of no column": (*ask, "1", "--columns", "answer=nowhere"),
        "eval --engine vllm": (*ask, "1", "--engine", "vllm"),
        "eval --api nope": (*ask, "1", "--api", "nope"),
        "eval of nothing": ("eval", "nowhere.jsonl", "--data", "p.jsonl", "--out", "o"),
        "eval without data": ("eval", "m"),
        "eval --split": (*ask, "1", "--split", "train"),
        "eval --url ftp": (*served, "ftp://localhost/v1"),
        "eval --url empty": (*served, ""),
        "eval --url with a key": (*served, "http://me:secret@localhost/v1"),
        "eval --url of no port": (*served, "http://localhost:99999/v1"),
        "eval --url with blanks": (*served, "http://local host/v1"),
        "eval --url a file": (*served, "file:///etc/passwd"),
        "eval --timeout 0": (*served, "http://127.0.0.1:9/v1", "--timeout", "0"),
        "eval --timeout nan": (*served, "http://127.0.0.1:9/v1", "--timeout", "nan"),
        "eval --concurrency 0": (*served, "http://127.0.0.1:9/v1", "--concurrency", "0"),
        "eval --patience -1": (
            "eval",
            "m",
            "--data",
            "p.jsonl",
            "--out",
            "o",
            "--url",
            "http://127.0.0.1:9/v1",
            "--patience",
            "-1",
        ),
        "model fetch nothing": ("model", "fetch", "nothing"),
        "model fetch upwards": ("model", "fetch", "../../etc"),
        "model show nothing": ("model", "show", "nowhere"),
        "model show a file": ("model", "show", "thesis.txt"),
        "model show a folder": ("model", "show", "theses"),
        "model import nothing": ("model", "import", "nowhere.gguf"),
        "model import a thesis": ("model", "import", "thesis.txt"),
        "model import a folder": ("model", "import", "theses"),
        "sample nothing": ("sample", "nowhere", "1"),
        "sample -n 0": ("sample", "m", "1", "-n", "0"),
        "sample -n -1": ("sample", "m", "1", "-n", "-1"),
        "sample --max-tokens -1": ("sample", "m", "1", "--max-tokens", "-1"),
        "sample temperature nan": ("sample", "m", "1", "--temperature", "nan"),
        "sample a long prompt": ("sample", "m", "1" * 100_000),
        "sample --seed -1": ("sample", "m", "1", "--seed", "-1"),
        "sample -n 10^9": ("sample", "m", "1", "-n", "1000000000"),
        "recipes show nothing": ("recipes", "show", "nothing"),
        "recipes show upwards": ("recipes", "show", "../reading.py"),
        "recipes copy over a thesis": ("recipes", "copy", "quickstart", "thesis.txt"),
        "recipes copy into nothing": ("recipes", "copy", "quickstart", "nowhere/r.yaml"),
        "launch trl of no nodes": ("launch", "trl", "r.yaml", "--nodes", "0"),
        "launch verl of a local recipe": ("launch", "verl", "r.yaml", "--dry-run"),
        "launch collect nothing": ("launch", "collect", "nowhere"),
        "launch collect another run": ("launch", "collect", "d"),
        "watch --every 0": ("watch", "d", "--once", "--every", "0"),
        "watch --every nan": ("watch", "d", "--once", "--every", "nan"),
        "audit nothing": ("audit", "nowhere"),
        "audit a thesis": ("audit", "thesis.txt"),
        "audit a folder": ("audit", "theses"),
        "watch nothing": ("watch", "nowhere", "--once"),
        "watch a folder": ("watch", "theses", "--once"),
        "report nothing": ("report", "nowhere"),
        "report a folder": ("report", "theses"),
        "report a thesis": ("report", "thesis.txt"),
    }
    x = lines([{**row, "problem_id": f"q{i}"} for i, row in enumerate(SAMPLES)])
    data = lines([{"id": f"q{i}", "prompt": f"{i}*7=", "answer": str(7 * i)} for i in range(4)])
    for kind, given in words.items():
        extra = {"x.jsonl": data if "--data" in given else x} if "x.jsonl" in given else {}
        yield Case(f"{given[0]}/option: {kind}", given, extra, "", 25)  # a line for each row, at most
    closed = (*served, "http://127.0.0.1:9/v1")
    yield Case(
        "eval/option: eval --url closed", closed, {}, "nobody listens", code=1
    )  # it may be there tomorrow


# --- model directories ---

CONFIGS: dict[str, Any] = {
    "empty": b"",
    "an array": b"[]",
    "cut off": b'{"model_type": "lla',
    "deep": b'{"a":' * 50_000,
    "of 20 MB": b'{"a": "' + b"x" * (20 * 2**20) + b'"}',
    "noise": bytes(range(256)),
    "missing": GONE,
    "a folder": lambda p: (p.unlink(), p.mkdir()),
    "a link to itself": lambda p: (p.unlink(), p.symlink_to(p.name)),
    "no type": {"model_type": GONE},
    "type a list": {"model_type": ["llama"]},
    "type unknown": {"model_type": "abacus"},
    "type a path": {"model_type": "../../evil"},
    "auto_map": {"auto_map": {"AutoModelForCausalLM": "evil.M", "AutoConfig": "evil.C"}},
    "hidden 0": {"hidden_size": 0},
    "hidden 10^8": {"hidden_size": 10**8},
    "hidden text": {"hidden_size": "32"},
    "hidden 33": {"hidden_size": 33},
    "layers 10^9": {"num_hidden_layers": 10**9},
    "layers 3": {"num_hidden_layers": 3},
    "layers -1": {"num_hidden_layers": -1},
    "heads 0": {"num_attention_heads": 0},
    "heads 5": {"num_attention_heads": 5},
    "heads null": {"num_attention_heads": None},
    "kv heads 3": {"num_key_value_heads": 3},
    "kv heads text": {"num_key_value_heads": "2"},
    "vocabulary 10^12": {"vocab_size": 10**12},
    "vocabulary 1": {"vocab_size": 1},
    "vocabulary 1.5": {"vocab_size": 1.5},
    "inner 10^10": {"intermediate_size": 10**10},
    "inner list": {"intermediate_size": [64]},
    "positions 0": {"max_position_embeddings": 0},
    "positions text": {"max_position_embeddings": "512"},
    "eps nan": {"rms_norm_eps": "nan"},
    "eps -1": {"rms_norm_eps": -1.0},
    "act unknown": {"hidden_act": "evil"},
    "act a list": {"hidden_act": ["silu"]},
    "rope text": {"rope_parameters": "fast"},
    "rope of unknown type": {"rope_parameters": {"rope_type": "evil", "rope_theta": 1e4}},
    "head_dim 3": {"head_dim": 3},
    "head_dim -8": {"head_dim": -8},
    "tied text": {"tie_word_embeddings": "yes"},
    "eos text": {"eos_token_id": "end"},
    "kernel of the hub": {"_attn_implementation": "evil/kernels"},
}


def _edit(change: dict[str, Any]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        known = json.loads(path.read_text()) | change
        path.write_text(json.dumps({key: value for key, value in known.items() if value is not GONE}))

    return write


def _weights(head: Any, body: bytes = b"\0" * 64) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + body


def _tensors(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path, metadata={"format": "pt"})

    return write


NORM = "model.norm.weight"
WEIGHTS: dict[str, Any] = {
    "empty": b"",
    "missing": GONE,
    "noise": bytes(range(256)) * 8,
    "head longer than the file": struct.pack("<Q", 2**40) + b"{}",
    "head of 200 MB": struct.pack("<Q", 200 * 2**20) + b" " * 1000,
    "head an array": _weights([]),
    "head not JSON": _weights(b"{" * 50),
    "head deep": _weights(b'{"a":' * 50_000),
    "offsets backwards": _weights({NORM: {"dtype": "F32", "shape": [32], "data_offsets": [128, 0]}}),
    "offsets outside": _weights({NORM: {"dtype": "F32", "shape": [32], "data_offsets": [0, 2**50]}}),
    "offsets text": _weights({NORM: {"dtype": "F32", "shape": [32], "data_offsets": "all"}}),
    "shape negative": _weights({NORM: {"dtype": "F32", "shape": [-32], "data_offsets": [0, 64]}}),
    "shape 10^18": _weights({NORM: {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 64]}}),
    "unknown dtype": _weights({NORM: {"dtype": "F7", "shape": [16], "data_offsets": [0, 64]}}),
    "a pickle": _canary,
    "names with escapes": _weights(
        {"\x1b[31m" + "x" * 3000: {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]}}
    ),
    "one is nan": _tensors(lambda t: t[NORM].fill_(float("nan"))),
    "one is infinite": _tensors(lambda t: t["lm_head.weight"][0].fill_(float("inf"))),
    "one too few": _tensors(lambda t: t.pop(NORM)),
    "another shape": _tensors(lambda t: t.__setitem__(NORM, torch.ones(31))),
    "whole numbers": _tensors(lambda t: t.__setitem__(NORM, torch.ones(32, dtype=torch.int32))),
    "of 8 bits": _tensors(lambda t: t.__setitem__(NORM, torch.ones(32, dtype=torch.uint8))),
    "index to elsewhere": lambda p: (
        p.unlink(),
        (p.parent / "model.safetensors.index.json").write_text(
            json.dumps({"weight_map": {NORM: "../../g.safetensors"}})
        ),
    ),
    "index of nothing": lambda p: (p.unlink(), (p.parent / "model.safetensors.index.json").write_text("{}")),
    "index noise": lambda p: (p.unlink(), (p.parent / "model.safetensors.index.json").write_bytes(b"\xff")),
    "index of a missing part": lambda p: (
        p.unlink(),
        (p.parent / "model.safetensors.index.json").write_text(
            json.dumps({"weight_map": {NORM: "part-9.safetensors"}})
        ),
    ),
    "a link to a device": lambda p: (p.unlink(), p.symlink_to("/dev/zero")),
    "pytorch_model.bin alone": lambda p: (p.unlink(), _canary(p.with_name("pytorch_model.bin"))),
}

TOKENIZERS: dict[str, dict[str, Any]] = {
    "none": {"m/tokenizer.json": GONE, "m/tokenizer_config.json": GONE},
    "json empty": {"m/tokenizer.json": b""},
    "json noise": {"m/tokenizer.json": bytes(range(256))},
    "json an array": {"m/tokenizer.json": b"[]"},
    "json deep": {"m/tokenizer.json": b'{"a":' * 50_000},
    "json of no model": {"m/tokenizer.json": b'{"version": "1.0"}'},
    "json of a wrong model": {"m/tokenizer.json": b'{"version": "1.0", "model": {"type": "Evil"}}'},
    "json a link to a device": {"m/tokenizer.json": lambda p: (p.unlink(), p.symlink_to("/dev/zero"))},
    "config noise": {"m/tokenizer_config.json": b"\xff\xff"},
    "config a text": {"m/tokenizer_config.json": b'"x"'},
    "config auto_map": {
        "m/tokenizer_config.json": _edit({"auto_map": {"AutoTokenizer": ["evil.T", None]}}),
        "m/evil.py": "open('CANARY', 'w')\n",
    },
    "class a list": {"m/tokenizer_config.json": _edit({"tokenizer_class": ["x"]})},
    "eos unknown": {"m/tokenizer_config.json": _edit({"eos_token": 5})},
    "code to generate": {"m/custom_generate/generate.py": "open('CANARY', 'w')\n"},
    "adapter": {"m/adapter_config.json": b'{"base_model_name_or_path": "elsewhere"}'},
}

TEMPLATES = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
    "memory": "{{ 'a' * 10**10 }}",
    "long": "{{ 'a' * (10**7) }}",
    "division": "{{ 1 % 0 }}",
    "attribute": "{{ messages.__class__.__base__.__subclasses__() }}",
    "include": "{% include '/etc/passwd' %}",
    "syntax": "{% if %}",
    "macro for ever": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "raise": "{{ raise_exception('no\\nsystem\\x1b[31m') }}",
    "power": "{{ 7 ** (7 ** (7 ** 7)) }}",
    "format": "{{ '%99999999999d' % 1 }}",
    "undefined": "{{ nothing.at.all }}",
}


def _model_cases() -> Iterator[Case]:
    commands = {
        "model": ("model", "show", "m"),
        "sample": ("sample", "m", "1+1=", "--max-tokens", "4"),
        "eval": ("eval", "m", "--data", "p.jsonl", "--samples", "1", "--max-tokens", "4", "--out", "o"),
        "run": ("run", "r.yaml", "--model", "m", "--out", "o"),
    }
    evil = {"m/evil.py": "open('CANARY', 'w')\nclass M: pass\nC = T = M\n"}
    for number, (kind, change) in enumerate(CONFIGS.items()):
        command = [*commands][number % 4]
        content = _edit(change) if isinstance(change, dict) else change
        yield Case(
            f"{command}/config.json: {kind}", commands[command], {"m/config.json": content, **evil}, "m", 3
        )
    for number, (kind, content) in enumerate(WEIGHTS.items()):
        command = ("sample", "eval", "run")[number % 3]
        yield Case(f"{command}/weights: {kind}", commands[command], {"m/model.safetensors": content}, "m", 3)
    for number, (kind, files) in enumerate(TOKENIZERS.items()):
        command = ("sample", "eval", "run")[number % 3]
        yield Case(f"{command}/tokenizer: {kind}", commands[command], files, "m", 3)
    for kind, text in TEMPLATES.items():
        files = {"m/chat_template.jinja": text}
        yield Case(f"eval/template: {kind}", commands["eval"], files, "template", 3)


def _gguf_string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _gguf_cases() -> Iterator[Case]:
    def head(version: int = 3, tensors: int = 0, keys: int = 0, rest: bytes = b"") -> bytes:
        return b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + rest

    text = _gguf_string("general.architecture") + struct.pack("<I", 8)
    kinds = {
        "empty": b"",
        "magic alone": b"GGUF",
        "another magic": b"GGML" + b"\0" * 100,
        "version 99": head(99),
        "version of another order": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
        "nothing in it": head(),
        "2^60 keys": head(keys=2**60),
        "2^60 tensors": head(tensors=2**60),
        "a key of 2^60 bytes": head(keys=1, rest=struct.pack("<Q", 2**60)),
        "a list of 2^60": head(keys=1, rest=_gguf_string("a") + struct.pack("<IIQ", 9, 4, 2**60)),
        "lists in lists": head(keys=1, rest=_gguf_string("a") + struct.pack("<IIQ", 9, 9, 1) * 5000),
        "an unknown type": head(keys=1, rest=_gguf_string("a") + struct.pack("<I", 77)),
        "architecture unknown": head(keys=1, rest=text + _gguf_string("evil\x1b[31m")),
        "architecture a number": head(
            keys=1, rest=_gguf_string("general.architecture") + struct.pack("<II", 4, 7)
        ),
        "a key that is not UTF-8": head(
            keys=1, rest=struct.pack("<Q", 2) + b"\xff\xfe" + struct.pack("<II", 4, 1)
        ),
        "a tensor of ten dimensions": head(
            tensors=1, keys=1, rest=text + _gguf_string("llama") + _gguf_string("w") + struct.pack("<I", 10)
        ),
        "cut off in the head": lambda p: p.write_bytes(p.read_bytes()[:700]),
        "cut off in the tensors": lambda p: p.write_bytes(p.read_bytes()[:-4000]),
    }
    for kind, content in kinds.items():
        yield Case(
            f"model/gguf: {kind}",
            ("model", "import", "m.gguf", "--out", "o"),
            {"m.gguf": content},
            "m.gguf",
            2,
        )


# --- run directories ---


def _run_directory_cases() -> Iterator[Case]:
    row = {"arm": "grpo", "stage": "rl", "step": 1, "reward": 0.5}
    kinds: dict[str, dict[str, Any]] = {
        "no environment": {"d/environment.json": GONE},
        "environment an array": {"d/environment.json": b"[]"},
        "environment noise": {"d/environment.json": b"\xff\xfe"},
        "environment of a later version": {"d/environment.json": b'{"schema": 999}'},
        "environment without a version": {"d/environment.json": b"{}"},
        "environment version text": {"d/environment.json": b'{"schema": "new"}'},
        "environment deep": {"d/environment.json": b'{"a":' * 50_000},
        "environment a folder": {"d/environment.json": lambda p: (p.unlink(), p.mkdir())},
        "metrics noise": {"d/metrics.jsonl": bytes(range(256)) * 4 + b"\n"},
        "metrics lists": {"d/metrics.jsonl": b"[1]\n"},
        "metrics of no arm": {"d/metrics.jsonl": lines([{**row, "arm": None}])},
        "metrics of an arm upwards": {"d/metrics.jsonl": lines([{**row, "arm": "../../etc"}])},
        "metrics of step text": {"d/metrics.jsonl": lines([{**row, "step": "one"}])},
        "metrics of step -1": {"d/metrics.jsonl": lines([{**row, "step": -1}])},
        "metrics of step 1.5": {"d/metrics.jsonl": lines([{**row, "step": 1.5}])},
        "metrics of step true": {"d/metrics.jsonl": lines([{**row, "step": True}])},
        "metrics of an odd stage": {"d/metrics.jsonl": lines([{**row, "stage": ["rl"]}])},
        "metrics a device": {"d/metrics.jsonl": lambda p: (p.unlink(), p.symlink_to("/dev/zero"))},
        "metrics a long line": {"d/metrics.jsonl": b'{"a": "' + b"x" * 17 * 2**20 + b'"}\n'},
        "summary an array": {"d/summary.json": b"[]"},
        "summary cut off": {"d/summary.json": b'{"arms": {'},
        "summary of arms text": {"d/summary.json": b'{"schema": 1, "arms": "all"}'},
        "summary deep": {"d/summary.json": b'{"a":' * 50_000},
        "recipe noise": {"d/recipe.yaml": b"\xff\xfe\x00"},
        "recipe a tag": {"d/recipe.yaml": "!!python/object/apply:os.system ['touch CANARY']\n"},
        "recipe a bomb": {"d/recipe.yaml": _bomb()},
        "recipe a list": {"d/recipe.yaml": "- a\n"},
        "recipe twice the same key": {"d/recipe.yaml": "a: 1\na: 2\n"},
    }
    for number, (kind, files) in enumerate(kinds.items()):
        command = ("audit", "watch", "report")[number % 3]
        if "summary" in kind:
            command = "report"
        if "recipe" in kind:
            command = "run"
        words = {
            "audit": ("audit", "d"),
            "watch": ("watch", "d", "--once"),
            "report": ("report", "d", "--out", "o.html"),
            "run": ("run", "r.yaml", "--out", "d", "--resume"),
        }[command]
        yield Case(f"{command}/run directory: {kind}", words, files, "d", 3)
    foreign = {
        "trl state noise": {"x/checkpoint-2/trainer_state.json": b"\xff"},
        "trl state an array": {"x/checkpoint-2/trainer_state.json": b"[]"},
        "trl log a text": {"x/checkpoint-2/trainer_state.json": b'{"log_history": "all"}'},
        "trl log of numbers": {"x/checkpoint-2/trainer_state.json": b'{"log_history": [1, 2]}'},
        "verl rollouts noise": {"x/1.jsonl": b"\xff\xfe\n"},
        "verl rollouts of another kind": {"x/1.jsonl": b'{"a": 1}\n'},
        "verl scores text": {"x/1.jsonl": lines([{"input": "a", "output": "b", "score": "x"}])},
        "verl rollouts empty": {"x/1.jsonl": b""},
    }
    for number, (kind, files) in enumerate(foreign.items()):
        command = ("audit", "watch")[number % 2]
        yield Case(
            f"{command}/{kind}",
            ("audit", "x") if command == "audit" else ("watch", "x", "--once"),
            files,
            "x",
            3,
        )


# --- recipes ---

RECIPES: dict[str, str | bytes] = {
    "empty": "",
    "a list": "- a\n",
    "a text": "hello\n",
    "noise": b"\xff\xfe\x00\x01",
    "a tab": "a:\n\tb: 1\n",
    "a tag": "!!python/object/apply:os.system ['touch CANARY']\n",
    "a bomb": _bomb(),
    "deep": "a: " + "[" * 5000,
    "recursive": "a: &a [*a]\n",
    "twice the same key": "seed: 1\nseed: 2\n",
    "two documents": "seed: 1\n---\nseed: 2\n",
    "an unknown alias": "a: *nowhere\n",
    "of 20 MB": b"# " + b"x" * (20 * 2**20),
    "a date": "seed: 2024-02-30\n",
    "5,000 digits": "seed: " + "9" * 5000 + "\n",
    "seed -1": "seed: -1\n",
    "seed text": "seed: often\n",
    "seed true": "seed: true\n",
    "seed .nan": "seed: .nan\n",
    "unknown key": "sede: 1\n",
    "unknown backend": "backend: abacus\n",
    "threads 10^9": "threads: 1000000000\n",
    "threads 0": "threads: 0\n",
    "device tpu": "device: tpu\n",
    "name upwards": "name: ../../evil\n",
    "name empty": "name: ''\n",
    "an arm upwards": "arms: {../evil: {}}\n",
    "advantage unknown": "arms: {a: {advantage: magic}}\n",
    "reward unknown": "arms: {a: {rewards: {magic: 1}}}\n",
    "reward nan": "arms: {a: {rewards: {accuracy: .nan}}}\n",
    "reward text": "arms: {a: {rewards: {accuracy: high}}}\n",
    "reward of no module": "arms: {a: {rewards: {'no_such:f': 1.0}}}\n",
    "grader of no module": "arms: {a: {grader: 'no_such:f'}}\n",
    "lift of no module": "arms: {a: {lift: 'no_such:f'}}\n",
    "hidden 10^9": "model: {hidden_size: 1000000000, num_heads: 2}\n",
    "hidden odd": "model: {hidden_size: 33, num_heads: 2}\n",
    "heads 0": "model: {num_heads: 0}\n",
    "kv heads 3": "model: {num_heads: 4, num_kv_heads: 3}\n",
    "layers 10^9": "model: {num_layers: 1000000000}\n",
    "steps -1": "rl: {steps: -1}\n",
    "group 1": "rl: {group_size: 1}\n",
    "temperature 0": "rl: {temperature: 0}\n",
    "temperature inf": "rl: {temperature: .inf}\n",
    "max_tokens 10^12": "rl: {max_tokens: 1000000000000}\n",
    "micro_tokens 0": "rl: {micro_tokens: 0}\n",
    "learning rate -1": "rl: {optimiser: {learning_rate: -1}}\n",
    "betas 2": "rl: {optimiser: {betas: [2, 0.5]}}\n",
    "world unknown": "data: {world: {name: maze}}\n",
    "world steps backwards": "data: {world: {name: chain, steps: [5, 2]}}\n",
    "world steps 99": "data: {world: {name: chain, steps: [1, 99]}}\n",
    "ks above samples": "evaluation: {samples: 2, ks: [8]}\n",
    "ks 0": "evaluation: {ks: [0]}\n",
    "tracked nowhere": "track: [abacus]\n",
    "lora rank 0": "sft: {method: lora, lora: {rank: 0}}\n",
    "data and world": "data: {world: {name: chain}, train: p.jsonl}\n",
    "no data": "data: {world: null}\n",
    "train of nothing": "data: {world: null, train: nowhere.jsonl}\n",
    "source of nothing": "model: {source: nowhere/at/all}\n",
    "groups 10^9": "rl: {prompts: 1000000000, group_size: 65536}\n",
}


def _recipe_cases() -> Iterator[Case]:
    for kind, text in RECIPES.items():
        yield Case(f"run/recipe: {kind}", ("run", "x.yaml", "--out", "o"), {"x.yaml": text}, "", 4)
    settings = [
        "seed",
        "seed=",
        "=1",
        "seed=[",
        "nope.nope=1",
        "rl.steps=-3",
        "rl=5",
        "arms.grpo.rewards=7",
        "model.hidden_size=1e9",
        "data.world.steps=[1",
        "seed=!!python/name:os.system",
        "rl.optimiser.learning_rate=.inf",
        "arms.grpo.advantage={preset: nope}",
        "seed=1=2",
        "a\0b=1",
    ]
    for setting in settings:
        yield Case(f"run/--set {setting!r}", ("run", "r.yaml", "--out", "o", "--set", setting), {}, "", 4)
    more = {
        "a recipe that is none": ("run", "nowhere"),
        "a recipe in a folder": ("run", "theses"),
        "a recipe that is a thesis": ("run", "thesis.txt"),
        "resumed from nothing": ("run", "r.yaml", "--out", "nowhere", "--resume"),
        "resumed from a thesis": ("run", "r.yaml", "--out", "theses", "--resume"),
        "another run in its place": ("run", "r.yaml", "--out", "d"),
        "resumed as another": ("run", "r.yaml", "--out", "d", "--resume"),
        "tracked nowhere": ("run", "r.yaml", "--out", "o", "--track", "nope"),
        "a model that is a thesis": ("run", "r.yaml", "--out", "o", "--model", "thesis.txt"),
        "a model that is a folder": ("run", "r.yaml", "--out", "o", "--model", "theses"),
        "data that is a folder": ("run", "r.yaml", "--out", "o", "--data", "theses"),
        "no recipe": ("run",),
        "an unknown option": ("run", "r.yaml", "--nope"),
    }
    for kind, words in more.items():
        yield Case(f"run/{kind}", words, {}, "", 4)


# --- studies ---


def _study_cases() -> Iterator[Case]:
    base = ("study", "depth", "--quick", "--workers", "0", "--out", "o")
    words = {
        "axis unknown": ("study", "nope", "--out", "o"),
        "axis of no module": ("study", "no_such:f", "--out", "o"),
        "axis of no function": ("study", "math:nope", "--out", "o"),
        "axis not callable": ("study", "math:pi", "--out", "o"),
        "axis that gives no axis": ("study", "os:getcwd", "--out", "o"),
        "axis empty": ("study", "", "--out", "o"),
        "axis with a colon": ("study", ":", "--out", "o"),
        "seeds 0": (*base, "--seeds", "0"),
        "seeds -1": (*base, "--seeds", "-1"),
        "seeds text": (*base, "--seeds", "few"),
        "seeds 10^9": (*base, "--seeds", "1000000000"),
        "algorithms unknown": (*base, "--algorithms", "magic"),
        "algorithms none": (*base, "--algorithms", ""),
        "algorithms of no module": (*base, "--algorithms", "no_such:f"),
        "steps none": (*base, "--steps", ""),
        "steps text": (*base, "--steps", "ten"),
        "steps 0": (*base, "--steps", "0"),
        "steps -5": (*base, "--steps=-5"),
        "steps 10^12": (*base, "--steps", str(10**12)),
        "workers -1": ("study", "depth", "--quick", "--out", "o", "--workers", "-1"),
        "workers 10^6": ("study", "depth", "--quick", "--out", "o", "--workers", "1000000"),
        "ray nowhere": ("study", "depth", "--quick", "--out", "o", "--ray", "not an address"),
        "ray garbage": ("study", "depth", "--quick", "--out", "o", "--ray", "garbage:99999"),
    }
    for kind, given in words.items():
        yield Case(f"study/{kind}", given, {}, "", 3)
    for kind, files in {
        "results of somebody else's in its place": {"o/results.json": b'{"mine": 1}'},
        "a table of somebody else's in its place": {"o/results.parquet": b"mine"},
        "a file where its cells belong": {"o/cells": b"x"},
    }.items():
        yield Case(f"study/{kind}", base, files, "o", 3)


def every_case() -> list[Case]:
    """All of them, each name once."""
    makers = (
        _file_cases,
        _sample_cases,
        _problem_cases,
        _grade_cases,
        _out_cases,
        _option_cases,
        _model_cases,
        _gguf_cases,
        _run_directory_cases,
        _recipe_cases,
        _study_cases,
    )
    cases = [case for make in makers for case in make()]
    doubled = {case.name for case in cases if [other.name for other in cases].count(case.name) > 1}
    if doubled:
        raise SystemExit(f"two inputs are named {', '.join(sorted(doubled))}")
    return cases
