"""The checks of a run inside anybody's TRL trainer: alarms as it goes on, and an end where the user wants one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from transformers import TrainerCallback

from leadline.errors import InputError
from leadline.health import Alarm, Watchdog, stopping
from leadline.health.observation import Observation
from leadline.health.sources.completion_batch import CompletionRow, outranked
from leadline.health.sources.trl_directory import completion_rows, merged
from leadline.health.sources.trl_log import evaluated_set, observation_of_log, over_sets
from leadline.tracking.alerts import send_alert

__all__ = ["LeadCallback"]

_LOG = logging.getLogger("leadline")
_OF_THIS_PROCESS = ("seconds", "tokens_per_second")


class LeadCallback(TrainerCallback):  # type: ignore[misc]
    """Put it into ``callbacks=[...]`` of a ``GRPOTrainer``; what the checks are: docs/watch.md.

    Alarms are warnings of the logger ``leadline``, alerts of trackio and wandb where ``report_to`` names them, and in
    ``alarms``. With the log alone the checks see what TRL logs; after :meth:`attach` the completions of each step,
    too (``LeadGRPOTrainer`` does that itself).

    Args:
        stop_on: names of the checks whose alarm ends the run, with a checkpoint; ``"all"`` for every one.
        on_alarm: called with each alarm.

    Raises:
        InputError: a name of no check.
    """

    def __init__(
        self, stop_on: str | Iterable[str] = (), *, on_alarm: Callable[[Alarm], None] | None = None
    ) -> None:
        self.stop_on = stopping(stop_on)
        self.stopped_by: Alarm | None = None
        self._dog = Watchdog()
        self._on_alarm = on_alarm
        self._trainer: Any = None
        self._before: Mapping[str, Any] | None = None
        self._rows: list[CompletionRow] = []
        self._sets: dict[str, Observation] = {}
        self._failed = False
        self._evaluated = 0
        """Micro-steps before the last evaluation, whose completions TRL keeps in the place of the training's."""

    @property
    def alarms(self) -> list[Alarm]:
        """All so far, causes first; notes behind them."""
        return self._dog.alarms

    def attach(self, trainer: Any) -> None:
        """Let the checks see the completions that ``trainer`` keeps for its own table.

        Raises:
            InputError: it keeps none.
        """
        if not hasattr(trainer, "_logs"):
            raise InputError(
                "LeadCallback.attach: a GRPOTrainer is expected, which keeps its completions, "
                f"not a {type(trainer).__name__}"
            )
        self._trainer = trainer

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        self._see(args, state, control, lambda: self._observed(args, state, dict(logs or {})))

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._see(args, state, control, self._validated)

    on_train_end = on_step_begin

    def _see(self, args: Any, state: Any, control: Any, observed: Callable[[], Observation | None]) -> None:
        try:
            seen = observed()
            raised = self._dog.see(seen) if seen is not None else []
        except Exception as error:  # whatever a reward function or a trainer of one's own left behind
            if not self._failed:
                _LOG.warning(
                    "the checks of step %s failed: %s: %s", state.global_step, type(error).__name__, error
                )
            self._failed, raised = True, []
        for alarm in raised:
            self._tell(alarm, args, state)
            if alarm.check.name in self.stop_on and self.stopped_by is None:
                self.stopped_by = alarm
        if self.stopped_by is not None:
            control.should_save = control.should_training_stop = True

    def _observed(self, args: Any, state: Any, logs: dict[str, Any]) -> Observation | None:
        """What an entry of the log says; of one among several evaluation sets nothing before the others are there."""
        seen = observation_of_log(logs, int(state.global_step), self._before)
        if seen is None:
            return None
        if "valid" in seen.values and (name := evaluated_set(logs)):
            self._sets[name] = seen
            return None
        if "valid" not in seen.values:
            self._before = {**logs, "step": seen.step}  # as trainer_state.json has it
            seen = self._with_completions(seen)
        seen = seen.at_level(getattr(args, "importance_sampling_level", "token"))
        if args.world_size > 1:  # all processes must come to the same end
            values = {name: value for name, value in seen.values.items() if name not in _OF_THIS_PROCESS}
            seen = Observation(seen.step, values, seen.parts, seen.batch)
        return seen

    def _validated(self) -> Observation | None:
        """The validation over all sets that were evaluated since the last step."""
        sets, self._sets = self._sets, {}
        return over_sets(sets) if sets else None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.stopped_by is not None:
            control.should_save = control.should_training_stop = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._evaluated = int(getattr(self._trainer, "_step", 0))

    on_predict = on_evaluate

    def _with_completions(self, seen: Observation) -> Observation:
        kept = getattr(self._trainer, "_logs", None)
        if not kept or self._of_an_evaluation():
            return seen
        columns = {
            "prompt": list(kept["prompt"]),
            "completion": list(kept["completion"]),
            "advantage": list(kept["advantages"]),
            **{name: list(values) for name, values in kept["rewards"].items()},
        }
        rows = completion_rows(columns)
        if not rows or rows == self._rows:  # the same generation, used for another update
            return seen
        self._rows = rows
        return self._of_a_fresh_batch(merged(seen, rows, seen.step), rows)

    def _of_an_evaluation(self) -> bool:
        """Whether no training generation has taken the place of the last evaluation's completions yet."""
        args, trainer = self._trainer.args, self._trainer
        # Micro-steps from one generation to the next.
        cycle = args.steps_per_generation * trainer.num_iterations
        return bool((trainer._step - 1) // cycle * cycle < self._evaluated)

    def _of_a_fresh_batch(self, seen: Observation, rows: list[CompletionRow]) -> Observation:
        """With what only the trainer knows: what each column is paid, and that no update lies before this step."""
        args, values = self._trainer.args, dict(seen.values)
        names = list(self._trainer.reward_func_names)
        weights = dict(zip(names, self._trainer.reward_weights.tolist(), strict=False))
        own = getattr(self._trainer, "lead_batch", None)  # leadline's trainer pays accuracy in its own way
        told = own is None and len(weights) == len(names)  # TRL keeps one column of those that share a name
        most = outranked(rows, weights) if told else None
        if most is not None:
            values["outranked"] = most
        whole = args.steps_per_generation % args.gradient_accumulation_steps == 0
        if whole and args.logging_steps == 1 and "clip_share" in values:
            values["clip_fresh"] = values["clip_share"]
        return replace(seen, values=values)

    def _tell(self, alarm: Alarm, args: Any, state: Any) -> None:
        if self._on_alarm is not None:
            self._on_alarm(alarm)
        if not state.is_world_process_zero:
            return
        if not alarm.check.alarms:
            _LOG.info("%s", alarm.line)
            return
        _LOG.warning("%s. Costs: %s Change: %s", alarm.line, alarm.check.cost, alarm.remedy)
        trackers = [args.report_to] if isinstance(args.report_to, str) else args.report_to or []
        send_alert(trackers, f"leadline: {alarm.check.name}", alarm.advice)
