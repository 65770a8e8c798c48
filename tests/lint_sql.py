"""Lint the SQL that the models and singular tests become: build them on an empty DuckDB, then run sqlfluff over what dbt compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


def main() -> int:
    """Lint; the exit code is that of the command that failed, or 0."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "target")
        env = os.environ | {
            "PROFILES_SYNC_HOME": folder,
            "PROFILES_SYNC_TARGET": "duckdb",
            "DBT_PROFILES_DIR": str(ROOT),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            # What is off by default is linted too.
            "PROFILES_SYNC_ENABLE_USERS_ACCOUNTS": "true",
        }
        build = [BIN / "dbt", "build", "--quiet", "--target-path", target, "--log-path", Path(folder, "logs")]
        if code := subprocess.run(build, cwd=ROOT, env=env, check=False).returncode:
            return code
        compiled = target / "compiled" / "profiles_sync"
        # sqlfluff reads the configuration of the folder that it runs in.
        shutil.copy(ROOT / ".sqlfluff", folder)
        # Generic tests are dbt's own SQL, below folders that are named after YAML files.
        files = [
            path for path in sorted(compiled.rglob("*.sql")) if not any(part.endswith(".yml") for part in path.parts)
        ]
        lint = [BIN / "sqlfluff", "lint", "--disable-progress-bar", *files]
        return subprocess.run(lint, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
