"""`privacy` and `identifier` as typed, on DuckDB: no file of the home keeps what was erased."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from profiles_sync.cli.privacy import _users
from support.archive import write_file
from support.cli import Cli
from support.landing import call

USER, EMAIL = "user-4711", "jane@secret.example"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli.reading_archive(tmp_path)


def files_with(cli: Cli, text: str) -> list[str]:
    return sorted(
        str(path.relative_to(cli.home))
        for path in cli.home.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    )


def tables_with(cli: Cli, text: str) -> list[str]:
    tables = cli.query(
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' order by all"
    )
    return [
        f"{schema}.{table}"
        for schema, table in tables
        if any(text in repr(row) for row in cli.query(f'select * from "{schema}"."{table}"'))
    ]


def test_a_file_of_users_may_begin_with_a_bom(tmp_path: Path) -> None:
    listed = tmp_path / "users.txt"
    listed.write_bytes(b"\xef\xbb\xbfu1\r\nu2\n\n")
    assert _users(["u0"], listed) == ["u0", "u1", "u2"]


@pytest.mark.slow
def test_nothing_in_the_home_keeps_an_erased_user(cli: Cli) -> None:
    archive = cli.folder / "archive"
    write_file(
        archive,
        "a",
        [
            call("page", "m1", userId=None, anonymousId="a1"),
            call("identify", "m2", userId=USER, anonymousId="a1", traits={"email": EMAIL}),
            call("page", "m3", userId=None, anonymousId="a1"),
            call("page", "m4", userId="other"),
        ],
    )
    cli.json("sync")
    # A table that fails quotes the value in logs and in Dagster.
    cli.query("alter table profiles.pages alter column user_id type integer using null")
    write_file(archive, "b", [call("page", "m5", userId=USER), call("group", "m6", userId="other", groupId="g1")])
    broken = cli.json("sync", exit_code=3)
    assert USER in broken["outcome"]["error"]["message"]
    cli.query("alter table profiles.pages alter column user_id type varchar using null")
    assert any(name.startswith("logs/") for name in files_with(cli, USER))
    assert any(name.startswith("dagster/") for name in files_with(cli, USER))
    assert "profiles_ops.sync_run_tables" in tables_with(cli, USER)
    pages = cli.query("select id, segment_id from profiles.pages order by id")

    finished = cli.run_words("privacy", "delete", "--user-id", USER, "--json")

    assert finished.returncode == 0, finished.stdout + finished.stderr
    erased = json.loads(finished.stdout)
    assert (erased["events"], erased["sync"]["status"]) == (2, "Success")
    assert {text: tables_with(cli, text) for text in (USER, EMAIL)} == {USER: [], EMAIL: []}
    assert {text: files_with(cli, text) for text in (USER, EMAIL)} == {USER: [], EMAIL: []}
    assert cli.query("select id, segment_id from profiles.pages order by id") == pages
    told = cli.json("history")
    assert [record["status"] for record in told] == ["Success", "Partial success", "Success"]
    assert "erased" in told[1]["outcome"]["error"]["message"]
    request = "select action, status, events, length(user_id_hash) from profiles_ops.privacy_requests"
    assert cli.query(request) == [("DELETE_ONLY", "FINISHED", 2, 64)]

    assert cli.json("rebuild")["status"] == "Success"
    assert tables_with(cli, USER) == []
    assert cli.query("select id, segment_id from profiles.pages order by id") == pages


@pytest.mark.slow
def test_nothing_is_begun_that_a_disabled_home_could_not_end(cli: Cli) -> None:
    write_file(cli.folder / "archive", "a", [call("track", "m1", userId=USER, event="Paid", properties={"n": 1})])
    cli.json("land")
    before = cli.query("select table_name, column_name, data_type from profiles_ops.column_registry order by all")
    assert ("paid", "n", "integer") in before
    cli.run_words("disable")

    for words in (
        ("privacy", "delete", "--user-id", USER),
        ("backfill", "--since", "all"),
        ("schema", "retype", "paid.n", "varchar"),
    ):
        refused = cli.run_words(*words)
        assert refused.returncode == 2, refused.stdout + refused.stderr
        assert "error E_CONFIG: syncs of " in refused.stderr
        assert "profiles-sync enable" in refused.stderr

    assert cli.query("select count(*) from profiles_ops.erased_events") == [(0,)]
    assert cli.query("select count(*) from profiles_ops.privacy_requests") == [(0,)]
    assert "profiles_staging.raw_events" in tables_with(cli, USER)
    assert (
        cli.query("select table_name, column_name, data_type from profiles_ops.column_registry order by all") == before
    )


@pytest.mark.slow
def test_an_identifier_is_removed_with_the_next_sync(cli: Cli) -> None:
    archive = cli.folder / "archive"
    write_file(archive, "a", [call("identify", "m1", userId="u1", anonymousId="a1", traits={"email": EMAIL})])
    cli.json("sync")
    refused = cli.run_words("identifier", "remove", "--type", "user_id", "--value", "u1")
    assert refused.returncode == 2
    assert "the only user_id of its profile" in refused.stderr
    assert cli.run_words("identifier", "remove", "--type", "email", "--value", "nobody@example.com").returncode == 2

    assert cli.run_words("identifier", "remove", "--type", "email", "--value", EMAIL).returncode == 0
    record = cli.json("sync")

    assert record["status"] == "Success"
    mapped = "select external_id_type, external_id_value from profiles.external_id_mapping order by 1"
    assert cli.query(mapped) == [("anonymous_id", "a1"), ("user_id", "u1")]
    log = "select external_id_value, __operation from profiles.external_id_mapping_updates where external_id_type = 'email'"
    assert cli.query(f"{log} order by seq") == [(EMAIL, "CREATED"), (EMAIL, "REMOVED")]


@pytest.mark.parametrize("command", ["delete", "suppress", "unsuppress"])
def test_nobody_is_named(cli: Cli, command: str) -> None:
    refused = cli.run_words("privacy", command)

    assert refused.returncode == 2
    assert "no user is named" in refused.stderr
