"""One cell: pretraining, algorithms, exact enumeration, the tabular twin."""
