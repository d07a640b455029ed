r"""What stands around an answer and says nothing about it: colour, weight, tags, environments that only lay out."""

from __future__ import annotations

import re

from leadline.grading.text.braces import closing_brace

__all__ = ["unwrap"]

# Command -> how many arguments in braces go away with it before the one that is shown.
_SHOWN = dict.fromkeys(
    "underline uline emph mathbf textbf mathit mathsf mathtt mathds boldsymbol bm pmb overparen widehat boxed fbox "
    "framebox ensuremath mathord mathclose displaylines".split(),
    0,
) | dict.fromkeys("color textcolor colorbox fcolorbox bbox hphantom".split(), 1)
_SHOWN_ONE = re.compile(r"\\(" + "|".join(sorted(_SHOWN, key=len, reverse=True)) + r")(?![a-zA-Z])\s*")
_GONE = re.compile(
    r"\\(?:cancel|bcancel|xcancel|sout|st|tag|label|footnote|hspace|vspace|phantom|vphantom)\s*\*?\s*\{[^{}]*\}|\\(?:bfseries|itshape|bf|it|rm|sf|tt|notag)"
    r"(?![a-zA-Z])\s*"
)
_MATH_COMMAND = re.compile(r"\\(?!text)[a-zA-Z]|[\d^_=+]|^\s*[a-zA-Z]\s*$")
_ROW_GAP = re.compile(r"\\\\\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|mu|bp)\s*\]")
_LAYOUT = re.compile(
    r"(?:\\left\s*)?(?:\\\{|\\lbrace(?![a-zA-Z]))?\s*"
    r"\\begin\s*\{(aligned|align|align\*|alignedat|gathered|gather|gather\*|split|equation|equation\*|array|cases|dcases)\}"
    r"\s*(?:\[[a-z]\])?\s*(?:\{[^{}]*\})?(.*?)\\end\s*\{\1\}\s*(?:\\right\s*\.)?",
    re.DOTALL,
)
_ROWS = re.compile(r"\\\\|\\cr(?![a-zA-Z])|\\newline(?![a-zA-Z])")
_RELATION = re.compile(r"=|<|>|\\(?:le|ge|leq|geq|ne|neq|lt|gt|leqslant|geqslant)(?![a-zA-Z])")
_LOOSE = re.compile(r"&\s*(?==|<|>|\\(?:le|ge|ne|lt|gt)|\\approx)|(?<==)\s*&")
_INFIX = re.compile(r"\\(choose|over|atop)(?![a-zA-Z])")
_UNIT_VECTOR = re.compile(
    r"\\(?:vec|hat|overrightarrow)\s*(?:\{\s*\\?([ijk])(?:math)?\s*\}|\\?([ijk])(?:math)?(?![a-zA-Z]))"
)
_ROUGHLY = re.compile(r"^\s*\\text\s*\{\s*(?:exactly|approximately|approx\.?|about|roughly|around)\s*\}")
_QUANTITY = re.compile(r"\\(?:num\s*\{([^{}]*)\}|(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}\\]*)\})")
_WORDS_TOO = re.compile(r"(?<![\\a-zA-Z{])[a-zA-Z]{2,}|\$")
_NOTHING = re.compile(r"\\(?:left|right)\s*\.")
_UPRIGHT = re.compile(r"\\(?:mathrm|text|textrm|textnormal|mbox)\s*\{\s*(?=\\(?:[dtc]?frac|sqrt|text|math))")
_POWERS = re.compile(r"\\mathrm\s*\{((?:[^{}]|\{\s*-?\d\s*\})*)\}")
_COMMENT = re.compile(
    r"[\s,;]*\(\s*(?:\\(?:text|mathrm)\s*\{\s*)?(?:approx(?:imately|\.)?|exact(?:ly)?|rounded)\s*\}?\s*\)\s*$"
)


def unwrap(text: str) -> str:
    r"""``text`` without decoration, with systems of equations as lists.

    >>> unwrap(r"\color{red}{42}\tag{1}"), unwrap(r"\begin{cases}x=1\\y=2\end{cases}")
    ('{42}', 'x=1, y=2')
    """
    if "\\" not in text:
        return _COMMENT.sub("", text) if text.endswith(")") else text
    if r"\mathrm" in text or r"\text" in text or r"\mbox" in text:
        text = _upright(text)
    if r"\num" in text or r"\SI" in text or r"\qty" in text:
        text = _QUANTITY.sub(_quantity, text)
    text = _UNIT_VECTOR.sub(lambda match: f" {match.group(1) or match.group(2)} ", _GONE.sub("", text))
    text = _ROUGHLY.sub("", _shown(text))
    if r"\begin" in text:
        text = _LAYOUT.sub(_rows, _ROW_GAP.sub(r"\\\\", text)).replace("{smallmatrix}", "{pmatrix}")
    if r"\left" in text or r"\right" in text:
        text = _NOTHING.sub("", text)
    if r"\choose" in text or r"\over" in text:
        text = _prefix(text)
    if r"\langle" in text and r"\rangle" in text:
        text = re.sub(r"\\langle(?![a-zA-Z])", "(", re.sub(r"\\rangle(?![a-zA-Z])", ")", text))
    return _COMMENT.sub("", text)


