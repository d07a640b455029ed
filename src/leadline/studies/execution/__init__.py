"""Running the cells of a study: pools, costs, the store of results."""
