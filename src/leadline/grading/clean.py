"""Text to plain LaTeX: one spelling for what people and models write in many. No meaning is changed here."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "plain_words"]

_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ", "0123456789+-()n")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₍₎", "0123456789+-()")
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ]+")
_SUBSCRIPTS = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋₍₎]+")

_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": r"\times ", "⋅": r"\cdot ", "·": r"\cdot ", "∙": r"\cdot ",
    "÷": r"\div ", "⁄": "/", "∕": "/", "±": r"\pm ", "∓": r"\mp ", "√": r"\sqrt ", "∞": r"\infty ", "∪": r"\cup ",
    "∩": r"\cap ", "∈": r"\in ", "∉": r"\notin ", "≤": r"\le ", "⩽": r"\le ", "≦": r"\le ", "≥": r"\ge ", "⩾": r"\ge ",
    "≧": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "≡": r"\equiv ", "°": r"^\circ ", "º": r"^\circ ", "∅": r"\emptyset ",
    "∖": r"\setminus ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}",
    "ℂ": r"\mathbb{C}", "→": r"\to ", "⟨": r"\langle ", "⟩": r"\rangle ", "“": '"', "”": '"', "‘": "'", "’": "'",
    "′": "'", "，": ",", "、": ",", "；": ";", "：": ":", "（": "(", "）": ")", "［": "[", "］": "]", "｛": "{",
    "｝": "}", "＝": "=", "＋": "+", "％": "%", "＜": "<", "＞": ">", "。": ".", "…": r"\dots ", "⌊": r"\lfloor ",
    "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "∣": "|", "∠": r"\angle ", "△": r"\triangle ",
    "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    "⅕": r"\frac{1}{5}", "⅖": r"\frac{2}{5}", "⅗": r"\frac{3}{5}", "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}",
    "⅚": r"\frac{5}{6}", "⅐": r"\frac{1}{7}", "⅛": r"\frac{1}{8}", "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}",
    "⅞": r"\frac{7}{8}", "⅑": r"\frac{1}{9}", "⅒": r"\frac{1}{10}",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho",
    "σ": "sigma", "τ": "tau", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma",
    "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi",
    "Ω": "Omega",
}  # fmt: skip
_UNICODE = {ord(sign): plain for sign, plain in _SIGNS.items()}
_UNICODE |= {ord(letter): rf"\{name} " for letter, name in _GREEK.items()}
# Circled digits number the statements of a multiple-choice problem: ②③ names two of them.
_UNICODE |= {ord("①") + i: f" {i + 1}," for i in range(20)}

# What a command becomes; "" drops it. Commands that are not here stay as they are.
_COMMANDS = dict.fromkeys(
    [
        "left",
        "right",
        "bigl",
        "bigr",
        "Bigl",
        "Bigr",
        "biggl",
        "biggr",
        "Biggl",
        "Biggr",
        "big",
        "Big",
        "bigg",
        "Bigg",
        "bigm",
        "displaystyle",
        "textstyle",
        "scriptstyle",
        "limits",
        "nolimits",
        "mathop",
        "normalsize",
        "large",
        "Large",
        "hspace",
        "phantom",
        "allowbreak",
        "nonumber",
        "boldmath",
        "mathstrut",
        "strut",
        "smallskip",
        "medskip",
        "bigskip",
        "noindent",
        "centering",
        "hfill",
    ],
    "",
)
_COMMANDS |= dict.fromkeys(["quad", "qquad", "enspace", "thinspace", "medspace", "thickspace", "space"], " ")
_COMMANDS |= dict.fromkeys(["dfrac", "tfrac", "cfrac"], r"\frac")
_COMMANDS |= dict.fromkeys(["dbinom", "tbinom"], r"\binom")
_COMMANDS |= dict.fromkeys(["leq", "leqslant", "leqq", "lessapprox", "lesssim"], r"\le ")
_COMMANDS |= dict.fromkeys(["geq", "geqslant", "geqq"], r"\ge ")
_COMMANDS |= {
    "lt": "<",
    "gt": ">",
    "neq": r"\ne ",
    "lbrace": r"\{",
    "rbrace": r"\}",
    "lbrack": "[",
    "rbrack": "]",
}
_COMMANDS |= dict.fromkeys(["vert", "lvert", "rvert", "mid"], "|")
_COMMANDS |= dict.fromkeys(
    ["text", "textbf", "textit", "textrm", "textnormal", "textsf", "texttt", "mbox", "hbox"], r"\text"
)
_COMMANDS |= dict.fromkeys(
    ["mathrm", "rm", "mathit", "mathsf", "mathtt", "operatorname", "mathnormal"], r"\mathrm"
)
_COMMANDS |= dict.fromkeys(["mathbf", "bm", "boldsymbol", "pmb", "bf", "mathcal", "mathscr"], r"\mathbf")
_COMMANDS |= {"degree": r"^\circ ", "percent": "%", "colon": ":", "ast": "*", "bullet": r"\cdot ",
              "iff": r"\iff ", "varphi": r"\phi ", "varepsilon": r"\epsilon ", "vartheta": r"\theta ",
              "ldots": r"\dots ", "cdots": r"\dots ", "dotsc": r"\dots ", "dotsb": r"\dots ", "lnot": r"\neg ",
              "varnothing": r"\emptyset ", "tg": r"\tan", "ctg": r"\cot", "arctg": r"\arctan",
              "dollar": "", "euro": "", "pounds": "", "rbracl": "]", "backslash": r"\setminus ",
              "lgroup": "(", "rgroup": ")", "cupdot": r"\cup "}  # fmt: skip
_COMMAND = re.compile(r"\\([a-zA-Z]+|.)", re.DOTALL)
_SPACING = frozenset(" ,;:!>\n\t")
_MATH_SIGNS = frozenset("()[]$")

_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z(\[)\]])")
_WRAPPED = re.compile(r"\\mathbf\s*\{([^{}]*)\}")
_ROMAN = re.compile(r"\\mathrm\s*\{([^{}]*)\}")
_TEXT_LINK = re.compile(r"\\text\s*\{\s*,?\s*(and|or|,|;|and/or)\s*\}|(?<![a-zA-Z\\])(and|or)(?![a-zA-Z])")
_LATEX_GROUPS = re.compile(r"(\d)\s*(?:\{\s*,\s*\}|,\s*\\!|\\,)\s*(?=\d{3}(?!\d))")
_WHOLE_TEXT = re.compile(r"^\s*\\text\s*\{([^{}]*)\}\s*$")
_TEXT_FUNCTION = re.compile(r"\\text\s*\{\s*(sin|cos|tan|cot|sec|csc|log|ln|arcsin|arccos|arctan)\s*\}")
_ARRAY = re.compile(r"\\begin\s*\{array\}\s*\{[^{}]*\}(.*?)\\end\s*\{array\}", re.DOTALL)
_LINKED_TEXT = re.compile(r"\\text\s*\{([^{}]*(?<![a-zA-Z])(?:and|or)(?![a-zA-Z])[^{}]*)\}")
_INNER_LINK = re.compile(r"(?<![a-zA-Z])(and|or)(?![a-zA-Z])")
_RELATIONS = (
    ("<=", r"\le "),
    (">=", r"\ge "),
    ("!=", r"\ne "),
    ("==", "="),
    (r"\ne =", r"\ne "),
    (":=", "="),
)
_SHORT_FRAC = re.compile(r"\\frac\s*(?:(\{[^{}]*\})|(\w))\s*(?:(\{[^{}]*\})|(\w)(?!\w*\}))")
_SHORT_SQRT = re.compile(r"\\sqrt\s*(\d|[a-zA-Z](?![a-zA-Z]))")
_FUNCTIONS = re.compile(
    r"(?<![a-zA-Z\\])(sqrt|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|log|ln|pi|infinity|infty|inf|oo)(?![a-zA-Z])"
)
_SPACES = re.compile(r"\s+")


def clean(text: str) -> str:
    """``text`` in plain LaTeX: ASCII, one name for each command, no sizing, no dollar signs, no stray punctuation.

    >>> clean(r"$\\dfrac12\\,\\leqslant x$")
    '\\\\frac{1}{2}\\\\le x'
    """
    if not text.isascii():
        text = _from_unicode(text)
    if "," in text and "\\" in text or "{,}" in text:
        text = _LATEX_GROUPS.sub(r"\1", text)
    if r"\begin" not in text and "\\\\" in text:
        text = _DOUBLED.sub(r"\\", text)
    if "\\" in text:
        text = _COMMAND.sub(_rename, text)
    text = text.replace("$", "").replace("{,}", "").replace("**", "^" if _is_power(text) else "")
    for sign, command in _RELATIONS:
        if sign in text:
            text = text.replace(sign, command)
    if r"\text" in text:
        text = _TEXT_FUNCTION.sub(r"\\\1 ", text)
    text = _spell_functions(text)
    if "and" in text or "or" in text or r"\text" in text:
        text = _LINKED_TEXT.sub(_open_text, text) if r"\text" in text else text
        text = _TEXT_LINK.sub(_link, text)
    if "\\" in text:
        text = _tidy_commands(text)
    return _trim(_SPACES.sub(" ", text))


def _from_unicode(text: str) -> str:
    text = _SUPERSCRIPTS.sub(lambda m: "^{" + m.group().translate(_SUPERSCRIPT) + "}", text)
    text = _SUBSCRIPTS.sub(lambda m: "_{" + m.group().translate(_SUBSCRIPT) + "}", text)
    text = unicodedata.normalize("NFKC", text.translate(_UNICODE)).translate(_UNICODE)
    return "".join(_ascii(char) for char in text)


def _ascii(char: str) -> str:
    if char.isascii():
        return char
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.digit(char))
    if kind == "Zs":
        return " "
    # Marks, formats (zero-width joiners) and currency signs say nothing about the value.
    return "" if kind in ("Mn", "Me", "Cf", "Cc", "Sc", "Co", "Cn") else char


def _link(match: re.Match[str]) -> str:
    word = match.group(1) or match.group(2)
    link = {"and": "\\land", "or": "\\lor"}.get(word, ",")
    return f" {link} "


def _open_text(match: re.Match[str]) -> str:
    """A link of two texts: it stands between them."""
    pieces = _INNER_LINK.split(match.group(1))
    shown = [piece if i % 2 else rf"\text{{{piece}}}" for i, piece in enumerate(pieces) if piece.strip()]
    return " ".join(shown)


def _rename(match: re.Match[str]) -> str:
    name = match.group(1)
    if name in _COMMANDS:
        return _COMMANDS[name]
    if name in _SPACING:
        return " " if name not in "!" else ""
    if name in _MATH_SIGNS:
        return " "
    return "%" if name == "%" else match.group()


def _is_power(text: str) -> bool:
    """Two stars between operands are a power; around a text they are Markdown."""
    return re.search(r"[\w)}]\s*\*\*\s*[\w({-]", text) is not None


def _spell_functions(text: str) -> str:
    def command(match: re.Match[str]) -> str:
        name = match.group(1)
        return r"\infty " if name in ("infinity", "infty", "inf", "oo") else f"\\{name} "

    text = _FUNCTIONS.sub(command, text)
    if "sqrt" in text:
        text = re.sub(r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text)
    return text


def _tidy_commands(text: str) -> str:
    if "array" in text:
        text = _ARRAY.sub(r"\\begin{pmatrix}\1\\end{pmatrix}", text)
    if r"\text" in text:
        text = _WHOLE_TEXT.sub(r"\1", text)
    if r"\mathbf" in text:
        text = _WRAPPED.sub(r"\1", text)
    if r"\mathrm" in text:
        text = _ROMAN.sub(_roman, text)
    if r"\frac" in text:
        text = _SHORT_FRAC.sub(_braces, text)
    if r"\sqrt" in text:
        text = _SHORT_SQRT.sub(r"\\sqrt{\1}", text)
    text = (
        text.replace(r"^{\circ}", r"^\circ").replace(r"^ \circ", r"^\circ").replace(r"^{ \circ}", r"^\circ")
    )
    return text.replace(r"{}^\circ", r"^\circ")


def _roman(match: re.Match[str]) -> str:
    """Upright letters are a function, a constant or a unit."""
    word = match.group(1).strip()
    if word in ("e", "i", "d", "pi", "R", "N", "Z", "Q", "C", "T"):
        return word
    if word in (
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "log",
        "ln",
        "arcsin",
        "arccos",
        "arctan",
        "lcm",
        "gcd",
    ):
        return f"\\{word} "
    return rf"\text{{{word}}}"


def _braces(match: re.Match[str]) -> str:
    above = match.group(1) or "{" + match.group(2) + "}"
    below = match.group(3) or "{" + match.group(4) + "}"
    return rf"\frac{above}{below}"


def _trim(text: str) -> str:
    """Drops quotes, blanks and closing punctuation around ``text``, and braces around all of it."""
    while True:
        before = text
        text = text.strip(" \"'`,;:_~").removesuffix(r"\dots").strip()
        if text.endswith(".") and not re.search(r"(?:^|[\s.])[ap]\.\s?m\.$", text, re.IGNORECASE):
            text = text[:-1]
        if text.startswith("{") and _closes_at(text, 0) == len(text) - 1:
            text = text[1:-1]
        if text == before:
            return text


def _closes_at(text: str, start: int) -> int:
    depth = 0
    for i in range(start, len(text)):
        if text[i] == "{" and (i == 0 or text[i - 1] != "\\"):
            depth += 1
        elif text[i] == "}" and text[i - 1] != "\\":
            depth -= 1
            if depth == 0:
                return i
    return -1


_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def plain_words(text: str) -> str:
    r"""Only the words of a text, in lower case: what is left to compare when an answer is no mathematics.

    >>> plain_words(r"\text{The Ellipse.}")
    'ellipse'
    """
    words = _NOT_WORD.sub(" ", _TEXT.sub(r" \1 ", text).lower()).split()
    return " ".join(word for word in words if word not in ("the", "a", "an"))
