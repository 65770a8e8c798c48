"""The parts of connecting that need no server: what is written, what is printed, what a check does on DuckDB."""

from __future__ import annotations

import socket
from pathlib import Path

import duckdb
import pytest
import yaml

from profiles_sync.connection import keychain
from profiles_sync.connection.address import describe, outgoing_address
from profiles_sync.connection.grants import grants
from profiles_sync.connection.kinds import KINDS, find_kind
from profiles_sync.connection.probe import ConnectionTest, Verdict
from profiles_sync.connection.profile import Secrets, build_profile, write_profile
from profiles_sync.connection.setup import Candidate
from profiles_sync.errors import ConfigError
from profiles_sync.home import Home
from profiles_sync.project import resolve_target
from profiles_sync.warehouse import open_warehouse
from support.postgres import PostgresDatabase

POSTGRES = {"host": "db", "port": "5432", "dbname": "shop", "user": "u", "sslmode": "require"}


@pytest.fixture(autouse=True)
def _environment_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    # `Candidate.of` points the process at its home.
    monkeypatch.setenv("PROFILES_SYNC_HOME", "")
    monkeypatch.setenv("PROFILES_SYNC_SPACE", "")


@pytest.mark.parametrize("password", ["plain", "0123", "{{ secret }}", "{% if %}", "a: b # c", "'\"\\", "é☃{#"])
def test_a_password_is_read_as_it_was_given(tmp_path: Path, password: str) -> None:
    profile = build_profile(find_kind("postgres"), {**POSTGRES, "password": password}, Secrets.FILE)
    path = write_profile(Home(tmp_path), profile)

    target = resolve_target(yaml.safe_load(path.read_text()), "postgres", path)

    assert target.credentials.password == password
    assert (target.credentials.host, target.credentials.port, target.credentials.sslmode) == ("db", 5432, "require")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("key", ["password", "pass"])
def test_a_password_that_dbt_refuses_is_not_quoted(tmp_path: Path, key: str) -> None:
    target = {
        "type": "postgres",
        "host": "db",
        "port": 5432,
        "dbname": "shop",
        "user": "u",
        "schema": "s",
        key: 12345678,
    }
    profile = {"profiles_sync": {"target": "postgres", "outputs": {"postgres": target}}}

    with pytest.raises(ConfigError, match=r"\*+ is not of type 'string'") as refused:
        resolve_target(profile, "postgres", tmp_path / "profiles.yml")

    assert "12345678" not in refused.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_every_warehouse_has_grants_without_blanks_but_the_secret(kind: str) -> None:
    answers = {question.flag: f"my_{question.flag.replace('-', '_')}" for question in KINDS[kind].questions}

    printed = grants(kind, answers, space="shop")

    assert "$" not in printed
    assert printed.count("<") == printed.count("<password>") + printed.count("<public key>")
    if kind != "duckdb":
        assert f"my_{'project' if kind == 'bigquery' else 'user'}" in printed


def test_grants_hold_no_statement_of_somebody_else() -> None:
    with pytest.raises(ConfigError, match="--user"):
        grants("postgres", {"user": 'x"; drop table y; --'}, space="shop")


@pytest.mark.parametrize(
    ("address", "seen", "said"),
    [
        ("127.0.0.1", None, "nothing to allow-list"),
        ("10.1.2.3", None, "10.1.2.3/32, this machine's address in its own network"),
        ("203.0.113.9", None, "Allow-list in the warehouse's firewall: 203.0.113.9/32"),
        ("10.1.2.3", "198.51.100.4", "Allow-list in the warehouse's firewall: 198.51.100.4/32"),
        ("2001:db8::1", None, "2001:db8::1/128"),
        (None, None, "no route"),
    ],
)
def test_what_to_allow_list(address: str | None, seen: str | None, said: str) -> None:
    assert said in describe(address, seen=seen)


def test_the_outgoing_address_is_found_without_sending() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.2)

        assert outgoing_address("127.0.0.1", receiver.getsockname()[1]) == "127.0.0.1"

        with pytest.raises(TimeoutError):
            receiver.recv(1)


def candidate(home: Home, path: Path) -> Candidate:
    return Candidate.of(home, find_kind("duckdb"), {"path": str(path)}, space="shop", secrets=Secrets.FILE)


