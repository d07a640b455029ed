"""A run: training data, cost, stages on a backend, the diagnosis in between."""
