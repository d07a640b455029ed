r"""A small reader of LaTeX expressions that gives up on whatever could be read in two ways.

It covers what most answers are made of: numbers, letters, ``\frac``, ``\sqrt``, powers, sums, products, a few
functions. ``1/2x``, ``\sin 2x``, subscripts with several letters and the like are left to the full parser.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from leadline.grading.expressions.tokens import END, Token, Unreadable, tokens_of
from leadline.grading.text.limits import MAX_DIGITS

__all__ = ["Node", "Unreadable", "read_expression"]

MAX_EXPRESSION_DEPTH = 40

_LETTERS = frozenset(
    [
        "pi",
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "theta",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "phi",
        "chi",
        "psi",
        "omega",
        "kappa",
        "eta",
        "zeta",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Sigma",
        "Phi",
        "Psi",
        "Omega",
        "ell",
        "hbar",
    ]
)
_FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "ln",
        "exp",
        "sinh",
        "cosh",
        "tanh",
    ]
)

_ARGUMENTS = _LETTERS | {"frac", "sqrt"}
_AFTER_ARGUMENT = _FUNCTIONS | {"log", "cdot", "times"}
_FUNCTION_NAMES = frozenset(
    [
        "f",
        "g",
        "h",
        "F",
        "G",
        "H",
        "P",
        "Q",
        "W",
        "T",
        "u",
        "v",
        "Gamma",
        "phi",
        "psi",
        "zeta",
        "sigma",
        "pi",
        "mu",
        "tau",
        "omega",
        "Phi",
        "Psi",
    ]
) - {"pi"}


class Node(NamedTuple):
    """One node of an expression.

    ``kind`` is num (``value``), sym (``name``), add, mul (``args``), div, pow (two ``args``), sqrt (one ``args``,
    ``value`` the index of the root) or call (``name``, its
    arguments).
    """

    kind: str
    args: tuple[Node, ...] = ()
    value: Fraction | None = None
    name: str = ""


def read_expression(text: str) -> Node:
    """The expression that ``text`` (cleaned) spells. Raises ``Unreadable`` when unsure."""
    return _Reader(tokens_of(text)).whole()


class _Reader:
    """Recursive descent; ``depth`` bounds the recursion."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0

    def peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else END

    def take(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, sign: str) -> None:
        if self.take() != Token("sign", sign):
            raise Unreadable(f"expected {sign}")

    def whole(self) -> Node:
        node = self.sum()
        if self.peek() is not END:
            raise Unreadable("something follows")
        return node

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_EXPRESSION_DEPTH:
            raise Unreadable("too deep")
        terms = [self.signed()]
        while self.peek() in (Token("sign", "+"), Token("sign", "-")):
            terms.append(self.signed())
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def signed(self) -> Node:
        sign = 1
        while self.peek() in (Token("sign", "+"), Token("sign", "-")):
            if self.take().text == "-":
                sign = -sign
        node = self.product()
        return node if sign > 0 else Node("mul", (Node("num", value=Fraction(-1)), node))

    def product(self) -> Node:
        node = self.power()
        divided = False
        while True:
            token = self.peek()
            if token == Token("sign", "*") or token in (Token("command", "cdot"), Token("command", "times")):
                self.take()
                node = Node("mul", (node, self.power()))
            elif token in (Token("sign", "/"), Token("command", "div"), Token("sign", ":")):
                self.take()
                node, divided = Node("div", (node, self.power())), token.text == "/"
            elif token.kind in ("number", "letter", "command") or token in (
                Token("sign", "("),
                Token("sign", "{"),
            ):
                if divided:
                    raise Unreadable("1/2x is read in two ways")
                node = self.juxtaposed(node)
            else:
                return node

    def juxtaposed(self, left: Node) -> Node:
        starts_with_number = self.peek().kind == "number"
        right = self.power()
        if starts_with_number:
            raise Unreadable("a number behind a factor")
        if left.kind == "num" and right.kind == "div" and all(arg.kind == "num" for arg in right.args):
            return _mixed(left, right)
        return Node("mul", (left, right))

    def power(self) -> Node:
        base = self.atom()
        while self.peek() in (Token("sign", "^"), Token("sign", "%"), Token("sign", "!")):
            sign = self.take().text
            if sign == "%":
                raise Unreadable(sign)
            if sign == "!":
                base = Node("call", (base,), name="factorial")
                continue
            base = Node("pow", (base, self.exponent()))
            if self.peek() == Token("sign", "^"):
                raise Unreadable("a tower without braces")
        return base

    def exponent(self) -> Node:
        if self.peek() == Token("sign", "{"):
            return self.braced()
        if self.peek() == Token("sign", "("):
            return self.atom()
        token = self.take()
        if token.kind == "number":
            return _number(token.text)
        if token.kind == "letter":
            return Node("sym", name=token.text)
        if token == Token("sign", "-") and self.peek().kind == "number":
            return Node("mul", (Node("num", value=Fraction(-1)), _number(self.take().text)))
        raise Unreadable("exponent")

    def braced(self) -> Node:
        self.expect("{")
        node = self.sum()
        self.expect("}")
        return node

    def atom(self) -> Node:
        token = self.take()
        if token.kind == "number":
            return _number(token.text)
        if token.kind == "letter":
            return self.subscripted(token.text)
        if token == Token("sign", "("):
            node = self.sum()
            self.expect(")")
            return node
        if token == Token("sign", "{"):
            self.at -= 1
            return self.braced()
        if token.kind == "command":
            return self.command(token.text)
        if token == Token("sign", "|"):
            node = self.sum()
            self.expect("|")
            return Node("call", (node,), name="abs")
        raise Unreadable(token.text)

    def command(self, name: str) -> Node:
        if name == "frac":
            return Node("div", (self.braced(), self.braced()))
        if name == "sqrt":
            return self.root()
        if name == "binom":
            return Node("call", (self.braced(), self.braced()), name="binom")
        if name == "log":
            return self.logarithm()
        if name in _LETTERS:
            return self.subscripted(name)
        if name in _FUNCTIONS:
            return self.call(name)
        raise Unreadable(name)

    def logarithm(self) -> Node:
        """``\\log_2 x``; without a base, to base ten."""
        base = Node("num", value=Fraction(10))
        if self.peek() == Token("sign", "_"):
            self.take()
            base = self.exponent()
        node = self.call("log")
        if node.kind == "pow":
            return node._replace(args=(node.args[0]._replace(args=(*node.args[0].args, base)), node.args[1]))
        return node._replace(args=(*node.args, base))

    def root(self) -> Node:
        index = 2
        if self.peek() == Token("sign", "["):
            self.take()
            token = self.take()
            if token.kind != "number" or not token.text.isdigit() or not 1 < int(token.text) < 100:
                raise Unreadable("index of a root")
            index = int(token.text)
            self.expect("]")
        return Node("sqrt", (self.braced(),), value=Fraction(index))

    def subscripted(self, name: str) -> Node:
        """A letter. ``f(x)`` is a function, not a product."""
        node = self.letter(name)
        if name in _FUNCTION_NAMES and self.peek() == Token("sign", "("):
            raise Unreadable("a function")
        return node

    def letter(self, name: str) -> Node:
        if self.peek() != Token("sign", "_"):
            return Node("sym", name=name)
        self.take()
        token = self.take()
        braced = token == Token("sign", "{")
        if braced:
            token = self.take()
        if token.kind not in ("number", "letter"):
            raise Unreadable("subscript")
        if braced:
            self.expect("}")
        return Node("sym", name=f"{name}_{token.text}")

    def call(self, name: str) -> Node:
        r"""A function: ``\sin(2x)``, ``\sin 2x``, ``\sin^2 x``. ``\sin x^2`` and ``\sin xy`` are read in two ways."""
        power = self.power_of_function()
        closed = self.peek() in (Token("sign", "("), Token("sign", "{"))
        argument = self.atom() if closed else self.bare_argument(name)
        following = self.peek()
        if following.text == "^" or not (closed or self.ends_argument(following)):
            raise Unreadable("an argument without an end")
        node = Node("call", (argument,), name=name)
        return node if power is None else Node("pow", (node, power))

    def power_of_function(self) -> Node | None:
        if self.peek() != Token("sign", "^"):
            return None
        self.take()
        power = self.exponent()
        if power.kind != "num":
            raise Unreadable("an inverse, or a power")
        return power

    def bare_argument(self, name: str) -> Node:
        token = self.peek()
        if token.kind == "number":
            number = self.atom()
            if self.peek().kind != "letter" and self.peek().text not in _LETTERS:
                return number
            return Node("mul", (number, self.atom()))
        if token.kind == "letter" or (token.kind == "command" and token.text in _ARGUMENTS):
            return self.atom()
        raise Unreadable(name)

    def ends_argument(self, following: Token) -> bool:
        if following is END or following.text in ("+", "-", ")", "}", "*", "|"):
            return True
        return following.kind == "command" and following.text in _AFTER_ARGUMENT


def _number(text: str) -> Node:
    if len(text) > MAX_DIGITS:
        raise Unreadable("digits")
    return Node("num", value=Fraction(text))


def _mixed(whole: Node, part: Node) -> Node:
    above, below = (arg.value for arg in part.args)
    assert whole.value is not None
    if above is None or below is None or whole.value.denominator != 1 or not 0 <= above < below:
        raise Unreadable("a number before a fraction")
    return Node("add", (whole, part))
