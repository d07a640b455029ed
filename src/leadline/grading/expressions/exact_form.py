r"""Exact values: an expression as a sum of rational multiples of roots and letters, and one way of writing it.

Equal forms are equal values, for any value of the letters. Unequal forms say nothing, unless both are plain numbers:
``(x^2-1)/(x-1)`` and ``x+1`` differ in form. Roots of letters stay as they are, since ``\sqrt{x^2}`` is not ``x``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from leadline.grading.expressions.node import Node
from leadline.grading.expressions.tokens import Unreadable

__all__ = ["Form", "approximate", "canonical", "exact_form", "power_floor"]

MAX_TERMS = 48
MAX_BITS = 8_192
MAX_RADICAND = 10**9
MAX_EXPONENT = 1_000


class Power(NamedTuple):
    """A letter (or an opaque piece, by its canonical text) to an integer power."""

    atom: str
    exponent: int


class Term(NamedTuple):
    """What a coefficient multiplies: the square root of a square-free integer, and powers of letters."""

    radicand: int = 1
    powers: tuple[Power, ...] = ()


ONE = Term()
Form = dict[Term, Fraction]


def exact_form(node: Node) -> Form:
    """The form of an expression. Raises ``Unreadable`` when it grows too large or divides by nothing."""
    if node.kind == "num":
        assert node.value is not None
        return {ONE: node.value} if node.value else {}
    if node.kind == "sym":
        return {Term(1, (Power(node.name, 1),)): Fraction(1)}
    args = [exact_form(arg) for arg in node.args]
    if node.kind == "add":
        return _sum(args)
    if node.kind == "mul":
        return _times(args[0], args[1])
    if node.kind == "div":
        return _times(args[0], _inverse(args[1]))
    if node.kind == "sqrt":
        assert node.value is not None
        return _root(args[0], int(node.value))
    if node.kind == "pow":
        return _power(args[0], args[1])
    return _call(node.name, args)


def canonical(form: Form) -> str:
    """One text for one form: ``1/2``, ``3*sqrt(2)``, ``-x^2+2*x``.

    >>> from leadline.grading.expressions.parser import read_expression
    >>> canonical(exact_form(read_expression(r"\\frac{1}{\\sqrt{2}}")))
    '1/2*sqrt(2)'
    """
    if not form:
        return "0"
    pieces = [_written(term, form[term]) for term in sorted(form, key=_order)]
    return "+".join(pieces).replace("+-", "-")


def _order(term: Term) -> tuple[int, tuple[Power, ...], int]:
    return (-sum(power.exponent for power in term.powers), term.powers, term.radicand)


def _written(term: Term, coefficient: Fraction) -> str:
    factors = [f"sqrt({term.radicand})"] if term.radicand > 1 else []
    factors += [p.atom if p.exponent == 1 else f"{p.atom}^{p.exponent}" for p in term.powers]
    if not factors:
        return str(coefficient)
    if abs(coefficient) == 1:
        return ("-" if coefficient < 0 else "") + "*".join(factors)
    return "*".join([str(coefficient), *factors])


def _checked(form: Form) -> Form:
    if len(form) > MAX_TERMS:
        raise Unreadable("too many terms")
    for value in form.values():
        if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
            raise Unreadable("too many digits")
    return form


def _sum(forms: list[Form]) -> Form:
    total: Form = {}
    for form in forms:
        for term, value in form.items():
            total[term] = total.get(term, Fraction(0)) + value
    return _checked({term: value for term, value in total.items() if value})


def _times(left: Form, right: Form) -> Form:
    total: Form = {}
    for a, x in left.items():
        for b, y in right.items():
            shared = math.gcd(a.radicand, b.radicand)
            term = Term(a.radicand // shared * (b.radicand // shared), _merged(a.powers, b.powers))
            total[term] = total.get(term, Fraction(0)) + x * y * shared
    return _checked({term: value for term, value in total.items() if value})


def _merged(left: tuple[Power, ...], right: tuple[Power, ...]) -> tuple[Power, ...]:
    if not left or not right:
        return left or right
    exponents = dict(left)
    for atom, exponent in right:
        exponents[atom] = exponents.get(atom, 0) + exponent
    return tuple(Power(atom, exponents[atom]) for atom in sorted(exponents) if exponents[atom])


def _opaque(text: str) -> Form:
    if len(text) > 400:
        raise Unreadable("too long")
    return {Term(1, (Power(text, 1),)): Fraction(1)}


def _call(name: str, args: list[Form]) -> Form:
    """The value of a function where it is an integer that is cheap to know, else an opaque piece."""
    numbers = [_plain(arg) for arg in args]
    whole = [int(n) for n in numbers if n is not None and n.denominator == 1 and 0 <= n <= MAX_EXPONENT]
    if name == "abs" and numbers[0] is not None:
        return _checked({ONE: abs(numbers[0])} if numbers[0] else {})
    if name == "factorial" and len(whole) == 1 and whole[0] <= 300:
        return {ONE: Fraction(math.factorial(whole[0]))}
    if name == "factorial2" and len(whole) == 1 and whole[0] <= 300:
        return {ONE: Fraction(math.prod(range(whole[0], 0, -2)))}
    if name == "binom" and len(whole) == 2:
        count = Fraction(math.comb(*whole))
        return _checked({ONE: count} if count else {})
    if name in _OF_NUMBERS and None not in numbers:
        found = _OF_NUMBERS[name]([number for number in numbers if number is not None])
        if found is not None:
            return {ONE: Fraction(found)} if found else {}
    return _opaque(f"{name}({','.join(canonical(arg) for arg in args)})")


def _of_integers(function: Callable[..., int], numbers: list[Fraction]) -> int | None:
    whole = [int(number) for number in numbers if number.denominator == 1]
    return function(*whole) if len(whole) == len(numbers) and max(map(abs, whole)) < 10**30 else None


_OF_NUMBERS: dict[str, Callable[[list[Fraction]], Fraction | int | None]] = {
    "max": max,
    "min": min,
    "gcd": lambda numbers: _of_integers(math.gcd, numbers),
    "lcm": lambda numbers: _of_integers(math.lcm, numbers),
    "floor": lambda numbers: math.floor(numbers[0]),
    "ceil": lambda numbers: math.ceil(numbers[0]),
    "mod": lambda numbers: numbers[0] % numbers[1] if numbers[1] else None,
}


def _inverse(form: Form) -> Form:
    if not form:
        raise Unreadable("division by zero")
    if len(form) == 1:
        ((term, value),) = form.items()
        powers = tuple(Power(p.atom, -p.exponent) for p in term.powers)
        return {Term(term.radicand, powers): 1 / (value * term.radicand)}
    if len(form) == 2 and not any(term.powers for term in form):
        (a, x), (b, y) = form.items()
        norm = x * x * a.radicand - y * y * b.radicand
        return _times({a: x, b: -y}, {ONE: 1 / norm})
    leading = form[min(form, key=_order)]
    monic = canonical({term: value / leading for term, value in form.items()})
    ((term, value),) = _opaque(f"({monic})").items()
    return {Term(1, (Power(term.powers[0].atom, -1),)): value / leading}


def _power(base: Form, exponent: Form) -> Form:
    number = _plain(exponent)
    if number is None or number.denominator > 12:
        return _opaque(f"({canonical(base)})^({canonical(exponent)})")
    if number.denominator > 1:
        return _whole_power(_root(base, number.denominator), number.numerator)
    return _whole_power(base, number.numerator)


def _whole_power(base: Form, exponent: int) -> Form:
    if exponent < 0:
        base, exponent = _inverse(base), -exponent
    too_many = exponent > (MAX_EXPONENT if _plain(base) is None else MAX_BITS)
    if too_many or exponent * _bits(base) > MAX_BITS or (len(base) > 1 and exponent > 16):
        raise Unreadable("a large power")
    result: Form = {ONE: Fraction(1)}
    while exponent:
        if exponent & 1:
            result = _times(result, base)
        exponent >>= 1
        if exponent:
            base = _times(base, base)
    return result


def _bits(form: Form) -> int:
    return max((max(v.numerator.bit_length(), v.denominator.bit_length()) for v in form.values()), default=0)


def _plain(form: Form) -> Fraction | None:
    """The rational number that a form is, or None."""
    if not form:
        return Fraction(0)
    return form.get(ONE) if len(form) == 1 else None


def _root(form: Form, index: int) -> Form:
    number = _plain(form)
    if number is None or number < 0:
        return _opaque(f"root{index}({canonical(form)})")
    below = number.denominator
    outside, inside = _extract(number.numerator * below ** (index - 1), index)
    coefficient = Fraction(outside, below)
    if inside == 1 or not coefficient:
        return {ONE: coefficient} if coefficient else {}
    if index == 2:
        return {Term(inside): coefficient}
    return {Term(1, (Power(f"root{index}({inside})", 1),)): coefficient}


def _extract(number: int, index: int) -> tuple[int, int]:
    """``number = outside**index * inside`` with ``inside`` free of powers of that index."""
    if number > MAX_RADICAND:
        raise Unreadable("a large root")
    outside, inside, prime = 1, 1, 2
    while prime * prime <= number:
        count = 0
        while number % prime == 0:
            number //= prime
            count += 1
        outside *= prime ** (count // index)
        inside *= prime ** (count % index)
        prime += 1 if prime == 2 else 2
    return outside, inside * number


def approximate(form: Form) -> float | None:
    """A float near the value of a form without letters (``pi`` and ``e`` are numbers), or None."""
    total = 0.0
    try:
        for term, value in form.items():
            piece = float(value) * math.sqrt(term.radicand)
            for atom, exponent in term.powers:
                if atom not in ("pi", "e"):
                    return None
                piece *= (math.pi if atom == "pi" else math.e) ** exponent
            total += piece
    except OverflowError:
        return None
    return total


def power_floor(node: Node) -> float:
    """A lower bound of the binary logarithm of ``|node|``, for powers too large to write down; 0 says nothing.

    >>> from leadline.grading.expressions.parser import read_expression
    >>> power_floor(read_expression("9^{9^{9^{9}}}"))
    inf
    """
    if node.kind == "num" and node.value is not None and node.value >= 2:
        return math.log2(node.value)
    if node.kind != "pow":
        return 0.0
    base, exponent = power_floor(node.args[0]), power_floor(node.args[1])
    if base < 1 or exponent < 1:
        return 0.0
    # The last digits of a float go to the safe side.
    return base * 2**exponent * (1 - 1e-9) if exponent < 1_000 else math.inf
