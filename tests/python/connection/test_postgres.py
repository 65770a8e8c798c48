"""From nothing to a sync on Postgres: least privileges as printed, `connect` at a terminal, and no password anywhere."""

from __future__ import annotations

import os
import pty
import re
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from support.archive import write_file
from support.cli import PROGRAM, Cli
from support.landing import call, track
from support.postgres import GUARDED_USER, PostgresDatabase

# Everything that YAML, Jinja, SQL and a URL give a meaning to.
PASSWORD = "k0rrekt{{'\"p%f@rd\\:#${}"
FOREIGN = "nobody-s-p4ssword"


def run_as_administrator(database: PostgresDatabase, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(database.dsn)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def schemas(database: PostgresDatabase) -> set[str]:
    return {row[0] for row in run_as_administrator(database, "select nspname from pg_namespace")}


@pytest.fixture
def database(postgres_database: PostgresDatabase) -> Iterator[PostgresDatabase]:
    """A database in which nobody has a right that is not in the printed grants."""
    name = postgres_database.name
    run_as_administrator(postgres_database, f"revoke all on database {name} from public")
    run_as_administrator(postgres_database, "revoke all on schema public from public")
    yield postgres_database
    run_as_administrator(postgres_database, f"drop owned by {GUARDED_USER} cascade")
    run_as_administrator(postgres_database, f"drop role {GUARDED_USER}")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def grant(cli: Cli, database: PostgresDatabase) -> None:
    """Run exactly what `grants` prints, with a password in the place of the blank."""
    printed = subprocess.run(
        [str(PROGRAM), "grants", "postgres", "--user", GUARDED_USER, "--database", database.name],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    run_as_administrator(database, printed.replace("<password>", PASSWORD.replace("'", "''")))


def talk(cli: Cli, answers: list[tuple[str, str]], *arguments: str) -> tuple[int, str]:
    """Run `connect` at a terminal, answer each question, and return the exit code and all that the terminal showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cli.folder)
        os.execve(PROGRAM, [str(PROGRAM), "connect", "--home", str(cli.home), *arguments], {**cli.env, "TERM": "dumb"})
    shown = ""
    waiting = list(answers)
    while True:
        try:
            shown += os.read(terminal, 4096).decode()
        except OSError:
            break
        if waiting and re.search(waiting[0][0] + r"[^\n]*: $", shown):
            os.write(terminal, waiting.pop(0)[1].encode() + b"\n")
    _, status = os.waitpid(pid, 0)
    assert waiting == []
    return os.waitstatus_to_exitcode(status), shown


class ProcessList(threading.Thread):
    """Notes the command line of every process while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen = b""
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue
                if line not in self.seen:
                    self.seen += line


def everything_in(database: PostgresDatabase) -> str:
    tables = run_as_administrator(
        database, "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname like 'profiles%'"
    )
    assert len(tables) > 30
    return "\n".join(str(run_as_administrator(database, f"select * from {table}")) for (table,) in tables)


@pytest.mark.slow
def test_from_nothing_to_a_sync_with_the_least_privileges(cli: Cli, database: PostgresDatabase) -> None:
    archive = cli.folder / "archive"
    write_file(
        archive, "a", [call("page", "m1", anonymousId="a1"), track("m2", "Order Completed", properties={"total": 2})]
    )
    grant(cli, database)
    before = schemas(database)
    processes = ProcessList()
    processes.start()
    told = []

    # Wrong password: nothing is written, nothing is on.
    answers = [
        (r"Warehouse \(duckdb, postgres.*\) \[duckdb\]", "postgres"),
        ("Host", "127.0.0.1"),
        (r"Port \[5432\]", str(database.port)),
        ("Database", database.name),
        (r"User \[profiles_sync\]", GUARDED_USER),
        ("Password", FOREIGN),
        (r"SSL mode \[prefer\]", ""),
        (r"Schema of the public tables \[profiles\]", ""),
        ("Folder or URL that every sync reads", "archive"),
    ]
    code, shown = talk(cli, answers)
    told.append(shown)
    assert code == 1
    assert "failed   connect" in shown
    assert "E_AUTH" in shown
    assert "password authentication failed" in shown
    assert "not run  create schema" in shown
    assert not (cli.home / "profiles.yml").exists()
    assert not (cli.home / "profiles_sync.yml").exists()

    answers[5] = ("Password", PASSWORD)
    code, shown = talk(cli, answers)
    told.append(shown)
    assert code == 0, shown
    assert "nothing to allow-list" in shown
    assert f"user {GUARDED_USER}, seen at 127.0.0.1" in shown
    assert "failed" not in shown
    assert "Syncs are on" in shown
    assert schemas(database) == before, "the test leaves nothing behind"
    profile = cli.home / "profiles.yml"
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    assert yaml.safe_load((cli.home / "profiles_sync.yml").read_text()) == {
        "target": "postgres",
        "space": "profiles",
        "enabled": True,
        "sources": [str(archive)],
    }

    checked = cli.json("test-connection")
    assert [result["verdict"] for result in checked if result["name"] != "limits"] == ["ok"] * 13
    assert schemas(database) == before

    synced = cli.json("sync")
    assert (synced["status"], synced["rows"]["event_type"], synced["rows"]["event"]) == ("Success", 2, 1)
    assert run_as_administrator(database, "select id from profiles.order_completed") == [("m2",)]
    assert cli.json("test-connection")[2]["detail"].endswith("are there already")

    # Failures of a connected home: wrong password, then nobody there.
    good = profile.read_text()
    for port, password, code_expected in ((database.port, FOREIGN, "E_AUTH"), (1, PASSWORD, "E_NETWORK")):
        data = yaml.safe_load(good)
        data["profiles_sync"]["outputs"]["postgres"] |= {"port": port, "password": password}
        profile.write_text(yaml.safe_dump(data))
        if port == 1:
            # Another address is another warehouse.
            (cli.home / "binding.json").rename(cli.home / "binding.kept")
        for command in ("sync", "test-connection"):
            failed = cli.run(command)
            told.append(failed.stdout + failed.stderr)
            assert failed.returncode == 1
            assert code_expected in failed.stdout
    (cli.home / "binding.kept").rename(cli.home / "binding.json")
    profile.write_text(good)
    assert cli.json("sync")["status"] == "Success"
    assert [record["status"] for record in cli.json("history")] == ["Success", "Failed", "Failed", "Success"]
    assert [
        row[0]
        for row in run_as_administrator(database, "select error_code from profiles_ops.sync_runs order by started_at")
    ] == [None, "E_AUTH", "E_NETWORK", None]

    processes.stopped.set()
    processes.join()
    told += [cli.run("history").stdout, cli.run("status").stdout, everything_in(database)]
    files = [path for path in cli.folder.rglob("*") if path.is_file() and path != profile]
    assert any("dbt.log" in path.name for path in files)
    assert any(path.suffix == ".db" for path in files)
    for secret in (PASSWORD, FOREIGN):
        assert [path for path in files if secret.encode() in path.read_bytes()] == []
        assert [text for text in told if secret in text] == []
        assert secret.encode() not in processes.seen
    assert b"profiles-sync" in processes.seen


@pytest.mark.slow
def test_what_is_missing_is_named(cli: Cli, database: PostgresDatabase) -> None:
    grant(cli, database)
    run_as_administrator(database, f"revoke create on database {database.name} from {GUARDED_USER}")
    (cli.folder / "password").write_text(PASSWORD + "\n")
    flags = ["postgres", "--host", "127.0.0.1", "--port", str(database.port), "--database", database.name]
    flags += ["--user", GUARDED_USER, "--password-file", str(cli.folder / "password")]

    refused = cli.run("connect", *flags)

    assert refused.returncode == 1
    assert "failed   create schema" in refused.stdout
    assert "permission denied for database" in refused.stdout
    assert "`profiles-sync grants postgres` prints what an administrator has to run" in refused.stdout
    assert not (cli.home / "profiles.yml").exists()

    # Schemas that an administrator has made, with the rights that the grants mention for that case.
    for schema in ("profiles", "profiles_staging", "profiles_ops"):
        run_as_administrator(database, f"create schema {schema}")
        run_as_administrator(database, f"grant usage, create on schema {schema} to {GUARDED_USER}")
    write_file(cli.folder / "archive", "a", [call("page", "m1")])
    connected = cli.run("connect", *flags, "--source", "archive")
    assert connected.returncode == 0, connected.stdout
    assert cli.json("sync")["status"] == "Success"


@pytest.mark.slow
def test_a_password_in_the_environment_or_the_keyring_is_in_no_file(cli: Cli, database: PostgresDatabase) -> None:
    grant(cli, database)
    (cli.folder / "password").write_text(PASSWORD + "\n")
    flags = ["postgres", "--host", "127.0.0.1", "--port", str(database.port), "--database", database.name]
    flags += ["--user", GUARDED_USER]

    missing = cli.run("connect", *flags, "--secrets", "environment")
    assert missing.returncode == 2
    assert "DBT_ENV_SECRET_POSTGRES_PASSWORD is not set" in missing.stderr
    cli.environment = {"DBT_ENV_SECRET_POSTGRES_PASSWORD": PASSWORD}
    assert cli.run("connect", *flags, "--secrets", "environment").returncode == 0
    assert PASSWORD not in (cli.home / "profiles.yml").read_text()
    assert cli.run("test-connection").returncode == 0

    # A keyring that is a file of the test's, by the library's own way to name a backend.
    (cli.folder / "watch" / "test_keyring.py").write_text(KEYRING)
    store = cli.folder / "keyring.json"
    cli.environment = {"PYTHON_KEYRING_BACKEND": "test_keyring.Keyring", "TEST_KEYRING": str(store)}
    connected = cli.run("connect", *flags, "--secrets", "keyring", "--password-file", "password")
    assert connected.returncode == 0, connected.stdout + connected.stderr
    (cli.folder / "password").unlink()
    assert cli.run("test-connection").returncode == 0
    store_text = store.read_text()
    store.unlink()
    assert PASSWORD.encode() in store_text.encode().decode("unicode-escape").encode()
    assert [path for path in cli.folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()] == []
    forgotten = cli.run("test-connection")
    assert forgotten.returncode == 2
    assert "the keyring has no password" in forgotten.stderr


KEYRING = """
import json, os, pathlib
from keyring.backend import KeyringBackend
PLACE = pathlib.Path(os.environ["TEST_KEYRING"])
class Keyring(KeyringBackend):
    priority = 1
    def _read(self):
        return json.loads(PLACE.read_text()) if PLACE.exists() else {}
    def get_password(self, service, username):
        return self._read().get(service + username)
    def set_password(self, service, username, password):
        PLACE.write_text(json.dumps(self._read() | {service + username: password}))
    def delete_password(self, service, username):
        PLACE.write_text(json.dumps({name: kept for name, kept in self._read().items() if name != service + username}))
"""
