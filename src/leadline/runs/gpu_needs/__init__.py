"""What a recipe needs of GPUs, counted before anything is started: memory by its parts, and hours."""

from leadline.runs.gpu_needs.lines import gpu_lines

__all__ = ["gpu_lines"]
