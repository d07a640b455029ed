r"""A small reader of LaTeX expressions that gives up on whatever could be read in two ways.

It covers what most answers are made of: numbers, letters, ``\frac``, ``\sqrt``, powers, sums, products, a few
functions. ``1/2x``, ``\sin 2x``, subscripts with several letters and the like are left to the full parser.
"""

from __future__ import annotations

from fractions import Fraction

from leadline.grading.expressions.node import (
    FUNCTION_NAMES,
    FUNCTIONS,
    GREEK_LETTERS,
    MINUS_ONE,
    Node,
    mixed_number,
    number_node,
)
from leadline.grading.expressions.tokens import END, VECTOR_NAME, Token, Unreadable, tokens_of
from leadline.grading.text.spelling import OF_SEVERAL

__all__ = ["read_expression"]

MAX_EXPRESSION_DEPTH = 40
MAX_FACTORS = 200
"""Each factor is a level of the tree, which is walked by recursion."""

_ARGUMENTS = GREEK_LETTERS | {"frac", "sqrt"}
_AFTER_ARGUMENT = FUNCTIONS | {"log", "cdot", "times"}
_CIRC = Token("command", "circ")
_TIMES = (Token("command", "cdot"), Token("command", "times"))
_DIVIDED = Token("command", "div")
DEGREE = Node("div", (Node("sym", name="pi"), Node("num", value=Fraction(180))))
_OPEN_FLOOR = {"lfloor": ("rfloor", "floor"), "lceil": ("rceil", "ceil")}


def read_expression(text: str) -> Node:
    """The expression that ``text`` (cleaned) spells. Raises ``Unreadable`` when unsure."""
    return _Reader(tokens_of(text)).whole()