def _quantity(match: re.Match[str]) -> str:
    """``\\num{5}`` and ``\\SI{5}{cm}`` as the number with its unit."""
    plain, number, unit = match.groups()
    return plain if plain is not None else rf"{number}\text{{ {unit}}}"


def _upright(text: str) -> str:
    """Upright letters without what else is upright for no reason: fractions, other text, the powers of units."""
    text = text.replace(r"\mathrm{k\Omega}", r"\text{k}\Omega ")
    for _ in range(4):
        match = _UPRIGHT.search(text)
        end = closing_brace(text, match.group().rstrip().rindex("{") + match.start()) if match else -1
        if match is None or end < 0:
            break
        inside = text[match.end() : end]
        if _WORDS_TOO.search(inside):
            break
        text = f"{text[: match.start()]} {inside} {text[end + 1 :]}"
    return _POWERS.sub(_with_plain_powers, text)


def _with_plain_powers(match: re.Match[str]) -> str:
    if "^" not in match.group(1):
        return match.group()
    inside = match.group(1).replace("{", "").replace("}", "")
    return r"\text{" + re.sub(r"\\[,;:! ]|\\cdot(?![a-zA-Z])", " ", inside) + "}"


def _shown(text: str) -> str:
    """Commands around what is shown, dropped with the arguments that only say how."""
    pieces, at = [], 0
    for match in _SHOWN_ONE.finditer(text):
        if match.start() < at:
            continue
        end = match.end()
        for _ in range(_SHOWN[match.group(1)]):
            close = closing_brace(text, end) if text[end : end + 1] == "{" else -1
            end = close + 1 if close >= 0 else end
        if _SHOWN[match.group(1)] == 0 and text[end : end + 1] == "{":
            close = closing_brace(text, end)
            inside = text[end + 1 : close] if close >= 0 else ""
            if close >= 0 and _is_words(inside):
                pieces += [text[at : match.start()], r"\text"]
                at = end
                continue
        pieces += [text[at : match.start()], " " if text[end : end + 1] != "{" else ""]
        at = end
    return "".join([*pieces, text[at:]])


def _is_words(inside: str) -> bool:
    """Whether bold or underlined text is words, not mathematics: those stay text."""
    return not _MATH_COMMAND.search(inside) and re.search(r"[a-zA-Z]{2,}", inside) is not None


def _rows(match: re.Match[str]) -> str:
    """A system of equations is a list of them; a chain of equalities over several lines is one chain."""
    kind, inside = match.group(1), match.group(2)
    rows = [row.strip() for row in _ROWS.split(inside) if row.strip()]
    if kind in ("array", "cases", "dcases"):
        if len(rows) == 1 and "&" not in rows[0]:
            return rows[0]
        loose = [_LOOSE.sub("", row) for row in rows]
        if not rows or any("&" in row for row in loose) or not all(_RELATION.search(row) for row in loose):
            return match.group()  # a matrix, or a function given piece by piece
        return ", ".join(row.rstrip(",;. ") for row in loose)
    rows = [row.replace("&", "") for row in rows]
    chain = len(rows) > 1 and all(_RELATION.match(row.strip()) for row in rows[1:])
    return (" " if chain else ", ").join(row.strip().rstrip(",;. ") for row in rows)


def _prefix(text: str) -> str:
    r"""``{5 \choose 2}`` as ``\binom{5}{2}``, ``{1 \over 2}`` as ``\frac{1}{2}``; innermost first."""
    for _ in range(8):
        match = _INFIX.search(text)
        if match is None or match.group(1) == "atop":
            return text
        start, end = _group(text, match.start())
        left, right = text[start : match.start()].strip(), text[match.end() : end].strip()
        command = r"\binom" if match.group(1) == "choose" else r"\frac"
        text = f"{text[:start]}{command}{{{left}}}{{{right}}}{text[end:]}"
    return text


def _group(text: str, at: int) -> tuple[int, int]:
    """The inside of the braces around ``at``; all of the text if there are none."""
    depth, start, end = 0, at, at
    while start > 0 and not (depth == 0 and text[start - 1] == "{"):
        depth += {"}": 1, "{": -1}.get(text[start - 1], 0)
        start -= 1
    depth = 0
    while end < len(text) and not (depth == 0 and text[end] == "}"):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return start, end
