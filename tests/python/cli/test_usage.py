"""Usage and configuration mistakes: exit code 2, one message with the way out, no traceback, no run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from profiles_sync import __version__
from profiles_sync.cli.connection import _secret
from profiles_sync.connection.kinds import find_kind
from profiles_sync.connection.profile import Secrets
from support.cli import PROGRAM, Cli
from support.dbt import ROOT


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def refused(cli: Cli, command: str, *arguments: str) -> str:
    finished = cli.run(command, *arguments)
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert finished.stdout == ""
    assert "Traceback" not in finished.stderr
    return " ".join(finished.stderr.split())


def test_nothing_to_read(cli: Cli) -> None:
    message = refused(cli, "sync")

    assert "there is nothing to read" in message
    assert "--source" in message
    assert not (cli.home / "warehouse.duckdb").exists()


def test_a_blank_home_is_none(cli: Cli) -> None:
    # As `--home "$UNSET"` is.
    looked = cli.run_words("status", "--home", "")

    assert f"there is no deployment in {cli.home}\n" in looked.stderr


def test_a_wrong_setting(cli: Cli) -> None:
    cli.home.mkdir()
    (cli.home / "profiles_sync.yml").write_text("sources: [./archive]\nmerge_capp: 3\n")

    message = refused(cli, "sync")

    assert "profiles_sync.yml, line 2: unknown key `merge_capp`" in message
    assert "merge_cap," in message


def test_a_wrong_rule(cli: Cli) -> None:
    (cli.home / "rules").mkdir(parents=True)
    (cli.home / "rules" / "identity_rules.csv").write_text("external_id_type,value_limit\nphone,0\n")

    assert "identity_rules.csv, line 2" in refused(cli, "sync", "--source", "archive")


def test_an_unknown_target(cli: Cli) -> None:
    message = refused(cli, "sync", "--source", "archive", "--target", "oracle")

    assert "has no target `oracle`" in message
    assert "duckdb" in message


@pytest.mark.slow
def test_a_damaged_home(cli: Cli) -> None:
    (cli.home / "dagster" / "history").mkdir(parents=True)
    (cli.home / "dagster" / "history" / "runs.db").write_bytes(b"no database" * 100)

    status = cli.run("status")
    assert (status.returncode, "Traceback" in status.stderr) == (1, False)
    assert "E_STATE" in status.stderr
    assert "move the folder away" in status.stderr
    for content in ("hello", "profiles_sync: [1]", "profiles_sync: {outputs: {duckdb: x}}"):
        (cli.home / "profiles.yml").write_text(content)
        assert "`profiles-sync connect` writes it anew" in refused(cli, "sync", "--source", "x")


def test_the_status_shows_no_credentials_of_a_source(cli: Cli) -> None:
    (cli.home / "dagster").mkdir(parents=True)
    (cli.home / "profiles_sync.yml").write_text('sources: ["https://user:secret@host/a?sig=secret", "/calls/a?b"]\n')
    assert cli.json("status")["sources"] == ["https://host/a", "/calls/a?b"]


def test_nothing_in_the_home_keeps_the_credentials_of_a_source(cli: Cli) -> None:
    record = cli.json("sync", "--source", "ftp://user:word4711@127.0.0.1:1/calls", exit_code=1)

    assert "ftp://127.0.0.1:1/calls" in record["outcome"]["error"]["message"]
    files = [path for path in cli.home.rglob("*") if path.is_file()]
    assert any(b"ftp://127.0.0.1:1/calls" in path.read_bytes() for path in files), "what Dagster keeps of the run"
    assert [path for path in files if b"word4711" in path.read_bytes()] == []


def test_an_unknown_option(cli: Cli) -> None:
    assert "No such option" in refused(cli, "sync", "--sauce", "archive")


@pytest.mark.parametrize("command", ["history", "status"])
def test_a_home_that_is_none(cli: Cli, command: str) -> None:
    assert "there is no deployment in" in refused(cli, command)
    assert not cli.home.exists(), "looking makes nothing"


def test_a_home_that_cannot_be_made(cli: Cli) -> None:
    cli.home.write_text("a file")

    assert "cannot be used" in refused(cli, "sync", "--source", "archive")


def test_a_file_of_the_home_that_cannot_be_written(cli: Cli) -> None:
    (cli.home / "dagster" / "opening.lock").mkdir(parents=True)

    message = refused(cli, "status")

    assert "dagster/opening.lock: Is a directory" in message
    assert "read and write the home" in message


def test_a_sync_that_is_not_there(cli: Cli) -> None:
    (cli.home / "dagster").mkdir(parents=True)

    assert "there is no sync 1234" in refused(cli, "history", "1234")


@pytest.mark.slow
def test_no_sync_yet(cli: Cli) -> None:
    (cli.home / "dagster").mkdir(parents=True)

    assert cli.json("history") == []
    status = cli.json("status")
    assert (status["last"], status["running"], status["next_sync_at"]) == (None, None, None)
    for command in ("tables", "prune", "verify"):
        assert "there was no sync in this home yet" in refused(cli, command)

    (cli.home / "profiles.yml").write_text(
        "profiles_sync: {target: shop, outputs: {shop: {type: postgres, host: db.example, port: 5432, dbname: shop, "
        "user: jane, password: secret, schema: profiles}}}"
    )
    status = cli.json("status")
    assert (status["warehouse"], status["address"], status["schema"]) == (
        "postgres",
        "db.example/5432/shop",
        "profiles",
    )


@pytest.mark.slow
def test_a_path_that_is_not_there(cli: Cli) -> None:
    record = cli.json("sync", "--source", "no-such-folder", exit_code=1)

    assert (record["status"], record["outcome"]["error"]["code"]) == ("Failed", "E_SOURCE_READ")
    assert "no-such-folder" in record["outcome"]["error"]["message"]


def test_the_sample_archive_and_version(cli: Cli) -> None:
    import subprocess

    from support.cli import PROGRAM

    version = subprocess.run([str(PROGRAM), "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() == __version__
    command = [str(PROGRAM), "sample", "--to", "sample", "--part", "later"]
    written = subprocess.run(command, cwd=cli.folder, capture_output=True, text=True, check=True)
    files = list((cli.folder / "sample").rglob("*.gz"))
    assert f"in {len(files)} files" in written.stdout
    assert files


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["oracle"], "there is no warehouse `oracle`"),
        (["postgres", "--database", "d"], "host is missing Give --host."),
        (["postgres", "--host", "h", "--database", "d"], "password is missing Give --password-file FILE"),
        (["duckdb", "--host", "h"], "DuckDB has no --host"),
        (["duckdb", "--path", "p", "--space", "My-Shop"], "`My-Shop`: a space is a schema name"),
        (
            ["postgres", "--host", "h", "--database", "d", "--port", "x", "--password-file", os.devnull],
            "--port: 'x' is no number",
        ),
    ],
)
def test_connect_without_a_terminal_asks_nothing(cli: Cli, arguments: list[str], said: str) -> None:
    assert said in refused(cli, "connect", *arguments)
    assert not (cli.home / "profiles.yml").exists()


def test_a_password_file_may_begin_with_a_bom(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xef\xbb\xbfhunter2\r\n")
    kind = find_kind("postgres")
    question = next(question for question in kind.questions if question.key == "password")
    assert _secret(kind, question, str(file), Secrets.FILE) == "hunter2"


def test_what_to_type_is_what_the_shell_finds(cli: Cli) -> None:
    script = "from profiles_sync.project import PROGRAM; print(PROGRAM)"

    def told(path: str, folder: Path) -> str:
        command = [sys.executable, "-c", script]
        env = {**cli.env, "PATH": path}
        return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()

    assert told(f"{PROGRAM.parent}{os.pathsep}/usr/bin", cli.folder) == "profiles-sync"
    assert told("/usr/bin", cli.folder) == str(PROGRAM)
    assert told("/usr/bin", PROGRAM.parents[2]) == str(PROGRAM.relative_to(PROGRAM.parents[2]))


@pytest.mark.slow
def test_dbt_by_hand_on_a_home_that_is_not_there_does_not_wait_for_minutes(cli: Cli) -> None:
    env = {**cli.env, "PROFILES_SYNC_HOME": str(cli.home), "DBT_PROFILES_DIR": str(ROOT)}
    command = [str(PROGRAM.with_name("dbt")), "run", "--target-path", str(cli.folder / "target")]
    before = time.monotonic()

    finished = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)

    assert finished.returncode != 0
    assert "No such file or directory" in finished.stdout
    # Eight attempts would take more than four minutes.
    assert time.monotonic() - before < 200


def test_a_terminal_without_a_character_gets_the_rest() -> None:
    command = [str(PROGRAM), "grants", "postgres", "--user", "größe"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}

    shown = subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert shown.returncode == 0, shown.stderr
    assert "gr??e" in shown.stdout
