"""Run the fuzz tests with new seeds until the time is over: ``make fuzz``.

FUZZ_SECONDS (120) bounds the whole; every round prints its seed, and ``--seed N`` repeats one. A finding ends it with
code 1 and pytest's account, in which hypothesis says how to repeat it: keep it as an ``@example`` or a small test.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, help="Run this seed alone.")
    given = parser.parse_args().seed
    ends = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", "120"))
    rounds = 0
    while time.monotonic() < ends:
        seed = random.SystemRandom().randrange(2**31) if given is None else given
        print(f"== fuzz, seed {seed}", flush=True)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "tests/fuzz", f"--hypothesis-seed={seed}"]
        environment = {"FUZZ_EXAMPLES": "200", "OMP_NUM_THREADS": "1"} | os.environ
        try:
            left = None if given is not None else max(1.0, ends - time.monotonic())
            code = subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=left).returncode
        except subprocess.TimeoutExpired:
            break  # the time is over in the middle of a round, and nothing was found in it
        if code or given is not None:
            return code
        rounds += 1
    print(f"== nothing found in {rounds} whole rounds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
