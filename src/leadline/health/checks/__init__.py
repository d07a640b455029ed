"""The checks, one a file: each looks at the newest observation of a run and says what speaks for its fault."""
