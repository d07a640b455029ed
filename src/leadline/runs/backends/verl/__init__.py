"""From a recipe to a cluster: verl on Ray (``leadline launch verl``).

Nothing here trains. A recipe becomes the keys, files and command line of verl's trainer, after a check that everything
it needs is there; afterwards verl's metrics and rollouts become a run directory like any other.
"""

from __future__ import annotations

from leadline.runs.backends.verl.collect import collect, is_launched
from leadline.runs.backends.verl.jobs import VerlPlan, describe_jobs, plan_verl, submit, write_inputs

__all__ = ["VerlPlan", "collect", "describe_jobs", "is_launched", "plan_verl", "submit", "write_inputs"]
