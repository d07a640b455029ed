"""A server that answers as a script says: for tests of what a client makes of answers that are wrong."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def good(text="x", tokens=1, **choice):
    message = {"message": {"content": text}, "finish_reason": "stop"} | choice
    return {"choices": [message], "usage": {"completion_tokens": tokens}}


@contextmanager
def scripted(*script):
    """A server that answers the i-th request as the i-th entry says, the last one for ever after."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            step = script[min(len(seen), len(script) - 1)]
            seen.append((self.path, dict(self.headers), body, time.monotonic()))
            if step == "hang up":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if callable(step):
                step(self)
                return
            if step == "nonsense":
                self.wfile.write(b"\x00nonsense\r\n\r\n")
                return
            status, headers, data = step if isinstance(step, tuple) else (200, {}, step)
            data = data if isinstance(data, bytes) else json.dumps(data).encode()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(data))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # a client that has left is no fault of the server
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()
