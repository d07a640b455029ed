"""Before a run and after it: `probe` forecasts what GRPO can reach, `compare` says what training changed."""
