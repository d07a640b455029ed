"""GRPO-LEAD inside verl, as verl is published: an advantage estimator, a reward manager, a ``compute_score``.

Installed beside verl, :mod:`leadline.integrations.verl.plugin` is found through the entry-point group
``verl.plugins`` wherever verl is imported, on every node. ``python -m leadline.integrations.verl.check`` says
whether it really was. How to use all of it: ``docs/cluster.md``, ``docs/verl-reference.md``.

verl hands an estimator nothing but rewards, masks and group ids, so what is known of a completion (right,
wrong, no answer, unscorable, and its bonus) travels in its one reward: see
:mod:`leadline.integrations.verl.score_coding`.
Nothing here needs verl but ``plugin``, ``manager`` and ``check``.
"""

from __future__ import annotations

from leadline.integrations.verl.score_coding import BONUS_GRID, LIMIT, Coded, decode, encode
from leadline.integrations.verl.scoring import compute_score

__all__ = ["BONUS_GRID", "LIMIT", "Coded", "compute_score", "decode", "encode"]
