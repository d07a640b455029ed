r"""Which texts are words, to be compared as such, and which are products of letters."""

from __future__ import annotations

import re

from leadline.grading.text.text_command import without_text_commands

__all__ = ["is_words"]

_RUN = re.compile(r"[^\W\d_]+")
_SIGNS = re.compile(r"[\\^_=+*/<>|{}\[\]]|\d\s*-|-\s*\d|\d\(")
_LABEL = re.compile(r"[A-Z]{1,3}\d{1,4}")
_PRODUCT = frozenset("abcxyz")
_VOWELS = frozenset("aeiou")


def is_words(text: str) -> bool:
    r"""Whether a cleaned text is words: a name, an adjective, a string of letters whose order counts.

    Lower-case letters without a vowel, and few of ``abcxyz``, are a product; so is any single letter.

    >>> [is_words(text) for text in ("Amy", "HHT", "odd", r"\text{no solution}", "IV", "A1", "是")]
    [True, True, True, True, True, True, True]
    >>> [is_words(text) for text in ("x", "ab", "mgh", "xyz", "2ab", "5 apples", r"\text{odd } n+1")]
    [False, False, False, False, False, False, False]
    """
    if text == r"\dots":
        return True  # "and so on", in a list
    if _LABEL.fullmatch(text):
        return True
    whole = without_text_commands(text)
    if _SIGNS.search(whole) or not _RUN.search(whole) or whole.strip()[:1].isdigit():
        return False
    return any(_is_word(run) for run in _RUN.findall(whole))


def _is_word(run: str) -> bool:
    if not run.isascii():
        return True
    if len(run) == 1:
        return False
    if not run.islower():
        return run.isupper() or run[0].isupper() or len(run) >= 4
    if len(run) >= 4 or run == "no":
        return True
    return len(run) == 3 and bool(_VOWELS.intersection(run)) and not _PRODUCT.issuperset(run)
