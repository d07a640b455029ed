"""Kinds of values that are equal, or only look it: quantities, ratios, sets, options, free constants."""

from __future__ import annotations

import pytest

from leadline.grading import Grader, gold_fault

# Answer, gold; the first list of a kind matches, the second does not.
KINDS: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "one quantity in several units": (
        [(r"1\text{ hour and }10\text{ minutes}", r"70\text{ min}"), (r"1\text{ h }10\text{ min}", "70"),
         (r"\text{2 hours and 15 minutes}", r"2.25\text{ hours}"), (r"4\text{ feet }2\text{ inches}", r"50\text{ in}"),
         (r"4\text{ dollars and }5\text{ cents}", r"\$4.05"), (r"4\text{ m }50\text{ cm}", r"4.5\text{ m}")],
        [(r"1\text{ hour }10\text{ minutes}", "1"), (r"1\text{ hour }10\text{ minutes}", "10"),
         (r"2\text{ hours and }15\text{ minutes}", r"2.15\text{ hours}"), (r"3\text{ hours}, 5\text{ hours}", "8"),
         (r"4\text{ feet }2\text{ inches}", r"4\text{ feet }3\text{ inches}"),
         (r"4\text{ dollars and }5\text{ cents}", r"\$4.50")],
    ),
    "ratios": (
        [("4:6:10", "2:3:5"), (r"3\text{ to }7", "3:7"), (r"3\text{ out of }7", r"\frac37"),
         (r"1\text{ in }4", "0.25"), ("16:20:00", "16:20"), (r"1:\sqrt3:2", r"1:\sqrt{3}:2")],
        [("2:3:5", "2:5:3"), ("2:3:5", "(2,3,5)"), (r"3\text{ to }7", "3"), (r"3\text{ to }7", "7:3"),
         (r"1\text{ in }4", "4"), (r"3\text{ out of }7", "3"), (r"1:\sqrt3:2", r"1:2:\sqrt{3}")],
    ),
    "numbers in words": (
        [(r"\text{twenty-three}", "23"), ("seven", "7"), ("12", "twelve"), (r"\text{two thousand five}", "2005")],
        [("seventy", "7"), ("seven", "eight"), ("third", "3"), (r"\text{seven or eight}", "7"), ("none", "0")],
    ),
    "units and their symbols": (
        [(r"5\ \mu\text{F}", r"5\times10^{-6}\text{ F}"), (r"3.6\text{ MJ}", r"1\text{ kWh}"),
         (r"1.5\text{ GHz}", r"1500\text{ MHz}"), (r"0.3\text{ nm}", r"3\ \text{\AA}"),
         (r"4\text{ quarts}", r"1\text{ gallon}"), (r"5\text{ mW}", r"0.005\text{ W}"),
         (r"20\text{ per cent}", r"20\%")],
        [(r"5\text{ mW}", r"5\text{ MW}"), (r"2\text{ eV}", r"2\text{ J}"), (r"5\text{ mM}", r"5\text{ mm}"),
         (r"7\text{ish}", "7"), (r"5\text{ decades}", r"5\text{ years}")],
    ),
    "money of other countries": (
        [(r"R\$ 7", "7"), (r"S\$7", r"\$7"), (r"7,25\text{ €}", "7.25"), (r"1.250,00\text{ €}", "1250"),
         ("7,25 cm", "7.25")],
        [("7,25 cm", r"7.25\text{ m}"), (r"R\$ 7", "€7"), (r"1.250,00\text{ €}", "1.25")],
    ),
    "sets by what their members are": (
        [(r"\{5m: m\in\mathbb{Z}\}", r"5k, k\in\mathbb{Z}"),
         (r"\{5m \mid m\in\mathbb{Z}\}", r"\{5k : k\in\mathbb{Z}\}"),
         (r"\{x : x = 5k, k\in\mathbb{Z}\}", r"\{5k : k\in\mathbb{Z}\}"),
         (r"[1,4)\cup(4,\infty)", r"\{x \mid x \ge 1, x \ne 4\}"), (r"x\ge1\text{ and }x\ne4", r"[1,4)\cup(4,\infty)"),
         ("x<1, x>4", r"(-\infty,1)\cup(4,\infty)"), (r"\{1,2,4\}\setminus\{4\}", r"\{1,2\}"),
         (r"\{1,2,4\}\cap\{2,4,8\}", r"\{2,4\}"), (r"\text{no real solutions}", r"\emptyset")],
        [(r"\{5m: m\in\mathbb{N}\}", r"\{5k : k\in\mathbb{Z}\}"),
         (r"\{5m+1: m\in\mathbb{Z}\}", r"\{5k : k\in\mathbb{Z}\}"),
         (r"x \ge 1, x \ne 4", r"x \ge 1"), ("x<1, x>4", "(1,4)"), ("x>1, y>4", "x>1"),
         (r"\{\{1\},\{2\}\}", r"\{1,2\}"),
         (r"\{1,2,4\}\setminus\{4\}", r"\{1,4\}"), (r"\text{no real solutions}", "0")],
    ),
    "tables and columns": (
        [("[[1,2],[0,4]]", r"\begin{pmatrix}1&2\\0&4\end{pmatrix}"), ("(4,-1)^T", r"\begin{pmatrix}4\\-1\end{pmatrix}"),
         (r"f(x)=\begin{cases}4,&x=0\\1,&x\neq0\end{cases}",
          r"\begin{cases}1 & \text{if } x\ne0\\4 & \text{if } x=0\end{cases}"),
         (r"\frac23\vec a+\frac13\vec b", r"\frac{2\vec{a}+\vec{b}}{3}"), (r"{}_{8}C_2", "28"),
         (r"x\equiv 4\text{ mod }9", r"x\equiv4\pmod9"), (r"|z|=\sqrt7", r"\sqrt7")],
        [("[[1,0],[2,4]]", r"\begin{pmatrix}1&2\\0&4\end{pmatrix}"), ("(-1,4)^T", r"\begin{pmatrix}4\\-1\end{pmatrix}"),
         (r"\frac13\vec a+\frac23\vec b", r"\frac{2\vec{a}+\vec{b}}{3}"), (r"{}_{8}C_2", "56"),
         (r"f(x)=\begin{cases}4,&x=0\\2,&x\neq0\end{cases}",
          r"\begin{cases}1 & \text{if } x\ne0\\4 & \text{if } x=0\end{cases}")],
    ),
    "options with their texts": (
        [(r"\text{(B) }\frac34", r"\frac34"), (r"\text{B. }12", "12"), (r"12\ \text{(B)}", "12"),
         (r"12\ \text{(B)}", "B"),
         (r"\text{Option B: }12", "B"), ("B (12)", "B"), (r"\textbf{B}\text{: the cell}", "B"), ("(C)+x", "x+C")],
        [(r"\text{(B) }12", "13"), (r"\text{(A) }12\text{ (B) }13", "13"), (r"12\ \text{(B)}", "C"), ("C(x+1)", "x+1")],
    ),
    "constants that may be any number": (
        [(r"\frac12\sin^2 t+C", r"-\frac14\cos 2t+C"), (r"\ln(3x)+C", r"\ln x+C"), (r"\arcsin x+C", r"-\arccos x+C"),
         (r"y=C_1\cos x+C_2\sin x", r"y=C_1\sin x+C_2\cos x"), (r"Ae^{x}+Be^{4x}", r"C_1e^{4x}+C_2e^{x}")],
        [(r"\frac12\sin^2 t+C", r"\frac14\cos 2t+C"), ("t^2+1", "t^2+C"), (r"\tan t-t+C", r"\tan t+t+C"),
         (r"Ae^{x}+Be^{3x}", r"C_1e^{4x}+C_2e^{x}"), (r"\frac{C_1}{C_1+C_2}", r"\frac{C_2}{C_1+C_2}"),
         ("C_1V_1+C_2V_2", "C_1V_2+C_2V_1")],
    ),
    "digits that are struck out": ([("1\u200b4", "14")], [("1\u03384", "14"), ("14\u0336", "14")]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_kind_of_value(kind: str) -> None:
    right, wrong = KINDS[kind]
    with Grader(timeout_s=10) as grader:
        grades = grader.grade_many((rf"\boxed{{{answer}}}", gold) for answer, gold in [*right, *wrong])
    expected = [True] * len(right) + [False] * len(wrong)
    found = [
        (row, got)
        for row, want, got in zip([*right, *wrong], expected, grades, strict=True)
        if got.correct is not want
    ]
    assert found == []


def test_golds_that_are_sets_by_a_condition_can_be_used() -> None:
    golds = [r"\{x \mid x \ge 1, x \ne 4\}", r"\{4k+1 : k\in\mathbb{Z}\}"]
    assert [gold_fault(gold) for gold in golds] == [None, None]


@pytest.mark.parametrize("text", ["2*", "a!", "1/", "(a)", "a|", "a b "])
def test_thousands_of_factors_raise_nothing(text: str) -> None:
    with Grader() as grader:
        assert grader.grade_many([(rf"\boxed{{{text * 900}2}}", "5")])[0].correct is False
