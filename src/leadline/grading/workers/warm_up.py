"""What the server of the workers reads before it forks them: examples of the shapes that answers take."""

from __future__ import annotations

from leadline.grading.comparison.algebraic import same_by_algebra
from leadline.grading.comparison.math_verify_bridge import forget, parsed
from leadline.grading.verdict import Strictness

__all__ = ["warm_up"]

# Shapes that answers take, for the tables of the parser.
_SAMPLES = r"""
x+1
\frac{3}{56}
2x+3y-4=0
y = -\frac{1}{2}x + \frac{3}{4}
(1, \frac{\sqrt{3}}{2})
[0, 1)
(-\infty, 2) \cup (3, \infty]
\{1, -2, \sqrt{5}\}
1, 2, 3
(1,2), (3,4)
x \in [-2, 7]
3:1
-2 < x \le 3
x^2 + y^2 = 4
\sin(2x) + \cos^2 x - \tan \frac{\pi}{3}
\log_2 3 + \ln 5 - \log x
e^{-i\pi/3}
2^{n+1} - \binom{n}{2} + n!
\lceil \frac{n}{2} \rceil + \lfloor n/2 \rfloor
|x-1|+|y|
f(x) = 2x + 1
a_n = 3^{n} - 2
f(x_1) + f(x_2)
\sum_{k=1}^{n} k^2
\int_0^1 x^2 dx
12\%
\lim_{x\to 0} \frac{\sin x}{x}
\text{odd}
\sqrt[3]{2} \cdot 5
1 \pm \sqrt{19}
30^\circ
abc
x_1 = 2, x_2 = 3
a \cdot b / c
-(x+1)(x-2)^2
5 \times 10^{-3}
x = 1 , y = 2
x \ge 5
(2-\sqrt{3})\pi a^2
\begin{pmatrix} 1 & -2 \\ 0 & \frac{1}{3} \end{pmatrix}
x \ne 3
-3 < \tan \frac{7}{5} \pi < x < \cos \frac{1}{5} \pi
\sin( \frac{\pi}{2}x + \frac{\pi}{6} )
\frac{n - (a_0 + a_1 + \dots + a_k)}{p - 1}
f(x_1) + f(x_2) > 0
-10x - 10y + 10 = 0
\{\frac{\pi}{6}, -\frac{3 \pi}{4}\}
""".strip().splitlines()

# Kinds of comparison that end in math-verify, for what sympy loads only when it is asked.
_PAIRS = (
    (r"x + 2y = 4", r"y = 2-\frac{x}{2}"),
    (r"6.018", r"f(x_1) + f(x_2) < 0"),
    (r"\frac{3\pi}{4}", "Mary"),
    (r"(3, 1, 2)", r"\lceil \frac{n}{2} \rceil + 1"),
    (r"5!", r"\sin(\frac{\pi}{2}x)"),
)


def warm_up() -> None:
    """Fill the parser's tables, which costs far more than parsing does: every worker forked later starts with them."""
    for sample in _SAMPLES:
        parsed(sample)
    for gold, answer in _PAIRS:
        same_by_algebra(gold, answer, Strictness())
    forget()
