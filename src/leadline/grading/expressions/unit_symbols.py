"""Symbols of units with their prefixes, whose size of letters counts: ``mW`` is no ``MW``."""

from __future__ import annotations

from fractions import Fraction

from leadline.grading.expressions.unit_names import UNITS, Dimension

__all__ = ["SYMBOLS"]

_PREFIXES = {
    "p": Fraction(1, 10**12), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000),
    "h": Fraction(100), "k": Fraction(1000), "M": Fraction(10**6), "G": Fraction(10**9), "T": Fraction(10**12),
}  # fmt: skip
# Symbol -> the unit in full, and the prefixes that are written in front of it.
_BASES = {
    "J": ("joule", "mkMG"), "W": ("watt", "mkMG"), "N": ("newton", "mkM"), "Pa": ("pascal", "mhkMG"),
    "Hz": ("hertz", "mkMGT"), "V": ("volt", "mukM"), "A": ("amp", "nmuk"), "C": ("coulomb", "nmup"),
    "F": ("farad", "nmup"), "T": ("tesla", "nmu"), "H": ("henry", "nmu"), "Wb": ("weber", "m"),
    "mol": ("mol", "nmuk"), "eV": ("ev", "mkMG"), "L": ("l", "mu"), "l": ("l", "mu"), "g": ("g", "numk"),
    "m": ("m", "pnumk"), "s": ("s", "pnum"), "Wh": ("wh", "kM"), "bar": ("bar", "m"), "M": ("molar", "num"),
}  # fmt: skip

SYMBOLS: dict[str, tuple[Dimension, Fraction]] = {}
"""What a symbol measures, and how many base units one of it is."""
for _symbol, (_name, _allowed) in _BASES.items():
    _dimension, _size = UNITS[_name]
    SYMBOLS |= {prefix + _symbol: (_dimension, _size * _PREFIXES[prefix]) for prefix in _allowed}
SYMBOLS |= {symbol: UNITS[_BASES[symbol][0]] for symbol in ("Pa", "Hz", "Wb", "eV", "Wh")}
SYMBOLS |= {symbol: UNITS[_BASES[symbol][0]] for symbol in ("T", "F", "H", "C")}
