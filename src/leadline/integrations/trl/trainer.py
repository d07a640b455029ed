"""TRL's GRPOTrainer with leadline's advantages and exact resume. Importing this needs TRL."""

from __future__ import annotations

from leadline.integrations.trl.guard import check_trl
from leadline.integrations.trl.resume import ResumeMixin
from leadline.integrations.trl.selection import SelectMixin

check_trl()

from trl import GRPOTrainer  # noqa: E402 (after the check, which says what is wrong with it)

__all__ = ["LeadGRPOTrainer"]


class LeadGRPOTrainer(SelectMixin, ResumeMixin, GRPOTrainer):  # type: ignore[misc]
    """``GRPOTrainer`` with GRPO-LEAD's advantages (arXiv 2504.09696), and any other of :class:`AdvantageConfig`.

    All arguments of ``GRPOTrainer``, and five of its own: ``advantage`` (default ``AdvantageConfig.lead()``),
    ``correctness`` (default ``"accuracy"``) and ``correct_above``, see :class:`~leadline.integrations.trl.LeadMixin`;
    ``select`` and ``select_factor``, which prompts are asked, see :class:`~leadline.integrations.trl.SelectMixin`.
    ``scale_rewards`` is replaced by ``advantage.normalisation``. Checkpoints resume exactly or are refused: see
    :class:`~leadline.integrations.trl.ResumeMixin`.

    Raises:
        ConfigError: reward functions, weights and ``advantage`` that do not fit together; lists all of it.
    """

    _tag_names = ["trl", "grpo", "leadline"]  # noqa: RUF012 (TRL's own form)
