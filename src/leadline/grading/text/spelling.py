"""Tables of spellings: what signs and commands are called here."""

from __future__ import annotations

__all__ = ["COMMANDS", "GREEK", "OF_SEVERAL", "SUBSCRIPT", "SUPERSCRIPT", "UNICODE", "UPRIGHT_NAMES"]

SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ", "0123456789+-()n")
SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₍₎", "0123456789+-()")

_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": "\\times ", "⋅": "\\cdot ", "·": "\\cdot ",
    "∙": "\\cdot ", "÷": "\\div ", "⁄": "/", "∕": "/", "±": "\\pm ", "∓": "\\mp ", "√": "\\sqrt ",
    "∞": "\\infty ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "∉": "\\notin ", "≤": "\\le ",
    "⩽": "\\le ", "≦": "\\le ", "≥": "\\ge ", "⩾": "\\ge ", "≧": "\\ge ", "≠": "\\ne ",
    "≈": "\\approx ", "≡": "\\equiv ", "°": "^\\circ ", "º": "^\\circ ", "∅": "\\emptyset ",
    "∖": "\\setminus ", "ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℕ": "\\mathbb{N}", "ℚ": "\\mathbb{Q}",
    "ℂ": "\\mathbb{C}", "→": "\\to ", "⟨": "\\langle ", "⟩": "\\rangle ", '“': '"', '”': '"', '‘': "'",
    '’': "'", '′': "'", "，": ",", "、": ",", "；": ";", "：": ":", "（": "(", "）": ")", "［": "[", "］": "]",
    "｛": "{", "｝": "}", "＝": "=", "＋": "+", "％": "%", "٫": ".", "٬": ",",
    "″": "''", "＜": "<", "＞": ">", "。": ".", "…": "\\dots ",
    "⌊": "\\lfloor ", "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "∣": "|", "∠": "\\angle ",
    "€": "\\eur ", "£": "\\gbp ", "₹": "\\inr ", "₽": "\\rub ",
    "¥": "\\yuanyen ", "￥": "\\yuanyen ", "¢": "\\cent ", "￠": "\\cent ", "Ω": "\\Omega ",
    "△": "\\triangle ", "½": "\\frac{1}{2}", "⅓": "\\frac{1}{3}", "⅔": "\\frac{2}{3}",
    "¼": "\\frac{1}{4}", "¾": "\\frac{3}{4}", "⅕": "\\frac{1}{5}", "⅖": "\\frac{2}{5}",
    "⅗": "\\frac{3}{5}", "⅘": "\\frac{4}{5}", "⅙": "\\frac{1}{6}", "⅚": "\\frac{5}{6}",
    "⅐": "\\frac{1}{7}", "⅛": "\\frac{1}{8}", "⅜": "\\frac{3}{8}", "⅝": "\\frac{5}{8}",
    "⅞": "\\frac{7}{8}", "⅑": "\\frac{1}{9}", "⅒": "\\frac{1}{10}",
}  # fmt: skip
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi",
    "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi",
    "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
UNICODE = {ord(sign): plain for sign, plain in _SIGNS.items()}
UNICODE |= {ord(letter): rf"\{name} " for letter, name in GREEK.items()}
# Circled digits number the statements of a multiple-choice problem: ②③ names two of them.
UNICODE |= {ord("①") + i: f" {i + 1}," for i in range(20)}

# What a command becomes -> the commands; "" drops them. Commands that are not here stay as they are.
_BECOMES = {
    "": (
        "left right bigl bigr Bigl Bigr biggl biggr Biggl Biggr big Big bigg Bigg bigm displaystyle "
        "textstyle scriptstyle limits nolimits mathop normalsize large Large hspace phantom allowbreak "
        "nonumber boldmath mathstrut strut smallskip medskip bigskip noindent centering hfill "
    ),
    " ": "quad qquad enspace thinspace medspace thickspace space",
    r"\sqrt": "surd",
    r"\frac": "dfrac tfrac cfrac nicefrac sfrac flatfrac",
    r"\approx ": "approxeq simeq thickapprox",
    r"\lor ": "vee",
    r"\land ": "wedge",
    r"\lg ": "log10",
    r"\overline": "bar",
    r"\binom": "dbinom tbinom",
    r"\le ": "leq leqslant leqq lessapprox lesssim",
    r"\ge ": "geq geqslant geqq",
    "<": "lt",
    ">": "gt",
    r"\ne ": "neq",
    r"\{": "lbrace",
    r"\}": "rbrace",
    "[": "lbrack",
    "]": "rbrack rbracl",
    "|": "vert lvert rvert mid",
    r"\text": "text textbf textit textrm textnormal textsf texttt mbox hbox",
    r"\mathrm": "mathrm rm mathit mathsf mathtt operatorname mathnormal",
    r"\mathbf": "mathbf bm boldsymbol pmb bf mathcal mathscr",
    r"^\circ ": "degree",
    "%": "percent",
    ":": "colon",
    "*": "ast",
    r"\cdot ": "bullet",
    r"\iff ": "iff",
    r"\phi": "varphi",
    r"\epsilon": "varepsilon",
    r"\theta": "vartheta",
    r"\dots ": "ldots cdots dotsc dotsb",
    r"\neg ": "lnot",
    r"\emptyset ": "varnothing",
    r"\tan": "tg",
    r"\cot": "ctg cotg",
    r"\arctan": "arctg atan",
    r"\arcsin": "asin",
    r"\arccos": "acos",
    r"\sinh": "sh",
    r"\cosh": "ch",
    r"\csc": "cosec",
    r"\setminus ": "backslash",
    "(": "lgroup",
    ")": "rgroup",
    r"\cup ": "cupdot",
    "i": "imath",
    "j": "jmath",
    r"\usd ": "dollar textdollar",
    r"\eur ": "euro texteuro",
    r"\gbp ": "pounds textsterling",
    "Å": "AA angstrom",
}
COMMANDS = {name: becomes for becomes, names in _BECOMES.items() for name in names.split()}

UPRIGHT_NAMES = (
    "arcsinh arccosh arctanh arcsin arccos arctan arccot sinh cosh tanh coth sin cos tan cot sec csc log ln lg"
).split()
"""Functions whose names stand upright, whether or not a backslash is in front of them; longer names first."""
OF_SEVERAL = ("max", "min", "gcd", "lcm")
"""Functions of any number of arguments in brackets."""
