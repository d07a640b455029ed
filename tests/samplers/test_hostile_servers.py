"""Servers of strangers: the key goes nowhere else, waiting ends, and nothing is kept that cannot be read back."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

from leadline.data import load_problems
from leadline.data.samples.rows import read_samples
from leadline.errors import ConfigError, InputError, LeadlineError
from leadline.evaluation import run_eval
from leadline.samplers import EndpointSampler, Sampling
from leadline.types import Problem
from scripted_server import good, scripted

CANARY = "sk-canary-5f3a9c"
ONE = [Problem("p", "1 + 1?", "2")]


def draw_all(url: str, **settings: object) -> list:
    return list(EndpointSampler(url, "m", **settings).generate(ONE, 1, Sampling(12)))


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_other_server_hears_nothing(status: int, tmp_path: Path) -> None:
    with scripted(good("stolen")) as (other, heard):
        with (
            scripted((status, {"Location": f"{other}/chat/completions?was={CANARY}"}, b"")) as (url, asked),
            pytest.raises(InputError, match=rf"HTTP {status}: sends the request on to http://127") as refusal,
        ):
            draw_all(url)
        assert len(asked) == 1
        assert heard == []
    assert CANARY not in str(refusal.value)


def test_the_key_is_in_no_output_and_no_file(tmp_path: Path) -> None:
    """The command line with a key that ends in a line break, against a server that answers with it."""

    def echo(request: object) -> None:
        said = f"no such key: {request.headers['Authorization']} \x1b[31m".encode()  # type: ignore[attr-defined]
        request.send_response(401)  # type: ignore[attr-defined]
        request.send_header("Content-Length", str(len(said)))  # type: ignore[attr-defined]
        request.end_headers()  # type: ignore[attr-defined]
        request.wfile.write(said)  # type: ignore[attr-defined]

    (tmp_path / "p.jsonl").write_text('{"id": "p", "prompt": "1+1?", "answer": "2"}\n')
    command = [sys.executable, "-m", "leadline.cli.main", "eval", "m", "--data", "p.jsonl", "--samples", "1"]
    with scripted(echo) as (url, asked):
        done = subprocess.run(
            [*command, "--url", url, "--out", "out"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"OPENAI_API_KEY": f" {CANARY}\n", "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
            check=False,
        )
    assert asked[0][1]["Authorization"] == f"Bearer {CANARY}"
    assert done.returncode == 2, done.stderr
    assert "HTTP 401: no such key: Bearer [key]" in done.stderr
    assert CANARY not in done.stdout + done.stderr
    assert "\x1b" not in done.stderr
    assert all(CANARY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_what_is_no_key_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("a\nb", "a b", "kéy", "a\x00b".replace("\x00", "\x01")):
        monkeypatch.setenv("OPENAI_API_KEY", wrong)
        with pytest.raises(ConfigError, match="OPENAI_API_KEY: holds blanks") as refusal:
            EndpointSampler("http://localhost/v1", "m")
        assert wrong not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://localhost/v1",
        "file:///etc/passwd",
        "http://",
        "http:///v1",
        "http://user:pass-word@localhost/v1",
        "http://localhost:99999/v1",
        "http://localhost:x/v1",
        "http://localhost/v1?api-version=3",
        "http://localhost/v1#x",
        "http://local host\x00/v1",
        "http://[::1/v1",
        "",
    ],
)
def test_bad_urls_are_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError, match="url: expected") as refusal:
        EndpointSampler(url, "m")
    assert "pass-word" not in str(refusal.value)
    assert "\x00" not in str(refusal.value)


def test_a_name_that_is_none_is_not_waited_for() -> None:
    with pytest.raises(LeadlineError, match=r"no host of that name|gave up"):
        draw_all("http://nowhere.invalid/v1", patience_s=0.5)


@pytest.mark.parametrize("where", ["body", "head"])
def test_an_answer_that_trickles_is_cut_off_at_the_deadline(where: str) -> None:
    over = threading.Event()

    def drip(request: object) -> None:
        if where == "body":
            request.send_response(200)  # type: ignore[attr-defined]
            request.send_header("Content-Length", "100000")  # type: ignore[attr-defined]
            request.end_headers()  # type: ignore[attr-defined]
        else:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")  # type: ignore[attr-defined]
        try:
            while not over.wait(0.02):
                request.wfile.write(b" ")  # type: ignore[attr-defined]
        except OSError:
            over.set()

    with scripted(drip) as (url, _), pytest.raises(LeadlineError, match=r"no whole answer within 0\.3 s"):
        draw_all(url, timeout_s=0.3, patience_s=0)
    over.set()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (good("x", 2**60), "tokens"),
        (json.dumps(good("x", 0)).replace("0}", "9" * 400 + "}").encode(), "does not report"),
        (good("a" * (2**21 + 1)), "2,097,153 characters"),
        ((200, {"Content-Length": str(10**11)}, b"a" * 2**25), "longer than"),
        ((400, {}, b"\x1b[31mRED\x1b]0;pwned\x07"), r"HTTP 400: \?\[31mRED\?\]0;pwned\?"),
        ((204, {"Content-Length": "0"}, b""), "HTTP 204"),
    ],
)
def test_answers_out_of_bounds_are_refused(answer: object, why: str) -> None:
    with scripted(answer) as (url, _), pytest.raises(LeadlineError, match=why):
        draw_all(url, patience_s=0, timeout_s=20)


def test_what_is_kept_can_be_read_back(tmp_path: Path) -> None:
    data = tmp_path / "p.jsonl"
    data.write_text('{"id": "p", "prompt": "1+1?", "answer": "2"}\n')
    texts = ["\ud800 \\boxed{2}", "\0" * 2**21, "é" * 2**20, "\u202e</script>\x1b[31m"]
    with scripted(*[json.dumps(good(text, 12)).encode() for text in texts]) as (url, _):
        sampler = EndpointSampler(url, "m", concurrency=1)
        run_eval(sampler, load_problems(data), tmp_path / "out", samples=4, sampling=Sampling(12))
    kept = [sample.completion.text for sample in read_samples(tmp_path / "out" / "raw.jsonl")]
    assert kept[0] == "? \\boxed{2}"
    assert kept[1:] == texts[1:]


def test_retry_after_that_is_no_number_is_not_waited_for() -> None:
    for said in ("nan", "inf", "-3", "soon", "9" * 400):
        with scripted((429, {"Retry-After": said}, b""), good("2")) as (url, seen), pytest.warns():
            draw_all(url, pause_s=0.01, patience_s=1.0)
        assert len(seen) == 2


# --- the collection ---


@pytest.fixture(scope="module")
def stranger(shared_data: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("stranger", shared_data / "strangers" / "srv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HARMLESS = {"ok", "contentnull", "surrogate", "nul"}


def test_every_path_of_the_hostile_server_ends_in_a_line(stranger: ModuleType, shared_data: Path) -> None:
    server, other = stranger.start(0), stranger.start(0)
    source = (shared_data / "strangers" / "srv.py").read_text()
    for path in re.findall(r"m=='(\w+)'", source):
        url = f"http://127.0.0.1:{server.server_port}/{path}/v1"
        began = time.monotonic()
        try:
            draw_all(url, timeout_s=1.0, patience_s=0.2, pause_s=0.05)
            ended = ""
        except LeadlineError as refusal:
            ended = str(refusal)
        assert bool(ended) != (path in HARMLESS), f"{path}: {ended}"
        assert CANARY not in ended
        assert "\x1b" not in ended
        assert len(ended.splitlines()) <= 1
        assert time.monotonic() - began < 60
    assert not [seen for seen in stranger.LOG if seen[1] == other.server_port]
    server.shutdown()
    other.shutdown()
