"""Problem sets: readers, columns, duplicates, curricula."""
