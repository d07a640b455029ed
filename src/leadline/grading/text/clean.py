"""Text to plain LaTeX: one spelling for what people and models write in many. No meaning is changed here."""

from __future__ import annotations

import re
import unicodedata

from leadline.grading.text.braces import brace_arguments, closing_brace
from leadline.grading.text.dollars import without_prices
from leadline.grading.text.numerals import plain_numerals
from leadline.grading.text.spelling import (
    COMMANDS,
    OF_SEVERAL,
    SUBSCRIPT,
    SUPERSCRIPT,
    UNICODE,
    UPRIGHT_NAMES,
)
from leadline.grading.text.text_command import without_text_commands
from leadline.grading.text.wrappers import unwrap

__all__ = ["clean", "plain_words"]

_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ]+")
_SUBSCRIPTS = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋₍₎]+")
_COMMAND = re.compile(r"\\([a-zA-Z]+|.)", re.DOTALL)
_SPACING = frozenset(" ,;:!>\n\t")
_MATH_SIGNS = frozenset("()[]$")

_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z(\[)\]])")
_ROMAN = re.compile(r"\\mathrm\s*\{([^{}]*)\}")
_LINK_WORDS = {
    "and": ("and", "und", "et", "y", "e", "ja", "och", "и", "且", "和", "与", "及", "并且"),
    "or": ("or", "oder", "ou", "o", "lub", "eller", "или", "或", "或者"),
}
_LINK_OF = {word: rf"\l{link}" for link, words in _LINK_WORDS.items() for word in words} | {"and/or": r"\lor"}
_TEXT_LINK = re.compile(
    rf"\\text\s*\{{\s*,?\s*({'|'.join(sorted(_LINK_OF, key=len, reverse=True))}|,|;)\s*,?\s*\}}"
    r"|(?<![a-zA-Z\\])(and|or)(?![a-zA-Z])|(?<=[\d\s)}])([或和且与и]|或者|или)(?=\s*[\da-zA-Z(\\$-])"
)
_LATEX_GROUPS = re.compile(r"(\d)\s*(?:\{\s*,\s*\}|,\s*\\!|\\,)\s*(?=\d{3}(?!\d))")
_WHOLE_TEXT = re.compile(r"^\s*\\text\s*\{([^{}]*)\}\s*$")
_TEXT_NUMBER = re.compile(r"\\text\s*\{\s*([-+]?[\d.,/]+)\s*\}")
_TEXT_FUNCTION = re.compile(rf"\\text\s*\{{\s*({'|'.join(UPRIGHT_NAMES)})\s*\}}")
_ARRAY = re.compile(r"\\begin\s*\{array\}\s*\{[^{}]*\}(.*?)\\end\s*\{array\}", re.DOTALL)
_LINKED_TEXT = re.compile(r"\\text\s*\{([^{}]*(?<![a-zA-Z])(?:and|or)(?![a-zA-Z])[^{}]*)\}")
_SEVERAL = "|".join(OF_SEVERAL)
_INNER_LINK = re.compile(r"(?<![a-zA-Z])(and|or)(?![a-zA-Z])")
_EXTREME = re.compile(rf"\\({_SEVERAL})" + r"\s*\\\{([^{}]*)\\\}")
_GAP = re.compile(r"\s*[,;]?\s*\\q?quad(?![a-zA-Z])\s*")
_TEXT_COMMA = re.compile(r"\\text\s*\{([^{},;]*[^{},;\s])\s*([,;])\s*\}")
_LONE_BRACES = re.compile(r"(?<![\^_\w}\]\\ ])\s*(?<![\^_\w}\]\\])\{\s*([a-zA-Z]|\d+)\s*\}")
_BRACED_TEXT = re.compile(r"\{\s*(\\text\s*\{[^{}]*\})\s*\}")
_MODULUS = re.compile(
    r"\(\s*(?:\\(?:text|mathrm)\s*\{\s*)?\\?mod\s*\}?\s*([^()]{1,20})\)"
    r"|\\pmod\s*\{?([^{}()\s]{1,20})\}?|\\text\s*\{\s*\(?mod(?:ulo)?\s*\}\s*\{?\s*(\w{1,20})\s*\}?\)?"
    r"|(?<=\s)\\?mod\s+\{?\s*(\w{1,20})\s*\}?\s*$"
)
_RELATIONS = (
    ("<=", r"\le "),
    (">=", r"\ge "),
    ("!=", r"\ne "),
    ("==", "="),
    (r"\ne =", r"\ne "),
    (r"\not =", r"\ne "),
    (r"\not=", r"\ne "),
    (":=", "="),
)
_BARE_FUNCTIONS = re.compile(
    rf"(?<![a-zA-Z\\])(sqrt|pi|infinity|infty|inf|oo|{'|'.join(UPRIGHT_NAMES)}"
    rf"|(?:exp|{_SEVERAL})(?=\s*[({{]))(?![a-zA-Z])"
)
# What a JSON or Python string without a doubled backslash leaves of \\frac.
_BARE_FRACTION = re.compile(r"(?:\x0crac|(?<![a-zA-Z\\])[dt]?frac)(?=\s*[\d{])")
_CHOOSE = re.compile(
    r"(?:\{\}\s*)?\^\s*\{?\s*(\w+)\s*\}?\s*C\s*_\s*\{?\s*(\w+)\s*\}?|\{\}\s*_\s*\{?\s*(\w+)\s*\}?\s*C\s*_\s*\{?\s*(\w+)\s*\}?"
)
_CAPITAL_UNION = re.compile(r"(?<=[\])}])\s*U\s*(?=[\[({\\])")
_STRUCK = frozenset(map(chr, (*range(0x334, 0x339), *range(0x20D2, 0x20D4), 0x20E5, 0x20E6)))
_SPACES = re.compile(r"\s+")
# The box at the end of a proof, and what leads on to an answer.
_DONE = re.compile(r"(?<=[\w)}\].])\s*\\(?:checkmark|blacksquare|square|Box|qed)$")
_AND_SO_ON = re.compile(r"[,;]\s*\\dots$")
_HENCE = re.compile(r"^\\(?:therefore|Rightarrow|Longrightarrow|implies)(?![a-zA-Z])\s*(?=\S)")
_NOT_WORD = re.compile(r"[\W_]+")


