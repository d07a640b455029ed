"""The picture of docs/watch.md: one frame of ``leadline watch`` over a run, as SVG.

python benchmarks/watch_screenshot.py RUN docs/watch.svg
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from rich.console import Console

from leadline.diagnosis.watch import frame, look


def main() -> None:
    run, out = (Path(argument) for argument in sys.argv[1:])
    with open("/dev/null", "w") as nowhere:
        console = Console(record=True, width=200, file=nowhere, highlight=False)
        console.print(frame(look(run), console.width))
    svg = console.export_svg(title=f"leadline watch {run.name}", unique_id="watch")
    out.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))  # fonts from elsewhere


if __name__ == "__main__":
    main()
