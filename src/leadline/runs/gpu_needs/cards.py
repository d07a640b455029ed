"""Cards that people train on."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CARDS", "Card"]


@dataclass(frozen=True, slots=True)
class Card:
    """What its data sheet says.

    Attributes:
        name: of the card.
        memory: bytes.
        flops: dense bfloat16 operations a second.
        bandwidth: bytes a second between its memory and its cores.
    """

    name: str
    memory: float
    flops: float
    bandwidth: float


CARDS = (Card("H100", 80e9, 989e12, 3.35e12), Card("A100", 80e9, 312e12, 2.04e12))
"""SXM, 80 GB: NVIDIA's data sheets."""