def clean(text: str) -> str:
    r"""``text`` in plain LaTeX: ASCII, one name for each command, no sizing, no dollar signs, no stray punctuation.

    >>> clean(r"$\dfrac12\,\leqslant x$")
    '\\frac{1}{2} \\le x'
    """
    if not text.isascii():
        text = _from_unicode(text)
    if r"\!" in text or r"\," in text or "{,}" in text:
        text = _LATEX_GROUPS.sub(r"\1", text)
    if r"\begin" not in text and "\\\\" in text:
        text = _DOUBLED.sub(r"\\", text)
    if "rac" in text:
        text = _BARE_FRACTION.sub(r"\\frac", text)
    if "..." in text:
        text = text.replace("...", r"\dots ")
    text = unwrap(text)
    if "quad" in text and text.count("=") > 1:
        text = _GAP.sub(", ", text)
    if "$" in text:
        text = without_prices(text, r"\usd ")
    if "\\" in text:
        text = _COMMAND.sub(_rename, text)
    text = (
        text.replace("$", "")
        .replace("{,}", "")
        .replace(r"\text{:}", ":")
        .replace("{:}", ":")
        .replace("**", "^" if _is_power(text) else "")
        .replace("~", " ")
    )
    text = _capitals(text)
    if text.startswith("<") and text.endswith(">") and "," in text:
        text = f"({text[1:-1]})"
    for sign, command in _RELATIONS:
        if sign in text:
            text = text.replace(sign, command)
    if r"\text" in text:
        text = _TEXT_NUMBER.sub(r" \1 ", _TEXT_FUNCTION.sub(r"\\\1 ", text))
    if r"\mathrm" in text:
        text = _ROMAN.sub(_roman, text)
    text = _spell_functions(text)
    text = _EXTREME.sub(r"\\\1(\2)", text) if r"\{" in text else text
    text = _linked(text)
    if "mod" in text:
        text = _MODULUS.sub(lambda match: rf"\pmod{{{next(filter(None, match.groups())).strip()}}}", text)
    if "\\" in text or "{" in text:
        text = _tidy_commands(text)
    return plain_numerals(_trim(_SPACES.sub(" ", text)))


def _from_unicode(text: str) -> str:
    text = _SUPERSCRIPTS.sub(lambda m: "^{" + m.group().translate(SUPERSCRIPT) + "}", text)
    text = _SUBSCRIPTS.sub(lambda m: "_{" + m.group().translate(SUBSCRIPT) + "}", text)
    text = unicodedata.normalize("NFKC", text.translate(UNICODE)).translate(UNICODE)
    return "".join(_ascii(char) for char in text)


def _ascii(char: str) -> str:
    if char.isascii():
        return char
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.digit(char))
    if kind == "Zs":
        return " "
    if char in _STRUCK:
        return char  # a struck-out digit is none
    # Marks, formats (zero-width joiners) and currency signs say nothing about the value.
    return "" if kind in ("Mn", "Me", "Cf", "Cc", "Sc", "Co", "Cn") else char


def _linked(text: str) -> str:
    """Words between answers, in any language that we know, as signs."""
    if "and" in text or "or" in text or r"\text" in text or not text.isascii():
        if r"\text" in text:
            text = _TEXT_COMMA.sub(r"\\text{\1}\2 ", _LINKED_TEXT.sub(_open_text, text))
        text = _TEXT_LINK.sub(_link, text)
    return text