def test_a_test_on_duckdb_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    target = candidate(Home(tmp_path / "home"), path).target

    assert {result.verdict for result in ConnectionTest(target).run()} == {Verdict.OK}
    assert not path.exists()

    # What is there stays, a table of a test that was killed does not.
    with duckdb.connect(str(path)) as connection:
        for schema in ("shop", "shop_ops"):
            connection.execute(f"create schema {schema}; create table {schema}.__profiles_sync_probe (id integer)")
        connection.execute("create schema other; create table other.kept as select 1 as id")
    assert {result.verdict for result in ConnectionTest(target).run()} == {Verdict.OK}
    with duckdb.connect(str(path)) as connection:
        there = connection.execute("select table_schema, table_name from information_schema.tables").fetchall()
        schemas = connection.execute("select schema_name from information_schema.schemata").fetchall()
    assert there == [("other", "kept")]
    assert {("shop",), ("shop_ops",)} < set(schemas)
    assert ("shop_staging",) not in schemas


def test_a_test_that_loses_its_connection_says_so_and_can_be_repeated(
    tmp_path: Path, postgres_database: PostgresDatabase
) -> None:
    server = {"host": postgres_database.host, "port": str(postgres_database.port), "dbname": postgres_database.name}
    answers = {**server, "user": postgres_database.user, "password": "", "sslmode": "disable"}
    home = Home(tmp_path / "home")
    target = Candidate.of(home, find_kind("postgres"), answers, space="shop", secrets=Secrets.FILE).target
    found = {}

    for result in ConnectionTest(target).run():
        found[result.name] = result
        if result.name == "create table":
            with open_warehouse(target) as other:
                other.query(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )

    assert found["alter table"].detail.startswith("E_NETWORK")
    assert found["clock"].verdict is Verdict.NOT_RUN
    assert {each.verdict for each in ConnectionTest(target).run()} <= {Verdict.OK, Verdict.WARNING}


def test_a_keyring_that_does_not_work_leaves_a_home_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets: dict[str, str] = {}
    locked = False

    def keyring(call: str, home: Home, key: str, *value: str) -> str | None:
        if locked:
            raise ConfigError("the operating system's keyring cannot be used: Locked")
        if call == "set_password":
            secrets[key] = value[0]
        return secrets.pop(key) if call == "delete_password" else secrets.get(key)

    monkeypatch.setattr(keychain, "_keyring", keyring)
    monkeypatch.setenv(keychain.variable("password"), "")

    def connect(password: str, where: Secrets) -> list[str]:
        answers = {**POSTGRES, "password": password}
        return Candidate.of(home, find_kind("postgres"), answers, space="shop", secrets=where).keep([])

    home = Home(tmp_path / "home")
    locked = True
    with pytest.raises(ConfigError, match="Locked"):
        connect("first", Secrets.KEYRING)
    assert (home.profiles_file.exists(), home.config_file.exists()) == (False, False)

    locked = False
    assert connect("first", Secrets.KEYRING) == []
    before = home.config_file.read_text()
    locked = True
    with pytest.raises(ConfigError, match="Locked"):
        connect("second", Secrets.KEYRING)
    assert (secrets, home.config_file.read_text()) == ({"password": "first"}, before)
    # The way out that the error names.
    assert connect("third", Secrets.FILE) == [
        "the former secrets are still in the keyring: the operating system's keyring cannot be used: Locked"
    ]
    assert "third" in home.profiles_file.read_text()


def test_a_schema_with_tables_of_somebody_else_fails(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema shop; create table shop.invoices as select 1 as id")

    results = {result.name: result for result in ConnectionTest(candidate(Home(tmp_path / "home"), path).target).run()}

    assert results["create schema"].verdict is Verdict.FAILED
    assert "E_SCHEMA_CONFLICT" in results["create schema"].detail
    assert "invoices" in results["create schema"].detail
    assert results["drop table"].verdict is Verdict.NOT_RUN


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    first = next(ConnectionTest(candidate(Home(tmp_path / "home"), tmp_path / "none" / "w.duckdb").target).run())

    assert (first.name, first.verdict) == ("connect", Verdict.FAILED)
    assert "E_CONFIG" in first.detail
    assert first.advice.startswith("Make the folder")


def test_a_driver_that_is_missing_is_named_with_its_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("profiles_sync.project.find_spec", lambda name: None)
    answers = {question.key: question.default or "1" for question in KINDS["redshift"].questions}

    with pytest.raises(ConfigError) as error:
        Candidate.of(Home(tmp_path), find_kind("redshift"), answers, space="shop", secrets=Secrets.FILE)

    assert error.value.message == "the driver for redshift is not installed"
    assert "redshift" in error.value.hint
