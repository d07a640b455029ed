"""Files: JSON lines, run directories, checkpoints, and what comes from the Hugging Face hub."""
