"""Each kind of case that graders get wrong, with values of our own; the tables of docs/grading.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadline.grading import Grader, Reason, Strictness

DOCS = Path(__file__).parents[2] / "docs" / "grading.md"

# Answer, gold; the first list of a kind matches, the second does not.
KINDS: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "letters are no units": (
        [("4mn", "4mn"), (r"\frac12 pq", r"\frac{pq}{2}")],
        [("4mn", "4mk"), ("7pq", "7"), ("7", "7pq"), (r"2\pi rl", r"2\pi"), ("k^2-4mn", "k^2-4"), ("3h", "3")],
    ),
    "units": (
        [("6 cm", "6"), (r"2\text{ km}", r"2000\text{ m}"), ("1.5 h", "90 min"), ("8厘米", "8"),
         (r"8\text{ in}^2", "8")],
        [("6 cm", "6 kg"), (r"20\%", r"20^\circ"), (r"5\text{ m}", r"5\text{ km}"), ("2 h", "2 s"), ("-4°C", "-4°F")],
    ),
    "money": (
        [("40 cents", r"\$0.40"), (r"\$3", "300 cents"), ("€7", "7 euros"), ("8¢", "8 cents"), ("¥9", "9 yuan"),
         ("¥9", "9 yen"), (r"\$12\text{ per hour}", r"\$12"), ("Rs. 60", "60 rupees"), ("$6", "6 dollars")],
        [("6 cents", r"\$6"), (r"\$6", "6 cents"), ("€7", r"\$7"), ("£7", "€7"), ("¥9", r"\$9"), ("9 yen", "9 yuan"),
         (r"\$12\text{ per hour}", r"\$12\text{ per day}")],
    ),
    "units of what is no plain number": (
        [(r"2\pi\text{ m}", r"200\pi\text{ cm}"), (r"x\text{ m}", r"100x\text{ cm}"), (r"7\ \Omega", "7"),
         ("19 years old", "19"), ("6 см", "6"), ("8hr", "8 hours")],
        [(r"2\pi\text{ m}", r"2\pi\text{ cm}"), (r"\sqrt5\text{ km}", r"\sqrt5\text{ m}"), ("8hr", "8"),
         ("6 см", "6 кг"),          ("9st", "9"), (r"4\ \mu\text{m}", r"4\text{ mm}")],
    ),
    "other things' names": (
        [("QP=6", "PQ=6"), (r"\text{Area}=6", "A=6"), (r"\hat{q}=6", "6"), ("K(2,5)", "(2,5)"),
         (r"\text{Range: }[2,5]", "[2,5]")],
        [("RS=6", "PQ=6"), ("P(X)=0.2", "P(Y)=0.2"), (r"\text{Area}=6", r"\text{Volume}=6"), (r"\max=6", r"\min=6"),
         ("K(5,2)", "(2,5)")],
    ),
    "equations that are not solved": (
        [("p+q=6", "6"), ("x=6", "6"), (r"\overline{PQ}=6", "6")],
        [("3x=6", "6"), ("x^2=6", "6"), ("6=-y", "6"), ("6", "3x=6"), ("x+y=6", "x=2 or x=6"), ("y^2=9", "3,-3")],
    ),
    "words behind a number": (
        [("3 million", "3000000"), (r"2\text{ dozen}", "24"), (r"9\text{ marbles}", "9"), ("9 marbles", "9")],
        [(r"7\text{ billion}", "7"), (r"4\text{ cubed}", "4"), (r"6\text{ is false}", "6"),
         (r"6\text{ or fewer}", "6")],
    ),
    "values by name": (
        [("b=7, a=2", "a=2, b=7"), ("b=7,a=2", "(2,7)"), ("(p,q)=(1,2)", "p=1, q=2"), ("m=3 or m=-3", "3,-3")],
        [("a=2, b=7", "a=7, b=2"), ("7,2", "a=2, b=7"), ("u=1,v=2", "x=1,y=2"), ("m=3 or m=-3", "3"), ("y=3", "x=3")],
    ),
    "both sides of zero": (
        [("|y-5|", "|5-y|"), (r"\sqrt{(x-3)^2}", "|x-3|"), (r"\sqrt{a}\sqrt{b}", r"\sqrt{ab}"),
         (r"\sqrt[3]{8x^3}", "2x")],
        [("|y-5|", "y-5"), (r"\sqrt{(x-3)^2}", "x-3"), ("|x|=4", "x=4"), ("|x-60|", "60-x"), (r"\max(t,0)", "t")],
    ),
    "decimal comma": (
        [("7.25", "7,25"), ("7,25", "7,25")],
        [("7, 25", "7.25"), ("7 or 25", "7.25"), ("725", "7,25")],
    ),
    "words, dates, times": (
        [("nora", r"\text{Nora}"), ("3 March 2020", "March 3, 2020"), ("05:07", "5:07"),
         ("16:20", "4:20 PM"), ("7:40 a.m.", "7:40"), ("16:20:00", "16:20")],
        [("Nora", "Aron"), ("LMN", "NML"), ("XII", "XIV"), ("2021-11-02", "2021-02-11"), ("2008", "2021-11-02"),
         ("16:20", "4:20 AM"), ("4:20", "16:20"), ("B2", "B")],
    ),
    "several values": (
        [("7,6,6", "6,6,7"), (r"\{1\}\cup\{2\}", r"\{1,2\}"), (r"\frac14\text{ or }0.25", "1/4")],
        [("6,6,7", "6,7,7"), ("4, 5", "4"), ("(5,4)", "(4,5)")],
    ),
    "angles": (
        [(r"\sin 45^\circ", r"\frac{\sqrt2}{2}"), (r"30^\circ 15'", r"30.25^\circ"), ("60", r"60^\circ")],
        [(r"\sin 45", r"\frac{\sqrt2}{2}"), (r"3\cos 20^\circ", r"3\cos 20"), (r"30^\circ 15'", r"30^\circ")],
    ),
    "numbers": (
        [("12,345\\pi", "12345\\pi"), (r"\frac{2,500}{3}", "2500/3"), (r"0.1\overline{6}", "1/6"), ("2 1/4", "2.25"),
         (r"2\nicefrac13", "7/3"), ("2.5 x 10^4", "25000"), ("(1101)_2", "1101_2"), (r"1101_{\text{two}}", "1101_2"),
         (r"\frac74", "1,75"), ("9!!", "945"), ("C(7,3)", "35")],
        [(r"0.1\overline{6}", "0.16"), ("(12,345)", "12345"), ("1101_3", "1101_2"), ("8!!", "40320")],
    ),
    "functions": (
        [("exp(2x)", "e^{2x}"), (r"\operatorname{cosh} x", r"\frac{e^x+e^{-x}}{2}"),
         (r"\mathrm{arctan}(3)", r"\arctan 3")],
        [("exp(2x)", "e^{3x}"), ("g(x)=x", "f(x)=x"), ("f(y)=x", "f(x)=x"), (r"\gcd(a,b)", r"\gcd(a,c)")],
    ),
    "vectors, sets and decimals in other spellings": (
        [(r"4\mathbf{i}-\mathbf{k}", "(4,0,-1)"), (r"4\hat{i}+\hat{\jmath}", r"\begin{pmatrix}4\\1\end{pmatrix}"),
         ("<4,1>", r"\langle 4,1\rangle"), ("(-inf,2]U(4,inf)", r"(-\infty,2]\cup(4,\infty)"),
         (r"(0,3)\cap(1,5)", "(1,3)"), ("0.166667+0.5*t", r"\frac{1+3t}{6}"), ("2.718281828459045^{t}", "e^t")],
        [(r"4\mathbf{i}-\mathbf{k}", "(4,-1,0)"), ("4+i", "(4,1)"), (r"(0,3)\cap(1,5)", "(0,5)"),
         ("0.16+0.5*t", r"\frac{1+3t}{6}"), ("p'(t)", "p(t)"), ("p^{-1}(t)=3t", "p(t)=3t"),
         (r"\log_{30} 4", r"\log_3 4"),         (r"\log_30 4", r"\log_3 4"),
         ("r_1=5, r_20=6", "r_1=5, r_2=6"), ("4^{4^{4^{4^4}}}", "4")],
    ),
    "wrappers": (
        [(r"\color{red}{7}", "7"), (r"\underline{7}", "7"), (r"{\bf 7}", "7"), (r"7\tag{2}", "7"), ("7 = n", "7"),
         (r"\begin{cases}x=1\\y=2\end{cases}", "x=1,y=2"), (r"\langle 2,1\rangle", "(2,1)"),
         (r"\begin{bmatrix}1\\[6pt]3\end{bmatrix}", "(1,3)"), (r"\text{Answer: } 7", "7"),
         (r"\text{exactly }7", "7"), (r"\cancel{3}7", "7"), (r"\begin{array}{c}7\end{array}", "7"),
         ("frac{3}{7}", "3/7")],
        [(r"\color{red}{7}", "8"), (r"\begin{cases}x=2\\y=1\end{cases}", "x=1,y=2"), (r"\langle 1,2\rangle", "(2,1)"),
         (r"\cancel{7}3", "7")],
    ),
    "choices": (
        [("D) fifteen", "D"), ("(D) 15", "D"), (r"\text{D: 15}", "D"), ("D", "(D)"), (r"\text{Option D}", "D"),
         (r"\textbf{(D) } 15", "D")],
        [(r"\text{(D) or (E)}", "D"), (r"\text{D) 5, E) 6}", "D"), ("D. 5 E. 6", "D"), (r"\text{(D) (E)}", "D"),
         ("D'", "D"), ("y''", "y'"),
         ("D: 15", "C"), ("D", "C"), ("CD", "C")],
    ),
    "congruences and families": (
        [(r"x\equiv 7 \pmod 5", r"x\equiv 2\pmod{5}"),
         (r"\frac{\pi}{4}+n\pi, n\in\mathbb{Z}", r"\frac{\pi}{4}+k\pi, k\in\mathbb{Z}"),
         (r"4m, m\in\mathbb{N}", r"4m, m\in\mathbb{Z}^+"), (r"\sum_{j=1}^{n} a_j", r"\sum_{k=1}^{n} a_k")],
        [(r"x\equiv 3 \pmod 5", r"x\equiv 2\pmod{5}"), (r"4m, m\in\mathbb{N}", r"4m, m\in\mathbb{Z}"),
         (r"\sum_{j=1}^{n} a_k", r"\sum_{k=1}^{n} a_k"),
         (r"\frac{\pi}{4}+2n\pi, n\in\mathbb{Z}", r"\frac{\pi}{4}+k\pi, k\in\mathbb{Z}")],
    ),
    "and so on": (
        [("3,5,...", r"3,5,\ldots"), ("0.25...", "0.25"), ("7...", "7")],
        [("3,5,...", "3,5"), (r"7, \dots", "7"), ("3,5", r"3,5,\ldots"), ("7 ppm", "7"),
         (r"x=7\text{ (extraneous)}", "7")],
    ),
    "counted in words, or several of them": (
        [(r"7\text{ slices of cake}", "7"), (r"\frac25\text{ of the cake}", r"\frac25"), ("4 dozens", "48"),
         ("3 груши", "3"), (r"3\text{ mètres}", "3"), ("700円", "700"), ("9개", "9"), (r"310\text{ K}", "310")],
        [(r"7\text{ dozens}", "7"), (r"7\text{ lakhs}", "7"), (r"7\text{ tens}", "7"), (r"7\text{ false}", "7"),
         (r"3\text{ Millionen}", "3"), ("3 тысячи", "3"), ("3 falsch", "3"), (r"7\text{ sets of two}", "7"),
         (r"7\text{ out of }8", "7"), (r"310\text{ k}", "310")],
    ),
    "and against or, members against sets": (
        [(r"C \text{ or } D", r"D \text{ or } C"), (r"C \text{ and } D", "C, D"), (r"4 \text{ or } 7", "4, 7"),
         (r"b\in(0,3)", "0<b<3"), (r"b\in(0,3)", "(0,3)"), (r"(\pm2,0)", "(2,0),(-2,0)")],
        [(r"C \text{ or } D", r"C \text{ and } D"), (r"P \land Q", r"P \lor Q"), (r"C \text{ or } D", "C, D"),
         (r"b\in(0,3)", "0<c<3"), (r"\{\emptyset\}", r"\emptyset"), (r"\not= 4", "4"), (r"(\pm2,0)", "(2,0)"),
         ("reached when x = 4", "4")],
    ),
    "numbers and brackets of other countries": (
        [("]2,3[", "(2,3)"), (r"]-\infty,2]\cup[5,6[", r"(-\infty,2]\cup[5,6)"), ("(0,5; 2,5)", "(0.5, 2.5)"),
         ("3.456.789,5", "3456789.5"), ("0.(6)", "2/3"), (r"0.\dot{1}4285\dot{7}", "1/7")],
        [("]2,3]", "[2,3]"), ("(0,5; 2,5)", "(0,5,2,5)"), ("3.456", "3456")],
    ),
    "commands that lay out": (
        [(r"\num{4321}", "4321"), (r"\SI{4}{cm}", r"4\text{ cm}"), (r"\mathrm{\frac{3}{4}}", "3/4"),
         (r"\text{\textbf{Yes}}", "yes"), (r"9.8\,\mathrm{m\,s^{-2}}", r"9.8\text{ m/s}^2"), (r"\surd 7", r"\sqrt7"),
         (r"7\ \mathrm{k\Omega}", r"7000\ \Omega"), (r"7\ \blacksquare", "7"), (r"\therefore y=7", "7"),
         (r"\left.7\right.", "7"), (r"\varphi(m)", r"\phi(m)"), (r"5\text{:}35", "5:35"),
         (r"\begin{smallmatrix}1&2\\0&3\end{smallmatrix}", r"\begin{pmatrix}1&2\\0&3\end{pmatrix}"),
         (r"f(t)=\begin{cases}t & t<1\\ 1 & t\ge 1\end{cases}", r"\begin{cases}t & t<1\\ 1 & t\ge 1\end{cases}"),
         (r"2013\text{ (base 4)}", "2013_4"), (r"2013_{\text{base 4}}", "2013_4")],
        [(r"\SI{4}{cm}", r"4\text{ m}"), (r"9.8\,\mathrm{m\,s^{-1}}", r"9.8\text{ m/s}^2"), (r"\left.7\right.", "0.7"),
         (r"f(t)=\begin{cases}t & t<1\\ 1 & t\ge 1\end{cases}", r"\begin{cases}t & t<2\\ 1 & t\ge 2\end{cases}"),
         (r"2013\text{ (base 5)}", "2013_4")],
    ),
    "money and other scripts": (
        [("Rs. 750", "750"), (r"\$1,200/month", "1200"), ("15元", "15"), ("١٢", "12"), ("٢٫٥", "2.5")],
        [("15\\text{ yuan}", "15\\text{ dollars}"), ("Rs. 750", "705"), ("甲", "乙")],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader(timeout_s=10) as shared:
        yield shared


@pytest.mark.parametrize("kind", KINDS)
def test_kind(grader: Grader, kind: str) -> None:
    right, wrong = KINDS[kind]
    verdicts = grader.grade_many((rf"\boxed{{{answer}}}", gold) for answer, gold in [*right, *wrong])
    found = [got.correct for got in verdicts]
    assert found == [True] * len(right) + [False] * len(wrong), list(
        zip([*right, *wrong], verdicts, strict=True)
    )


RESPONSES = [
    ("The answer is exactly 8.", "8", True),
    ("So the correct option is (C).", "C", True),
    ("<answer>The total is 14 apples.</answer>", "14", True),
    ("<think>It is \\boxed{3}</think> The total is 4.", "3", False),
    ("<think>hm</think>\n\n7", "7", True),
    (r"\boxed{3} pens, then we get: \boxed{20}", "20", True),
    ("Each has 9, that makes 18 #### 18 and this is what was asked for in the text", "18", True),
    ("the answer is #### 60.", "60", True),
    ("He spent $3 + $4 = $7 in total, so he has $13 left.", "13", True),
    ("First 6 * 7.\n\n**42**", "42", True),
    ("Правильный ответ: 12", "12", True),
    ("因此，答案为 12。", "12", True),
    ("La réponse est 9.", "9", True),
    ("Therefore, x = 4 or x = 5.", "5", False),
    ("So the roots are 4 and 5.", "4,5", True),
    ("So the roots are 4 and 5.", "5", False),
    ("The answer can't be 5.", "5", False),
    ("Thus it cannot be 5.", "5", False),
    ("So the rectangle is 3 by 4.", "4", False),
    ("So we need more than 5.", "5", False),
    (r"\boxed{\text{The answer is } 5}", "5", True),
    ("The answer is approximately 8.", "8", True),
    ("The answer is 8!", "8", True),
    ("The answer is 8, as we had to show.", "8", True),
    ("The answer is 8 rather than 9.", "8", True),
    ("The answer is D, since C is too small.", "D", True),
    ("The answer is D, since C is too small.", "C", False),
    ("8 is the final answer.", "8", True),
    ("*8*", "8", True),
    ("There are 8 ways.", "8", True),
    ("The maximum value is $8$, attained at $y=3$.", "8", True),
    ("The minimum is 8 when y = 3.", "3", False),
    ("Thus $f(y)=y^2$ for all real $y$.", "y^2", True),
    ("Two more give 6. Then we double to get 12.", "12", True),
    ("Therefore the least is 3 and the greatest is 8.", "8", False),
    ("The answer is $8$ <|im_end|>", "8", True),
    ("所以一共有8个苹果。", "8", True),
    ("因此，x=8。", "8", True),
    ("答案选D", "D", True),
    ("The price is $8.", "8 cents", False),
    ("The answer is greater than or equal to 8.", "8", False),
    ("The answer is 8 when x = 3.", "8", True),
    ("The answer is 8 when x = 3.", "3", False),
    ("The answer is obtained when x = 8.", "8", False),
    ("Suppose the answer is 8.", "8", False),
    ("If the answer is 8, then it is even.", "8", False),
    ("If x = 3 then the answer is 8.", "8", True),
    ("Let us see whether the answer is 8.", "8", False),
    ("Is the answer 8?", "8", False),
    (r"So $y = -\boxed{8}$.", "8", False),
    (r"So $y = -\boxed{8}$.", "-8", True),
    (r"- \boxed{8}", "8", True),
    (r"$\boxed{8}\pi$", "8", False),
    (r"$\boxed{8}\pi$", r"8\pi", True),
    (r"$\boxed{8}+1$", "8", False),
    (r"$\boxed{8} = 2^3$", "8", True),
    ("so boxed{8}", "8", True),
    ("<|begin_of_box|>8<|end_of_box|>", "8", True),
    ("The answer is:\n\n```text\n8\n```", "8", True),
    ("### 8", "8", True),
    ("#### <<2*4=8>>8", "8", True),
    ("**Answer** 8", "8", True),
    ("Final answer - 8", "8", True),
    ("The answer is, of course, 8.", "8", True),
    ("উত্তর: ৮", "8", True),
    ("คำตอบคือ 8", "8", True),
    ("జవాబు లెక్క.\nసమాధానం: 8", "8", True),
    ("उत्तर 8 है।", "8", True),
    ("Jibu ni 8.", "8", True),
    ("答え：8ではない", "8", False),
]


def test_responses(grader: Grader) -> None:
    grades = grader.grade_many((response, gold) for response, gold, _ in RESPONSES)
    wrong = [
        (row, got) for row, got in zip(RESPONSES, grades, strict=True) if (got.correct is True) != row[2]
    ]
    assert wrong == []


def test_a_missing_unit_is_forgiven_unless_asked_for(grader: Grader) -> None:
    pairs = [(r"\boxed{6}", r"6\text{ cm}"), (r"\boxed{60\text{ mm}}", r"6\text{ cm}")]
    assert [got.correct for got in grader.grade_many(pairs)] == [True, True]
    assert [got.correct for got in grader.grade_many(pairs, comparison=Strictness(units=True))] == [
        False,
        True,
    ]


def test_a_gold_that_cannot_be_read_decides_nothing(grader: Grader) -> None:
    gold = r"\triangle KLM \sim \triangle PQR"
    responses = [rf"\boxed{{{gold}}}", r"\boxed{3}", "I do not know.", ""]
    grades = grader.grade_many(
        [(response, gold) for response in responses], finished=[True, True, True, False]
    )
    assert [got.correct for got in grades] == [None] * 4
    assert {got.reason for got in grades} == {Reason.unparsable_gold}
    assert grader.gold_faults([gold])[0] is not None


_ROW = re.compile(r"^\| `(.+?)` \| `(.+?)` \| (yes|no) \|", re.MULTILINE)


def test_what_the_documentation_promises(grader: Grader) -> None:
    rows = [
        (answer.replace(r"\|", "|"), gold.replace(r"\|", "|"), said)
        for answer, gold, said in _ROW.findall(DOCS.read_text())
    ]
    assert len(rows) >= 40
    grades = grader.grade_many((rf"\boxed{{{answer}}}", gold) for answer, gold, _ in rows)
    wrong = [
        (row, got) for row, got in zip(rows, grades, strict=True) if got.correct is not (row[2] == "yes")
    ]
    assert wrong == []