def _link(match: re.Match[str]) -> str:
    word = next(group for group in match.groups() if group)
    if match.start() == 0 or match.end() == len(match.string):
        return match.group()  # there is nothing to link: \\text{e} is a number
    return f" {_LINK_OF.get(word, ',')} "


def _open_text(match: re.Match[str]) -> str:
    """A link of two texts: it stands between them."""
    pieces = _INNER_LINK.split(match.group(1))
    shown = [piece if i % 2 else rf"\text{{{piece}}}" for i, piece in enumerate(pieces) if piece.strip()]
    return f" {' '.join(shown)} "


def _rename(match: re.Match[str]) -> str:
    name = match.group(1)
    if name in COMMANDS:
        return COMMANDS[name]
    if name in "\"'`":
        return ""
    if name in _SPACING:
        return " " if name not in "!" else ""
    if name in _MATH_SIGNS:
        return " " if name != "$" else r"\usd "
    return "%" if name == "%" else match.group()


def _capitals(text: str) -> str:
    """A capital U between sets is their union, a C between numbers chooses."""
    if "C" in text and "_" in text:
        text = _CHOOSE.sub(_choose, text)
    return _CAPITAL_UNION.sub(r" \\cup ", text) if "U" in text else text


def _choose(match: re.Match[str]) -> str:
    """``{}_{10}C_3``, ten choose three."""
    above, below = (group for group in match.groups() if group is not None)
    return (
        rf"\binom{{{above}}}{{{below}}}"
        if match.start() == 0 or not match.group().startswith("^")
        else match.group()
    )


def _is_power(text: str) -> bool:
    """Two stars between operands are a power; around a text they are Markdown."""
    return re.search(r"[\w)}]\s*\*\*\s*[\w({-]", text) is not None


def _spell_functions(text: str) -> str:
    def command(match: re.Match[str]) -> str:
        name = match.group(1)
        return r"\infty " if name in ("infinity", "infty", "inf", "oo") else f"\\{name} "

    text = _BARE_FUNCTIONS.sub(command, text)
    if "abs" in text:
        text = re.sub(r"(?<![a-zA-Z\\])abs\s*\(([^()]*)\)", r"|\1|", text)
    if "sqrt" in text:
        text = re.sub(r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text)
    return text


def _tidy_commands(text: str) -> str:
    if "array" in text:
        text = _ARRAY.sub(r"\\begin{pmatrix}\1\\end{pmatrix}", text)
    if r"\text" in text:
        text = _WHOLE_TEXT.sub(r"\1", text)
    text = brace_arguments(text)
    if "{" in text:
        text = _BRACED_TEXT.sub(r"\1", _LONE_BRACES.sub(r" \1 ", text))
    text = (
        text.replace(r"^{\prime}", "'")
        .replace(r"^\prime", "'")
        .replace(r"^{\circ}", r"^\circ")
        .replace(r"^ \circ", r"^\circ")
        .replace(r"^{ \circ}", r"^\circ")
    )
    return text.replace(r"{}^\circ", r"^\circ")


def _roman(match: re.Match[str]) -> str:
    """Upright letters are a function, a constant or a unit."""
    word = match.group(1).strip()
    if word in ("e", "i", "d", "pi", "R", "N", "Z", "Q", "C", "T"):
        return word
    if word in (*UPRIGHT_NAMES, *OF_SEVERAL, "exp"):
        return f"\\{word} "
    return rf"\text{{{word}}}"


def _trim(text: str) -> str:
    """Drops quotes, blanks and closing punctuation around ``text``, and braces around all of it."""
    while True:
        before = text
        quotes = " \"'`,;:_~" if text[:1] in "\"'`" else ' "`,;:_~'  # y' is another function than y
        text = text.strip(quotes).removeprefix("=").removeprefix(r"\approx").rstrip("\\ ")
        if text.endswith(r"\dots") and not _AND_SO_ON.search(text):
            text = text.removesuffix(r"\dots")
        if "\\" in text:
            text = _HENCE.sub("", _DONE.sub("", text))
        if text.endswith(".") and not re.search(r"(?:^|[\s.])[ap]\.\s?m\.$", text, re.IGNORECASE):
            text = text[:-1]
        if text.startswith("{") and closing_brace(text, 0) == len(text) - 1:
            text = text[1:-1]
        if text == before:
            return text


def plain_words(text: str) -> str:
    r"""Only the words of a text, in lower case: what is left to compare when an answer is no mathematics.

    >>> plain_words(r"\text{The Ellipse.}")
    'ellipse'
    """
    words = _NOT_WORD.sub(" ", without_text_commands(text).lower()).split()
    return " ".join(word for word in words if word not in ("the", "a", "an"))
