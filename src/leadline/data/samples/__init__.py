"""Samples of a model: rows, counts, sources, tallies."""
