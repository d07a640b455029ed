"""What verl loads through the entry-point group ``verl.plugins``, in every process that imports verl.

verl logs a plug-in that fails to import at DEBUG and goes on; the estimator is then "unknown" an hour later. So
nothing is imported here that a training process would not import anyway.
"""

from __future__ import annotations

from verl.trainer.ppo.core_algos import register_adv_est

from leadline.integrations.verl.estimator import NAME, estimate

__all__ = ["estimate"]

register_adv_est(NAME)(estimate)
