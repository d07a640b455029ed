"""The endpoint engine against real servers: one of our own around a real model, killed in mid-run, and hostile ones."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from transformers.utils.import_utils import is_serve_available

from free_port import free_port
from leadline.data import load_problems
from leadline.errors import ConfigError, InputError, LeadlineError
from leadline.evaluation import run_eval
from leadline.samplers import EndpointSampler, Prompting, Sampling, item_seed
from leadline.samplers.openai_server import EndpointWarning
from leadline.types import Message, Problem
from scripted_server import good, scripted
from tiny_model import save_tiny_model

SERVER = Path(__file__).parents[1] / "openai_server.py"
SAMPLING = Sampling(max_tokens=12, temperature=1.0, seed=5)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def no_key(monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_server(model: Path, port: int, log: Path, *options: str) -> subprocess.Popen:
    command = [
        sys.executable,
        str(SERVER),
        "--model",
        str(model),
        "--port",
        str(port),
        "--log",
        str(log),
        *options,
    ]
    return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)


def served(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def problem_set(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text(
        "".join(json.dumps({"id": f"p{i}", "prompt": f"{i}+1?", "answer": i + 1}) + "\n" for i in range(6))
    )
    return load_problems(path)


def test_killed_and_restarted_in_mid_run_nothing_is_lost_or_counted_twice(
    model, problem_set, tmp_path
) -> None:
    port, log = free_port(), tmp_path / "served.jsonl"
    sampler = EndpointSampler(f"http://127.0.0.1:{port}/v1", "tiny", concurrency=4, patience_s=100)
    servers = []
    killed_at = []

    def serve() -> None:
        servers.append(start_server(model, port, log, "--delay", "0.02"))
        while len(served(log)) < 10 and servers[0].poll() is None:
            time.sleep(0.01)
        servers[0].send_signal(signal.SIGKILL)  # with requests under way
        servers[0].wait()
        killed_at.append(len(served(log)))
        servers.append(start_server(model, port, log))

    operator = threading.Thread(target=serve)
    operator.start()  # the run begins before the server is there at all
    try:
        done = run_eval(sampler, problem_set, tmp_path / "out", samples=8, sampling=SAMPLING)
    finally:
        operator.join()
        for server in servers:
            server.kill()
            server.wait()
    rows = [json.loads(line) for line in (tmp_path / "out" / "raw.jsonl").read_text().splitlines()]
    assert 10 <= killed_at[0] < 48, "the server was killed in mid-run"
    assert Counter((row["problem_id"], row["index"]) for row in rows) == {
        (f"p{i}", j): 1 for i in range(6) for j in range(8)
    }
    result = done.evaluation.as_dict()
    assert (result["n_problems"], result["n_samples"]) == (6, 48)
    # each sample was asked for with a seed of its own, and the lengths are those that the servers counted
    seeds = {item_seed(5, f"p{i}", j) for i in range(6) for j in range(8)}
    assert {row["seed"] for row in served(log)} == seeds
    counted = {row["seed"]: row["tokens"] for row in served(log)}
    assert all(row["n_tokens"] == counted[item_seed(5, row["problem_id"], row["index"])] for row in rows)
    assert 0 < sum(row["finished"] for row in rows) < 48
    assert all(row["n_tokens"] == 12 for row in rows if not row["finished"])
    assert len({row["completion"] for row in rows}) > 30
    # a second call draws nothing: the server is gone
    again = run_eval(sampler, problem_set, tmp_path / "out", samples=8, sampling=SAMPLING)
    assert again.evaluation.as_dict() == result


RUN = """
import sys
from pathlib import Path
from leadline.data import load_problems
from leadline.evaluation import run_eval
from leadline.samplers import EndpointSampler, Sampling
url, data, out = sys.argv[1:]
sampler = EndpointSampler(url, "tiny", concurrency=3)
run_eval(sampler, load_problems(data), Path(out), samples=6, sampling=Sampling(12, seed=5))
"""


def test_the_run_itself_killed_goes_on_where_it_was(model, problem_set, tmp_path) -> None:
    port, log = free_port(), tmp_path / "served.jsonl"
    server = start_server(model, port, log, "--delay", "0.03")
    command = [
        sys.executable,
        "-c",
        RUN,
        f"http://127.0.0.1:{port}/v1",
        str(tmp_path / "p.jsonl"),
        str(tmp_path / "out"),
    ]
    raw = tmp_path / "out" / "raw.jsonl"
    try:
        run = subprocess.Popen(command)
        while not (raw.exists() and raw.read_bytes().count(b"\n") >= 8) and run.poll() is None:
            time.sleep(0.01)
        run.kill()
        run.wait()
        saved = raw.read_bytes().count(b"\n")
        with open(raw, "ab") as file:
            file.write(b'{"index": 5, "problem_id": "p')  # what a kill in the middle of a write leaves
        asked = len(served(log))
        finished = subprocess.run(command, timeout=120, check=False)
    finally:
        server.kill()
        server.wait()
    assert 8 <= saved < 36
    assert finished.returncode == 0
    keys = Counter((row["problem_id"], row["index"]) for row in map(json.loads, raw.read_text().splitlines()))
    assert keys == {(f"p{i}", j): 1 for i in range(6) for j in range(6)}
    assert (
        len(served(log)) <= asked + (36 - saved) + 3
    )  # only what was missing, and what was under way at the kill
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["metrics"]["n_samples"] == 36


# --- servers that misbehave, on real sockets ---


ONE = [Problem("p", "1 + 1?", "2")]


def draw_all(url, problems=ONE, n=1, sampling=SAMPLING, **settings):
    return list(EndpointSampler(url, "m", **settings).generate(problems, n, sampling))


def test_passing_faults_are_tried_again() -> None:
    faults = [
        (503, {}, b"loading"),
        (429, {"Retry-After": "0.2"}, b"slow down"),
        "hang up",
        "nonsense",
        (200, {"Content-Length": "500"}, b'{"choices": [{"mess'),  # cut off
        b"<html>proxy</html>",
        (500, {}, b""),
    ]
    with scripted(*faults, good("two", 7)) as (url, seen), pytest.warns(EndpointWarning) as told:
        [draw] = draw_all(url, pause_s=0.01)
    assert len(told) == 1  # seven faults, no two alike
    assert "HTTP 503: loading; trying again, for up to 300 s" in str(told[0].message)
    assert (draw.completion.text, draw.completion.n_tokens, draw.index) == ("two", 7, 0)
    assert len(seen) == 8
    assert seen[2][3] - seen[1][3] >= 0.2  # as Retry-After asked
    assert len({json.dumps(body) for _, _, body, _ in seen}) == 1  # the same request, seed included


def test_patience_ends() -> None:
    with (
        scripted((503, {}, b"never")) as (url, seen),
        pytest.raises(LeadlineError, match=r"gave up after 0.6 s: HTTP 503"),
    ):
        draw_all(url, patience_s=0.6)
    assert 2 <= len(seen) <= 6
    with pytest.raises(LeadlineError, match=r"gave up after 0\.3 s: ConnectionRefusedError"):
        draw_all(f"http://127.0.0.1:{free_port()}/v1", patience_s=0.3)


def test_a_refusal_is_not_tried_again_and_names_the_problem() -> None:
    with scripted((404, {}, b"no such model m")) as (url, seen):
        with pytest.raises(InputError, match=r"problem 'p': .*HTTP 404: no such model m"):
            draw_all(url)
        assert len(seen) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({}, "no choices"),
        ({"choices": []}, "no choices"),
        ([1], "no choices"),
        (
            {"choices": [{"finish_reason": "stop"}], "usage": {"completion_tokens": 1}},
            "neither a message nor a text",
        ),
        (good(["list"]), "not text"),
        ({"choices": [{"message": {"content": "x"}}]}, "usage.completion_tokens"),
        (good("x", -1), "usage.completion_tokens"),
        (good("x", True), "usage.completion_tokens"),
    ],
)
def test_answers_that_are_not_of_the_protocol(answer, why) -> None:
    with scripted(answer) as (url, _), pytest.raises(InputError, match=why):
        draw_all(url)


def test_what_is_sent_and_read(monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    prompting = Prompting(system="Be brief.", template="{prompt} Box it.")
    chat = Problem(
        "c", "b?", "2", messages=(Message("user", "a"), Message("assistant", "?"), Message("user", "b?"))
    )
    thought = good("4", 9, message={"content": "4", "reasoning_content": "2 * 2"}, finish_reason="length")
    with scripted(good("4", 3), thought, good("", 1)) as (url, seen):
        first = draw_all(url, prompting=prompting, sampling=Sampling(50, 0.6, 0.9, 0.01, 3))
        second = draw_all(url, [chat], prompting=prompting)
        draw_all(url, prompting=prompting, api="completions")
    path, headers, body, _ = seen[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer sesame"
    assert body == {
        "model": "m",
        "max_tokens": 50,
        "temperature": 0.6,
        "top_p": 0.9,
        "min_p": 0.01,
        "seed": item_seed(3, "p", 0),
        "stream": False,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "1 + 1? Box it."},
        ],
    }
    assert first[0].completion.finished
    assert [turn["content"] for turn in seen[1][2]["messages"]] == ["Be brief.", "a", "?", "b?"]
    assert (second[0].completion.text, second[0].completion.finished) == ("<think>2 * 2</think>4", False)
    assert second[0].completion.n_tokens == SAMPLING.max_tokens
    assert seen[2][0] == "/v1/completions"
    assert seen[2][2]["prompt"] == "Be brief.\n\n1 + 1? Box it."
    with pytest.raises(InputError, match="problem 'c' is given as chat turns"):
        draw_all("http://127.0.0.1:1/v1", [chat], api="completions")


def test_a_servers_error_does_not_show_the_key(monkeypatch) -> None:
    monkeypatch.setenv("MY_KEY", "sesame")
    with scripted((401, {}, b"bad key")) as (url, _), pytest.raises(InputError) as caught:
        draw_all(url, key_variable="MY_KEY")
    assert "sesame" not in str(caught.value) + repr(caught.value.__cause__)


def test_tokens_can_be_counted_here() -> None:
    with scripted({"choices": [{"text": "a b c"}]}) as (url, _):
        [draw] = draw_all(url, api="completions", count_tokens=lambda text: len(text.split()))
    assert draw.completion.n_tokens == 3


def test_requests_run_at_once_and_stop_when_nobody_listens() -> None:
    """Eight requests wait for each other at a barrier, so they are under way at once, and a ninth is not.

    When the caller stops listening, the server sees its connections closed and gets no further request.
    """
    problems = [Problem(f"p{i}", "?", "1") for i in range(40)]
    together, active, most, count = threading.Barrier(8), 0, 0, 0
    lock, closed = threading.Lock(), threading.Semaphore(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal active, most, count
            self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                active, count = active + 1, count + 1
                most, mine = max(most, active), count
            if mine <= 8:
                together.wait(timeout=60)  # broken if fewer than eight come
            elif mine > 16:  # never answered: the client goes away
                with contextlib.suppress(OSError):  # reset or closed, as the client's machine has it
                    self.connection.recv(1)
                closed.release()
                return
            with lock:
                active -= 1
            data = json.dumps(good()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sampler = EndpointSampler(f"http://127.0.0.1:{server.server_port}/v1", "m", concurrency=8)
    draws = sampler.generate(problems, 1, SAMPLING)
    for _ in range(16):
        next(draws)
    assert closed.acquire(blocking=False) is False
    draws.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "leadline-endpoint"]
    for _ in range(count - 16):
        assert closed.acquire(timeout=60), "a request is still under way"
    server.shutdown()
    server.server_close()
    assert most == 8
    assert not together.broken
    assert 16 <= count <= 24


def test_settings_that_cannot_work_are_refused() -> None:
    for settings in (
        {"url": "localhost:8000"},
        {"concurrency": 0},
        {"api": "chatty"},
        {"timeout_s": 0},
        {"patience_s": -1},
    ):
        with pytest.raises(ConfigError, match=next(iter(settings)).removesuffix("_s")):
            EndpointSampler(**({"url": "http://x/v1", "model": "m"} | settings))
    with pytest.raises(ConfigError) as caught:
        Sampling(0, temperature=-1, top_p=0, min_p=1, seed=-1)
    assert len(caught.value.problems) == 5
    with pytest.raises(ConfigError, match="samples must lie between 1"):
        draw_all("http://127.0.0.1:1/v1", n=0)
    with pytest.raises(ConfigError, match="prompt"):
        Prompting(template="no mark")


def test_transformers_serve_itself(model, problem_set, tmp_path) -> None:
    if not is_serve_available():
        pytest.skip("`transformers serve` needs transformers[serving], which is not installed")
    port = free_port()
    program = str(Path(sys.executable).with_name("transformers"))
    command = [program, "serve", "--device", "cpu", "--host", "127.0.0.1", "--port", str(port), str(model)]
    server = subprocess.Popen(command, env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"})
    try:
        while not listens(port):
            assert server.poll() is None, "the server ended before it listened"
            time.sleep(0.1)
        sampler = EndpointSampler(f"http://127.0.0.1:{port}/v1", str(model), api="completions", concurrency=2)
        done = run_eval(sampler, problem_set, tmp_path / "out", samples=2, sampling=SAMPLING)
    finally:
        server.kill()
        server.wait()
    assert done.evaluation.as_dict()["n_samples"] == 12
    rows = [json.loads(line) for line in (tmp_path / "out" / "raw.jsonl").read_text().splitlines()]
    assert all(1 <= row["n_tokens"] <= 12 for row in rows)
    assert len({row["completion"] for row in rows}) > 6
