"""Run the benchmarks beside this file, one after another: all, or those named (`python benchmarks/run.py landing`)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    """Run the named benchmarks; the exit code is that of the first that failed, 2 for an unknown name."""
    known = {
        path.stem: path for path in sorted(HERE.glob("*.py")) if path.stem != "run" and not path.stem.startswith("_")
    }
    if unknown := [name for name in names if name not in known]:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    print(f"{os.cpu_count()} processors; Python {sys.version.split()[0]}", flush=True)
    for name in names or known:
        print(f"\n== {name}", flush=True)
        if code := subprocess.run([sys.executable, known[name]], check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
