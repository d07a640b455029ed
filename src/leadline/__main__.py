"""``python -m leadline``: the command line, for where the script is not on the PATH."""

from __future__ import annotations

from leadline.cli.main import main

if __name__ == "__main__":
    main()
