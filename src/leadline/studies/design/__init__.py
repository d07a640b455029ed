"""What a study varies: axes, cells and their problems."""
