"""The hub: a small one of our own on a real socket, one that never answers, and one that is not there."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from leadline.data import load_problems
from leadline.errors import CheckpointError, DataError, InputError
from leadline.storage import huggingface_hub as hub
from tiny_model import save_tiny_model

SHA = "0123456789" * 4
SOON_S = 40.0
"""Two requests that are given up after half a second each; tried again as the library does by itself, minutes."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny_model(tmp_path_factory.mktemp("tiny"))
    (folder / "consolidated.safetensors").write_bytes(b"the same weights once more")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    return folder


def _rows(folder: Path) -> list[dict[str, object]]:
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return [
        {"type": "file", "path": name, "size": (folder / name).stat().st_size, "oid": _etag(folder / name)}
        for name in names
    ]


def _etag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


class Hub:
    """Serves folders as models; ``asked`` are the paths of files that were fetched."""

    def __init__(self, models: dict[str, Path]) -> None:
        self.models, self.asked = models, list[str]()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                outer.serve(self, body=False)

            def do_GET(self) -> None:
                outer.serve(self, body=True)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, request: BaseHTTPRequestHandler, *, body: bool) -> None:
        path = request.path.partition("?")[0]
        status, data, headers = 404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}
        for name, folder in self.models.items():
            if path.startswith(f"/api/models/{name}/tree"):
                status, data, headers = 200, json.dumps(_rows(folder)).encode(), {}
            elif path in (f"/api/models/{name}", f"/api/models/{name}/revision/main"):
                files = [{"rfilename": row["path"]} for row in _rows(folder)]
                said = {"id": name, "sha": SHA, "siblings": files, "private": False}
                status, data, headers = 200, json.dumps(said).encode(), {}
            elif path.startswith(f"/{name}/resolve/"):
                file = folder / path.split("/", 5)[5]
                status, data = 200, file.read_bytes()
                headers = {"ETag": f'"{_etag(file)}"', "X-Repo-Commit": SHA}
                self.asked += [file.name] if body else []
        request.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(data))}).items():
            request.send_header(key, value)
        request.end_headers()
        if body:
            request.wfile.write(data)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub's."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "cache"


@pytest.fixture
def serve(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Hub]]:
    from huggingface_hub import constants

    running: list[Hub] = []

    def start(**models: Path) -> Hub:
        running.append(Hub({name.replace("__", "/"): folder for name, folder in models.items()}))
        monkeypatch.setattr(constants, "ENDPOINT", running[-1].url)
        files = running[-1].url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        return running[-1]

    yield start
    for one in running:
        one.server.shutdown()
        one.server.server_close()


@pytest.fixture
def mute(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A hub that takes connections and never says a word."""
    from huggingface_hub import constants

    monkeypatch.setattr(hub, "_TIMEOUT_S", 0.5)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield listening


def test_a_model_of_the_hub_comes_in_two_parts(model: Path, serve: Callable[..., Hub], cache: Path) -> None:
    served = serve(some__tiny=model)
    small = hub.model_files("some/tiny")
    assert {"config.json", "tokenizer.json"} <= {path.name for path in small.iterdir()}
    assert not [name for name in served.asked if name.endswith(".safetensors")]
    whole = hub.whole_model("some/tiny")
    assert (whole / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    assert served.asked.count("model.safetensors") == 1
    assert not {"consolidated.safetensors", "onnx"} & {path.name for path in whole.iterdir()}
    # gone from the network, it is still in the cache
    served.server.shutdown()
    served.server.server_close()
    assert hub.whole_model("some/tiny") == whole


def test_what_a_model_lacks_is_known_before_anything_is_fetched(
    model: Path, serve: Callable[..., Hub], tmp_path: Path
) -> None:
    pickled = tmp_path / "pickled"
    shutil.copytree(model, pickled, ignore=shutil.ignore_patterns("*.safetensors"))
    (pickled / "pytorch_model.bin").write_bytes(b"never read")
    served = serve(some__pickled=pickled)
    with pytest.raises(
        CheckpointError, match=r"some/pickled: no \*.safetensors.*pytorch_model.bin is a pickle"
    ):
        hub.whole_model("some/pickled")
    assert served.asked == []
    with pytest.raises(CheckpointError, match="some/other: neither here nor on the Hugging Face hub"):
        hub.model_files("some/other")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("/nowhere/at/all", "no such directory"),
        ("./no-such-models", "no such directory"),
        ("runs/a/checkpoints", "no such directory"),
        ("with a space", "no such directory"),
        (__file__, "a file, not a model directory"),
        (str(Path(__file__).parent), "no config.json in it"),
    ],
)
def test_what_is_no_name_is_not_asked_for(source: str, why: str, mute: socket.socket) -> None:
    with pytest.raises(CheckpointError, match=why):
        hub.model_files(source)
    mute.setblocking(False)
    with pytest.raises(BlockingIOError):  # nobody has called
        mute.accept()


@pytest.mark.usefixtures("mute")
def test_a_silent_hub_is_given_up_within_seconds() -> None:
    started = time.monotonic()
    with pytest.raises(
        CheckpointError, match=r"some/tiny: no such directory, .* cannot be reached .*Timeout"
    ):
        hub.whole_model("some/tiny")
    with pytest.raises(DataError, match=r"some/sums .*: the hub cannot be reached .*Timeout"):
        load_problems("some/sums")
    assert time.monotonic() - started < SOON_S


def test_without_a_network_nothing_is_tried_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(InputError, match="cannot be reached"):
        hub.model_files("some/tiny")
    with pytest.raises(InputError, match="cannot be reached"):
        load_problems("gsm8k")
    assert time.monotonic() - started < SOON_S
    assert "Retrying" not in capfd.readouterr().err
    assert constants.HF_HUB_OFFLINE is False
