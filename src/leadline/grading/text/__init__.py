"""From a completion to the text of its answer: extraction, cleaning, spelling, limits."""
