"""What the words of a finding mean, for who meets them first: shown where the reader points."""

from __future__ import annotations

import re
from html import escape

from markupsafe import Markup

__all__ = ["TERMS", "glossed"]

TERMS = {
    "pass@1": "share of single answers that are right, the mean over problems",
    "solve rate": "share of a model's answers to one problem that are right",
    "G": "group size: answers that are drawn to one problem in one training step",
    "live": "a group is live when it holds right and wrong answers; only such groups teach",
    "fitted law of Q": "how the true solve rates are spread over problems, estimated from all counts together; it says "
    "what to expect of problems without flattering those that were picked for their luck",
    "tilt": "making right answers more likely, and all others less, without finding new ones",
    "exact optimum": "the best that reward minus KL coefficient times distance from the base model allows",
    "support": "what a model can do at all, however rarely",
    "expanded": "problems that only the tuned model solves",
    "shrunk": "problems that only the base model solves",
    "dead": "never solved in these samples",
    "saturated": "solved nearly always: nothing left to learn",
    "KL coefficient": "the price of moving away from the base model, beta",
}
"""Term -> meaning, in plain words; none has a double quote."""

_FIND = re.compile(
    r"(?<![\w@])("
    + "|".join(re.escape(term) for term in sorted(TERMS, key=len, reverse=True))
    + r")(?![\w@])"
)


def glossed(text: str, seen: set[str] | None = None) -> Markup:
    """Escaped text in which each term, the first time it comes, carries its meaning.

    >>> str(glossed("3 dead < 4"))
    '3 <abbr title="never solved in these samples">dead</abbr> &lt; 4'
    """
    met = set() if seen is None else seen

    def mark(match: re.Match[str]) -> str:
        term = match[1]
        if term in met:
            return term
        met.add(term)
        return f'<abbr title="{escape(TERMS[term])}">{term}</abbr>'

    return Markup(_FIND.sub(mark, escape(text)))
