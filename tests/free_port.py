"""A port on which nobody listens, for a server or a trainer of a test's own."""

from __future__ import annotations

import random
import socket
from pathlib import Path

__all__ = ["free_port"]


def free_port() -> int:
    """Free now, and below those that the system gives away by itself, so that no connection takes it meanwhile."""
    given_away = Path("/proc/sys/net/ipv4/ip_local_port_range")
    below = int(given_away.read_text().split()[0]) if given_away.is_file() else 32768
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(max(1024, below - 20_000), below)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
