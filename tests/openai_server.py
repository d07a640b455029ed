"""A small server that speaks the OpenAI protocol around a real model: run as a process of its own by tests.

python openai_server.py --model DIR --port N [--log FILE] [--delay SECONDS]
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from tokenizers import Tokenizer

from leadline.engine.prompts import Prompts
from leadline.engine.sampler import SamplingConfig, sample
from leadline.model.checkpoint import load_decoder


class Service:
    """One model, one request at a time. Needs torch and tokenizers only, so that it is up in seconds."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
        self.eos = json.loads((options.model / "config.json").read_text())["eos_token_id"]
        self.model = load_decoder(options.model)
        self.lock = threading.Lock()

    def answer(self, path: str, body: dict) -> dict:
        chat = path.endswith("/chat/completions")
        turns = [f"{turn['role']}: {turn['content']}\n" for turn in body["messages"]] if chat else []
        text = "".join(turns) + "assistant: " if chat else body["prompt"]
        prompts = Prompts.pad([self.tokenizer.encode(text).ids])
        config = SamplingConfig(body["max_tokens"], body["temperature"])
        generator = torch.Generator().manual_seed(body["seed"])
        with self.lock:
            time.sleep(self.options.delay)
            drawn = sample(self.model, prompts, 1, config, eos=self.eos, generator=generator)
            length, finished = int(drawn.lengths[0]), bool(drawn.finished[0])
            if self.options.log:
                with open(self.options.log, "a") as log:
                    log.write(json.dumps({"seed": body["seed"], "prompt": text, "tokens": length}) + "\n")
        content = self.tokenizer.decode(drawn.tokens[0, : length - finished].tolist())
        said = {"message": {"role": "assistant", "content": content}} if chat else {"text": content}
        choice = {"index": 0, "finish_reason": "stop" if finished else "length"} | said
        return {"choices": [choice], "usage": {"completion_tokens": length}}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log")
    parser.add_argument("--delay", type=float, default=0.0)
    service = Service(parser.parse_args())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            data = json.dumps(service.answer(self.path, body)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing: tests read the log file."""

    ThreadingHTTPServer(("127.0.0.1", service.options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