class _Reader:
    """Recursive descent; ``depth`` bounds the recursion."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0
        self.bars = self.functions = self.factors = 0
        self.degrees = False

    def peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else END

    def take(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def sees(self, signs: str) -> bool:
        """Whether one of these signs comes next."""
        token = self.peek()
        return token.kind == "sign" and token.text in signs

    def expect(self, sign: str) -> None:
        if self.take() != Token("sign", sign):
            raise Unreadable(f"expected {sign}")

    def whole(self) -> Node:
        node = self.sum()
        if self.peek() is not END:
            raise Unreadable("something follows")
        return node._replace(degrees=True) if self.degrees else node

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_EXPRESSION_DEPTH:
            raise Unreadable("too deep")
        terms = [self.signed()]
        while self.sees("+-"):
            terms.append(self.signed())
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def signed(self) -> Node:
        sign = 1
        while self.sees("+-"):
            if self.take().text == "-":
                sign = -sign
        node = self.product()
        return node if sign > 0 else Node("mul", (MINUS_ONE, node))

    def product(self) -> Node:
        node, divided = self.power(), False
        while True:
            token = self.peek()
            if self.sees("*") or token in _TIMES:
                self.take()
                node = Node("mul", (node, self.factor()))
            elif self.sees("/:") or token == _DIVIDED:
                self.take()
                node, divided = Node("div", (node, self.factor())), token.text == "/"
            elif token.text == "bmod":
                return self.modulus(node)
            elif token.text in ("rfloor", "rceil") or not self.sees_factor():
                return node
            elif divided:
                raise Unreadable("1/2x is read in two ways")
            else:
                node = self.juxtaposed(node)

    def sees_factor(self) -> bool:
        """Whether a factor comes next that no sign sets apart."""
        return self.peek().kind in ("number", "letter", "command") or self.sees("({" if self.bars else "({|")

    def count(self) -> None:
        self.factors += 1
        if self.factors > MAX_FACTORS:
            raise Unreadable("too many factors")

    def factor(self) -> Node:
        self.count()
        return self.power()

    def modulus(self, left: Node) -> Node:
        self.take()
        return Node("call", (left, self.power()), name="mod")

    def juxtaposed(self, left: Node) -> Node:
        starts_with_number = self.peek().kind == "number"
        right = self.factor()
        if starts_with_number:
            raise Unreadable("a number behind a factor")
        if left.kind == "num" and right.kind == "div" and all(arg.kind == "num" for arg in right.args):
            return mixed_number(left, right)
        return Node("mul", (left, right))

    def power(self) -> Node:
        base = self.atom()
        while self.sees("^%!"):
            sign = self.take().text
            self.count()
            if sign == "%":
                raise Unreadable(sign)
            if sign == "!":
                double = self.sees("!")
                self.at += double
                base = Node("call", (base,), name="factorial2" if double else "factorial")
                continue
            if self.peek() == _CIRC:
                self.take()
                base = self.in_degrees(base)
                continue
            base = Node("pow", (base, self.exponent()))
            if self.sees("^"):
                raise Unreadable("a tower without braces")
        return base

    def in_degrees(self, node: Node) -> Node:
        """An angle: a number of degrees, which a function needs in radians."""
        if self.functions:
            return Node("mul", (node, DEGREE))
        self.degrees = True
        return node

    def exponent(self) -> Node:
        if self.sees("{"):
            return self.braced()
        if self.sees("("):
            return self.atom()
        token = self.take()
        if token.kind == "number":
            return number_node(token.text)
        if token.kind == "letter":
            return Node("sym", name=token.text)
        if token == Token("sign", "-") and self.peek().kind == "number":
            return Node("mul", (MINUS_ONE, number_node(self.take().text)))
        raise Unreadable("exponent")

    def braced(self) -> Node:
        self.expect("{")
        node = self.sum()
        self.expect("}")
        return node

    def atom(self) -> Node:
        if self.sees("{"):
            return self.braced()
        token = self.take()
        if token.kind == "number":
            return number_node(token.text)
        if token.kind == "letter":
            return self.subscripted(token.text)
        if token.kind == "command":
            return self.command(token.text)
        if token.text == "(":
            node = self.sum()
            self.expect(")")
            return node
        if token.text == "|":
            self.bars += 1
            node = self.sum()
            self.expect("|")
            self.bars -= 1
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
        if name in GREEK_LETTERS or VECTOR_NAME.fullmatch(name):
            return self.subscripted(name)
        if name in FUNCTIONS:
            return self.call(name)
        if name in OF_SEVERAL:
            return Node("call", self.listed(), name=name)
        if name in _OPEN_FLOOR:
            node = self.sum()
            if self.take() != Token("command", _OPEN_FLOOR[name][0]):
                raise Unreadable(name)
            return Node("call", (node,), name=_OPEN_FLOOR[name][1])
        raise Unreadable(name)

    def listed(self) -> tuple[Node, ...]:
        """Arguments in brackets, between commas."""
        braces = self.sees("{")
        self.expect("{" if braces else "(")
        arguments = [self.sum()]
        while self.sees(","):
            self.take()
            arguments.append(self.sum())
        self.expect("}" if braces else ")")
        return tuple(arguments)

    def logarithm(self) -> Node:
        """``\\log_2 x``; without a base, to base ten."""
        base = Node("num", value=Fraction(10))
        if self.sees("_"):
            self.take()
            base = self.exponent()
        node = self.call("log")
        if node.kind == "pow":
            return node._replace(args=(node.args[0]._replace(args=(*node.args[0].args, base)), node.args[1]))
        return node._replace(args=(*node.args, base))

    def root(self) -> Node:
        index = 2
        if self.sees("["):
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
        if self.sees("("):
            if node.name == "C":
                arguments = self.listed()
                if len(arguments) == 2:
                    return Node("call", arguments, name="binom")
                raise Unreadable("a function")
            if name in FUNCTION_NAMES:
                raise Unreadable("a function")
        return node

    def letter(self, name: str) -> Node:
        if not self.sees("_"):
            return Node("sym", name=name)
        self.take()
        token = self.take()
        if token != Token("sign", "{"):
            if token.kind not in ("number", "letter"):
                raise Unreadable("subscript")
            return Node("sym", name=f"{name}_{token.text}")
        index = ""
        while (token := self.take()) != Token("sign", "}"):
            if (token.kind == "sign" and token.text not in "+-,") or token is END:
                raise Unreadable("subscript")
            index += token.text
        if not index:
            raise Unreadable("subscript")
        return Node("sym", name=f"{name}_{index}")

    def call(self, name: str) -> Node:
        r"""A function: ``\sin(2x)``, ``\sin 2x``, ``\sin^2 x``. ``\sin x^2`` and ``\sin xy`` are read in two ways."""
        power = self.power_of_function()
        if power is not None and power.kind != "num":
            if not name.startswith(("sin", "cos", "tan")) or power != Node(
                "mul", (MINUS_ONE, number_node("1"))
            ):
                raise Unreadable("an inverse, or a power")
            name, power = f"arc{name}", None
        self.functions += 1
        closed = self.sees("({")
        argument = self.atom() if closed else self.bare_argument(name)
        self.functions -= 1
        following = self.peek()
        if following.text == "^" or not (closed or self.ends_argument(following)):
            raise Unreadable("an argument without an end")
        if name == "exp":
            node = Node("pow", (Node("sym", name="e"), argument))
        elif name == "lg":
            node = Node("call", (argument, number_node("10")), name="log")
        else:
            node = Node("call", (argument,), name=name)
        return node if power is None else Node("pow", (node, power))

    def power_of_function(self) -> Node | None:
        if not self.sees("^"):
            return None
        self.take()
        return self.exponent()

    def bare_argument(self, name: str) -> Node:
        token = self.peek()
        if token.kind == "number":
            number = self.degrees_behind(self.atom())
            if self.peek().kind != "letter" and self.peek().text not in GREEK_LETTERS:
                return number
            return self.degrees_behind(Node("mul", (number, self.atom())))
        if token.kind == "letter" or (token.kind == "command" and token.text in _ARGUMENTS):
            return self.degrees_behind(self.atom())
        if self.sees("|") and not self.bars:
            return self.atom()
        raise Unreadable(name)

    def degrees_behind(self, node: Node) -> Node:
        if self.tokens[self.at : self.at + 2] != [Token("sign", "^"), _CIRC]:
            return node
        self.at += 2
        return self.in_degrees(node)

    def ends_argument(self, following: Token) -> bool:
        if following is END or following.text in ("+", "-", ")", "}", "*", "|"):
            return True
        return following.kind == "command" and following.text in _AFTER_ARGUMENT
