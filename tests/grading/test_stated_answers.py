"""Which answer a text states: boxes inside formulas, answers taken back or hedged, tags, JSON, answer lines."""

from __future__ import annotations

import pytest

from leadline.grading import Grader

# Response, gold, whether it is right.
STATED = {
    "a box inside a larger formula": [
        (r"$\frac{\boxed{14}}{3}$", "14", False),
        (r"$\frac{\boxed{14}}{3}$", "14/3", True),
        (r"$\frac{1}{\boxed{14}}$", "14", False),
        (r"$\sqrt{\boxed{14}}$", "14", False),
        (r"$3^{\boxed{14}}$", "14", False),
        (r"$y = 3 \cdot \boxed{7} = 21$", "7", False),
        (r"$\boxed{4}!$", "4", False),
        (r"$\left(\boxed{4}, 9\right)$", "4", False),
        (r"$\left(\boxed{4}, 9\right)$", "(4,9)", True),
        (r"$y \neq \boxed{4}$", "4", False),
        (r"$\boxed{4}\text{ kg}$", "4 g", False),
        (r"$\boxed{4}\text{ pens}$", "4", True),
        (r"$\boxed{4}^{\circ}$", "4", True),
        (r"$\boxed{4}^{\text{th}}$", "4", True),
        (r"$m+n = 1 + 3 = \boxed{4}$", "4", True),
        (r"$2!\times 2!=\boxed{4}$", "4", True),
        (r"$\left(\boxed{4}\right)$", "4", True),
        (r"$a + b \ge \boxed{4}$", "4", True),
        (r"\[2y = 8 \implies y = \boxed{4}.\]", "4", True),
        (r"$\begin{aligned}y&=1+3\\&=\boxed{4}\end{aligned}$", "4", True),
        (r"\boxed{\boxed{4}, \boxed{9}}", "4, 9", True),
        (r"\boxed{9 \text{ or } \boxed{4}}", "4", False),
    ],
    "what equations come to": [
        ("7 + 12 = 19, so 19 + 5 = 24", "24", True),
        ("7 + 12 = 19, so 19 + 5 = 24", "19", False),
        ("2x = 6, therefore x = 3", "3", True),
        ("$2x = 6$, hence $x = 3$.", "3", True),
        ("x^2 = 4 so x = 2 or x = -2", r"\{-2, 2\}", True),
        ("x = 3, so y = 4", "3", False),
        ("2x + 1 = 9\n2x = 8\nx = 4", "4", True),
        ("x^2 = 4\n\nx = 2 or x = -2.", r"\{-2, 2\}", True),
        ("7 + 12 = 19\n19 + 5 = 24", "24", True),
        ("7 + 12 = 19\n19 + 5 =", "24", False),
        ("x = 3\n\ny = 4", "4", False),
        ("n > 4, so n = 5 or more", "5", False),
    ],
    "what one sentence states": [
        ("Adding 7 and 17 gives 24.", "24", True),
        ("It's 24.", "24", True),
        ("That would be 24", "24", True),
        ("Anna has 24 apples now.", "24", True),
        ("You get 24 apples.", "24", True),
        ("The numbers add up to 24.", "24", True),
        ("Let's add: 7 + 12 + 5 = 24", "24", True),
        ("First, 7 + 12 = 19. Then 19 + 5 = 24.", "24", True),
        ("Step 1: 7 + 12 = 19\nStep 2: 19 + 5 = 24", "24", True),
        ("- 7 + 12 = 19\n- 19 + 5 = 24", "24", True),
        ("∴ x = 24", "24", True),
        ("24 in total", "24", True),
        ("In total, 24.", "24", True),
        ("24 (apples)", "24", True),
        ("Anna has 24 apples, Ben has 3.", "3", False),
        ("She doesn't have 24 apples.", "24", False),
        ("24 is wrong", "24", False),
        ("Wrong: 24", "24", False),
        ("It could be 24", "24", False),
        ("It's 24 or 25", "24", False),
        ("He bought 24 apples.", "24", True),
        ("It costs $24.", "24", True),
        ("24 apples remain.", "24", True),
        ("The length is 24 m.", "24 m", True),
        ("The length is 24 m.", "24 cm", False),
        ("It took 24 hours.", "24 minutes", False),
        ("Yes, it is.", "yes", True),
        ("No, it is not.", "no", True),
        ("The statement is true.", "true", True),
        ("The day is Monday.", "Monday", True),
        ("It's B.", "B", True),
        ("Therefore B.", "B", True),
        ("The best answer is B because it is right.", "B", True),
        ("He bought 24 of the 30 apples.", "24", False),
        ("He bought half of 24 apples.", "24", False),
        ("He bought 24 apples each.", "24", False),
        ("24 is impossible", "24", False),
        ("We want to get 24", "24", False),
        ("Step 24", "24", False),
        ("Then multiply by 24.", "24", False),
        ("Sum: 24, product: 25", "25", False),
        ("- 24\n- 25", "25", False),
        ("Adding 7 and 17 gives 24, but we need 25.", "24", False),
    ],
    "what the last sentence comes to": [
        *(
            (f"In April she sold 48 clips. {'We go over it once more. ' * repeats}{said}", "72", right)
            for repeats in (0, 30)
            for said, right in (
                ("So Natalia sold 48 + 24 = 72 clips altogether in April and May.", True),
                ("Therefore, Natalia sold a total of 72 clips in April and May.", True),
                ("Natalia sold 48+24 = <<48+24=72>>72 clips altogether.", True),
                ("She sold 72 clips altogether.", True),
                ("Adding them together gives 72.", True),
                ("48 + 24 = 72.", True),
                ("The sum 48 + 24 = 72 is wrong.", False),
                ("We want 48 + 24 = 72 clips.", False),
                ("So we divide by 72.", False),
                ("So consider the case n = 72.", False),
                ("In total she sold 72 or 73 clips.", False),
                ("It is more than 72 in total.", False),
                ("So x + 24 = 72.", False),
            )
        )
    ],
    "a second value behind the box": [
        (r"\boxed{4} or 9", "4", False),
        (r"$\boxed{4}\text{ or }9$", "4", False),
        (r"\boxed{4} or more", "4", False),
        (r"$\boxed{\frac14}$, or 25\%.", "1/4", True),
    ],
    "taken back straight after": [
        (r"\boxed{4} is incorrect.", "4", False),
        (r"$\boxed{4}$ (not $\boxed{9}$)", "4", True),
        (r"$\boxed{4}$ (not $\boxed{9}$)", "9", False),
        (r"Some say \boxed{4}, but that is wrong.", "4", False),
        (r"\boxed{4}. Wait, that's not right.", "4", False),
        ("\\boxed{4}\n\nWait, I made a mistake: 9 is odd.", "4", False),
        ("The answer is 4, which is wrong.", "4", False),
        ("The answer is 4. Or maybe 9.", "4", False),
        ("The answer is 4. Just kidding, 9.", "4", False),
        ("The answer used to be 4.", "4", False),
        ("Wrong answer: 4", "4", False),
        ("错误的答案是4。", "4", False),
        ("Answer: 4\n\nCorrection: 9", "9", True),
        ("Answer: 4\n\nCorrection: 9", "4", False),
        (r"\boxed{4}. Wait, let me check. 2 + 2 is 4, so this is right.", "4", True),
        ("The answer is 4. This is not divisible by 3.", "4", True),
        ("The answer is C. This is incorrect since plants have none.", "C", True),
        (r"\boxed{4} is not what I expected.", "4", True),
    ],
    "a text that breaks off": [
        ("Then we have 1 + 3 = 4, and so", "4", False),
        ("So the total is 4.<|endoftext|>Human: and 5 + 4? Assistant: The answer is 9.", "9", False),
        ("The answer is 4.<|endoftext|>Human: and 5 + 4? Assistant: The answer is 9.", "4", True),
    ],
    "tags, JSON, fences": [
        ("<ANSWER>4</ANSWER>", "4", True),
        ("<final_answer>4</final_answer>", "4", True),
        ('{"reasoning": "1+3", "answer": "4"}', "4", True),
        ('```json\n{"answer": 4, "other": 9}\n```', "9", False),
        ('{"answer": "\\\\frac{1}{4}"}', "1/4", True),
        ("```\nx = 4\n```", "4", True),
        ("__Answer:__ 4", "4", True),
        ("Answer (to 2 d.p.): 4.25", "4.25", True),
        ("Ans. 4", "4", True),
        ("1. We add.\n\n✅ **4**", "4", True),
    ],
    "options": [
        ("I would choose C.", "C", True),
        ("Option C is correct.", "C", True),
        ("C is the correct answer.", "C", True),
        ("Option C is incorrect.", "C", False),
        ("答案是B，不是C。", "B", True),
        ("答案不是B，而是C。", "B", False),
        ("答案不是B，而是C。", "C", True),
    ],
    "answer lines in other languages": [
        (line, "4", True)
        for line in (
            "Das Ergebnis ist 4.", "Die Lösung lautet 4.", "Also ist die Antwort 4.", "Le résultat est 4.",
            "La solución es 4.", "O resultado é 4.", "Il risultato è 4.", "Svaret är 4.", "Válasz: 4", "Odpověď: 4",
            "Răspuns: 4", "Câu trả lời là 4.", "الجواب النهائي هو 4", "따라서 답은 4이다.", "结果为4", "Ответ 4",
            "Die Antwort ist nicht 9, sondern 4.", "La respuesta no es 9 sino 4.", "The answer is not 9 but 4.",
        )
    ] + [("Die Antwort ist nicht 4.", "4", False), ("La respuesta no es 4 sino 9.", "4", False)],
}  # fmt: skip


@pytest.mark.parametrize("kind", STATED)
def test_stated_answers(kind: str) -> None:
    rows = STATED[kind]
    with Grader(timeout_s=10) as grader:
        grades = grader.grade_many((response, gold) for response, gold, _ in rows)
    wrong = [(row, got) for row, got in zip(rows, grades, strict=True) if (got.correct is True) != row[2]]
    assert wrong == []
