"""What a run writes, shown elsewhere too: trackio, wandb, TensorBoard. The run directory stays the truth."""
