"""leadline: sound, train and prove reasoning with GRPO. Importing it needs neither torch nor transformers."""

__version__ = "0.1.0"
