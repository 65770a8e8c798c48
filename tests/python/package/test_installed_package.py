"""The project as a package of another dbt project, by `local:` and by `git:`, on events that landing wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml

from support.dbt import ROOT

CALLS = [
    {"type": "page", "messageId": "m1", "anonymousId": "a1", "name": "Home", "receivedAt": "2026-01-01T00:00:00Z"},
    {
        "type": "identify",
        "messageId": "m2",
        "anonymousId": "a1",
        "userId": "u1",
        "traits": {"email": "ann@example.com"},
        "receivedAt": "2026-01-01T00:01:00Z",
    },
    {
        "type": "track",
        "messageId": "m3",
        "userId": "u1",
        "event": "Order Completed",
        "properties": {"total": 9.5},
        "receivedAt": "2026-01-01T00:02:00Z",
    },
]


def run(*command: str, cwd: Path, env: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def git_revision() -> str | None:
    """The commit that the working tree stands on; None outside of a checkout."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


@pytest.fixture
def consumer(tmp_path: Path) -> Path:
    """A dbt project that has nothing but one model on top of the package."""
    project = tmp_path / "shop"
    (project / "models").mkdir(parents=True)
    warehouse = project / "warehouse.duckdb"
    outputs = {"dev": {"type": "duckdb", "path": str(warehouse), "schema": "people", "keep_open": False}}
    profiles = {"shop": {"target": "dev", "outputs": outputs}, "profiles_sync": {"target": "dev", "outputs": outputs}}
    (project / "profiles.yml").write_text(yaml.safe_dump(profiles))
    settings = {"profiles_sync": {"space_id": "demo"}}
    (project / "dbt_project.yml").write_text(
        yaml.safe_dump(
            {"name": "shop", "version": "1.0", "profile": "shop", "model-paths": ["models"], "vars": settings}
        )
    )
    (project / "models" / "people.sql").write_text(
        "select g.canonical_segment_id, count(*) as identifiers from {{ ref('profiles_sync', 'id_graph') }} as g "
        "inner join {{ ref('profiles_sync', 'external_id_mapping') }} as m "
        "on m.canonical_segment_id = g.canonical_segment_id "
        "where g.segment_id = g.canonical_segment_id group by g.canonical_segment_id"
    )
    return project


@pytest.mark.slow
@pytest.mark.parametrize("how", ["local", "git"])
def test_package_builds_in_another_project(consumer: Path, how: str) -> None:
    revision = git_revision()
    if how == "git" and revision is None:
        pytest.skip("not a git checkout, so there is no repository to install from")
    entry = {"local": str(ROOT)} if how == "local" else {"git": f"file://{ROOT}", "revision": revision}
    (consumer / "packages.yml").write_text(yaml.safe_dump({"packages": [entry]}))
    env = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(consumer),
        "DBT_PROFILES_DIR": str(consumer),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PROFILES_SYNC_SPACE": "people",
    }

    run("dbt", "deps", cwd=consumer, env=env)
    # Before anything landed, everything builds, empty.
    run("dbt", "build", cwd=consumer, env=env)
    with duckdb.connect(str(consumer / "warehouse.duckdb")) as connection:
        assert connection.execute("select count(*) from people.id_graph").fetchone() == (0,)
        assert connection.execute("select count(*) from people.identifies").fetchone() == (0,)
    if how == "git":
        # From here on both ways have the same files.
        return

    (consumer / "home").mkdir()
    (consumer / "home" / "profiles.yml").write_text((consumer / "profiles.yml").read_text())
    (consumer / "calls.jsonl").write_text("".join(json.dumps(call) + "\n" for call in CALLS))
    run("profiles-sync", "land", "--home", "home", "--source", str(consumer / "calls.jsonl"), cwd=consumer, env=env)
    run("profiles-sync", "models", "--home", "home", "--to", str(consumer / "models" / "events"), cwd=consumer, env=env)
    run("dbt", "build", cwd=consumer, env=env)
    with duckdb.connect(str(consumer / "warehouse.duckdb")) as connection:
        assert connection.execute("select event, total from people.order_completed").fetchall() == [
            ("order_completed", 9.5)
        ]
        assert connection.execute("select identifiers from people.people").fetchall() == [(3,)]
        assert connection.execute("select email from people.identifies").fetchall() == [("ann@example.com",)]
        assert connection.execute("select event_text, user_id from people.tracks").fetchall() == [
            ("Order Completed", "u1")
        ]
        stamped = {
            row[0]
            for row in connection.execute(
                "select segment_id from people.tracks union select segment_id from people.pages"
            ).fetchall()
        }
        assert stamped == {
            row[0] for row in connection.execute("select canonical_segment_id from people.id_graph").fetchall()
        }

    run("dbt", "docs", "generate", cwd=consumer, env=env)
    catalog = json.loads((consumer / "target" / "catalog.json").read_text())
    assert "email" in catalog["nodes"]["model.profiles_sync.identifies"]["columns"]
