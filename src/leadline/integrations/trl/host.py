"""What the mixins use of the trainer that they stand before: the whole surface of TRL that this project touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["Host"]

if TYPE_CHECKING:

    class Host:
        """Declarations only; at run time the mixins are plain objects before a ``trl.GRPOTrainer``."""

        accelerator: Any
        args: Any
        callback_handler: Any
        current_gradient_accumulation_steps: int
        eos_token_ids: list[int]
        is_deepspeed_enabled: bool
        lr_scheduler: Any
        max_completion_length: int
        model: Any
        multi_objective_aggregation: str
        num_generations: int
        num_generations_eval: int
        num_iterations: int
        optimizer: Any
        reward_func_names: list[str]
        reward_funcs: list[Any]
        reward_weights: Any
        select: str
        select_factor: int
        shuffle_dataset: bool
        state: Any
        train_dataset: Any
        _buffered_inputs: Any
        _logs: dict[str, Any]
        _metrics: dict[str, dict[str, list[float]]]
        _step: int
        _tokenizer: Any

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...
        def _calculate_rewards(
            self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any
        ) -> Any: ...
        def _compute_loss(self, model: Any, inputs: Any) -> Any: ...
        def _generate(self, prompts: Any) -> Any: ...
        def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]: ...
        def _get_train_sampler(self, dataset: Any = None) -> Any: ...
        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None: ...
        def log(self, logs: dict[str, float], start_time: float | None = None) -> None: ...
        def add_callback(self, callback: Any) -> None: ...
        def compute_loss_context_manager(self) -> Any: ...
        def _prepare_inputs(self, generation_batch: Any) -> Any: ...
        def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None: ...
        def _save_rng_state(self, output_dir: str) -> None: ...

else:
    Host = object
