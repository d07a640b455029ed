"""A port on which nobody listens, for a server or a trainer of a test's own."""

from __future__ import annotations

import socket

__all__ = ["free_port"]


def free_port() -> int:
    """Free now; several of one machine's programs would otherwise meet on a default one (torch: 29500)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
