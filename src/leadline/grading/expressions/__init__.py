"""From the text of an answer to a structure: tokens, parser, sets, exact forms."""
