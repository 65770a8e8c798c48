"""Reach a warehouse: `connect`, `grants`, `test-connection`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from profiles_sync.cli.app import EXIT_FAILED, HomeOption, JsonOption, TargetOption, app, print_json, print_problems
from profiles_sync.connection.kinds import KINDS, Kind, Question, find_kind
from profiles_sync.connection.profile import Secrets, environment_variable
from profiles_sync.connection.setup import Candidate
from profiles_sync.errors import ConfigError
from profiles_sync.home import Home
from profiles_sync.project import DEFAULT_SPACE, PROGRAM, Target, open_workplace

WarehouseArgument = Annotated[str | None, typer.Argument(help=f"One of: {', '.join(KINDS)}.", show_default=False)]
SpaceOption = Annotated[
    str | None, typer.Option("--space", help="Schema of the public tables; fixed after the first sync.")
]
HostOption = Annotated[str | None, typer.Option("--host", help="Host of the warehouse.")]
PortOption = Annotated[str | None, typer.Option("--port", help="Its port.")]
DatabaseOption = Annotated[str | None, typer.Option("--database", help="Database.")]
UserOption = Annotated[str | None, typer.Option("--user", help="User that syncs.")]
RoleOption = Annotated[str | None, typer.Option("--role", help="Snowflake: role of the user.")]
ComputeOption = Annotated[str | None, typer.Option("--compute", help="Snowflake: virtual warehouse.")]
ProjectOption = Annotated[str | None, typer.Option("--project", help="BigQuery: project.")]
LocationOption = Annotated[str | None, typer.Option("--location", help="BigQuery: location of the datasets.")]


@app.command()
def connect(
    warehouse: WarehouseArgument = None,
    home: HomeOption = None,
    space: SpaceOption = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Folder, file or URL that every sync reads; may be repeated."),
    ] = None,
    path: Annotated[str | None, typer.Option("--path", help="DuckDB: the file.")] = None,
    host: HostOption = None,
    port: PortOption = None,
    database: DatabaseOption = None,
    user: UserOption = None,
    password_file: Annotated[
        str | None,
        typer.Option(
            "--password-file",
            help="File with the password, or the key's passphrase, in its first line; `-` is standard input.",
        ),
    ] = None,
    sslmode: Annotated[str | None, typer.Option("--sslmode", help="Postgres and Redshift: SSL mode.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Snowflake: account identifier.")] = None,
    compute: ComputeOption = None,
    role: RoleOption = None,
    key_file: Annotated[
        str | None, typer.Option("--key-file", help="Snowflake: private key. BigQuery: key of the service account.")
    ] = None,
    project: ProjectOption = None,
    location: LocationOption = None,
    driver: Annotated[str | None, typer.Option("--driver", help="Synapse: ODBC driver.")] = None,
    secrets: Annotated[
        Secrets,
        typer.Option(
            "--secrets",
            help="Where the password is kept: the home's profiles.yml, which only you can read, "
            "the environment variable that is named then, or the operating system's keyring.",
        ),
    ] = Secrets.FILE,
) -> None:
    """Ask for a warehouse and its credentials, test them, and only then turn syncs on."""
    from profiles_sync.settings import check_space, load_deployment

    given = {
        "path": path, "host": host, "port": port, "database": database, "user": user, "password-file": password_file,
        "sslmode": sslmode, "account": account, "compute": compute, "role": role, "key-file": key_file,
        "project": project, "location": location, "driver": driver,
    }  # fmt: skip
    place = Home.locate(home)
    deployment = load_deployment(place)
    kind = find_kind(warehouse or _ask_text(f"Warehouse ({', '.join(KINDS)})", "duckdb", flag="WAREHOUSE"))
    _refuse_foreign_flags(kind, [flag for flag, value in given.items() if value is not None])
    answers = _answers(kind, given, secrets)
    bound = place.binding
    space = space or (bound.schema if bound else None) or deployment.space
    space = space or _ask_text("Schema of the public tables", DEFAULT_SPACE, flag="--space")
    check_space(space)
    sources = [_absolute(each) for each in source or []]
    if not sources and not deployment.sources:
        sources = [
            _absolute(each)
            for each in [_ask_text("Folder or URL that every sync reads; blank: later", "", flag="--source")]
            if each
        ]

    candidate = Candidate.of(place, kind, answers, space=space, secrets=secrets)
    if not _test(candidate.target, Console()):
        raise typer.Exit(EXIT_FAILED)
    print_problems(candidate.keep(sources))
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"\n[green]Connected.[/green] {candidate.whereabouts}")
    if sources or deployment.sources:
        console.print(
            f"Syncs are on. `{PROGRAM} up {place.flag}` runs one every hour, `{PROGRAM} sync {place.flag}` one now."
        )
    else:
        console.print(f"Name what is to be read under `sources:` in {place.config_file}; then syncs run every hour.")


@app.command()
def grants(
    warehouse: WarehouseArgument = None,
    space: SpaceOption = None,
    user: UserOption = None,
    database: DatabaseOption = None,
    role: RoleOption = None,
    compute: ComputeOption = None,
    project: ProjectOption = None,
    location: LocationOption = None,
) -> None:
    """Print the least privileges that a sync needs, as SQL for an administrator."""
    from profiles_sync.connection.grants import grants as statements
    from profiles_sync.settings import check_space

    check_space(space or DEFAULT_SPACE)
    kind = find_kind(warehouse or _ask_text(f"Warehouse ({', '.join(KINDS)})", None, flag="WAREHOUSE"))
    names = {
        "user": user, "database": database, "role": role, "compute": compute, "project": project, "location": location,
    }  # fmt: skip
    known = {flag: name for flag, name in names.items() if name}
    print(statements(kind.name, known, space=space or DEFAULT_SPACE), end="")


@app.command("test-connection")
def check_connection(home: HomeOption = None, target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Do once, in a table that is gone afterwards, everything that a sync does with the warehouse."""
    from profiles_sync.connection.probe import ConnectionTest, Verdict

    workplace = open_workplace(Home.locate(home), target=target)
    if as_json:
        results = list(ConnectionTest(workplace.target).run())
        print_json([{**vars(result), "verdict": result.verdict.value} for result in results])
        passed = all(result.verdict in (Verdict.OK, Verdict.WARNING) for result in results)
    else:
        passed = _test(workplace.target, Console())
    raise typer.Exit(0 if passed else EXIT_FAILED)


def _test(target: Target, console: Console) -> bool:
    """Print the address to allow-list and run every check; return whether none failed."""
    from profiles_sync.connection.address import describe, outgoing_address
    from profiles_sync.connection.probe import ConnectionTest, Verdict

    styles = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red", Verdict.NOT_RUN: "dim"}
    host = getattr(target.credentials, "host", None)
    if target.kind != "duckdb":
        address = outgoing_address(host, int(getattr(target.credentials, "port", None) or 443))
        console.print(describe(address), markup=False, highlight=False)
    passed = True
    test = ConnectionTest(target)
    for result in test.run():
        passed = passed and result.verdict is not Verdict.FAILED
        console.print(f"  [{styles[result.verdict]}]{result.verdict.value:8}[/] {result.name:14} ", end="")
        console.print(result.detail, markup=False, highlight=False, soft_wrap=True)
        if result.advice:
            console.print(f"           {result.advice}", markup=False, highlight=False, soft_wrap=True)
    return passed


def _answers(kind: Kind, given: Mapping[str, str | None], secrets: Secrets) -> dict[str, str]:
    """Return an answer to each question of a kind, by key of its target: as given, else asked for, else the default."""
    answers = {}
    for question in kind.questions:
        value = given[question.flag]
        if question.secret:
            answers[question.key] = _secret(kind, question, value, secrets)
        elif value is None:
            answers[question.key] = _ask_text(question.text, question.default, flag=f"--{question.flag}")
        else:
            answers[question.key] = value
    for key, value in answers.items():
        if key == "port" and not value.isdecimal():
            raise ConfigError(f"--port: {value!r} is no number")
        if key in ("path", "keyfile", "private_key_path") and value and value != "warehouse.duckdb":
            answers[key] = str(Path(value).expanduser().resolve())
    return answers


def _secret(kind: Kind, question: Question, file: str | None, secrets: Secrets) -> str:
    if secrets is Secrets.ENVIRONMENT:
        name = environment_variable(kind, question.key)
        if name not in os.environ and question.default is None:
            raise ConfigError(
                f"the environment variable {name} is not set", hint="Set it here, and wherever syncs run."
            )
        return os.environ.get(name, "")
    if file is not None:
        try:
            text = sys.stdin.readline() if file == "-" else Path(file).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"--password-file: {file} cannot be read: {type(error).__name__}") from error
        return text.splitlines()[0] if text else ""
    if not sys.stdin.isatty():
        if question.default is not None:
            return question.default
        raise ConfigError(
            f"{question.text.lower()} is missing",
            hint="Give --password-file FILE, or `-` for standard input; a password on the command line could be seen "
            "by everybody on this machine.",
        )
    return str(typer.prompt(question.text, default=question.default, hide_input=True, show_default=False, err=True))


def _ask_text(text: str, default: str | None, *, flag: str) -> str:
    if not sys.stdin.isatty():
        if default is None:
            raise ConfigError(f"{text.lower()} is missing", hint=f"Give {flag}.")
        return default
    return str(typer.prompt(text, default=default, show_default=bool(default), err=True)).strip()


def _refuse_foreign_flags(kind: Kind, flags: Iterable[str]) -> None:
    known = [question.flag for question in kind.questions]
    for flag in flags:
        if flag not in known:
            raise ConfigError(
                f"{kind.title} has no --{flag}", hint=f"It has: {', '.join(f'--{each}' for each in known)}."
            )


def _absolute(source: str) -> str:
    return source if "://" in source else str(Path(source).expanduser().resolve())
