"""Requests of persons: `privacy`, `identifier`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from profiles_sync.cli.app import EXIT_CODES, HomeOption, JsonOption, TargetOption, app, existing_home, print_json
from profiles_sync.errors import ConfigError
from profiles_sync.home import Home

privacy_app = typer.Typer(no_args_is_help=True, help="Delete, suppress or no longer suppress users.")
identifier_app = typer.Typer(no_args_is_help=True, help="Change the identity graph by hand.")
app.add_typer(privacy_app, name="privacy")
app.add_typer(identifier_app, name="identifier")

UserOption = Annotated[
    list[str] | None, typer.Option("--user-id", help="A user, by the userId of the calls; may be repeated.")
]
UsersFileOption = Annotated[
    Path | None,
    typer.Option("--user-ids-from", help="File with one userId a line, so that none stands in the list of processes."),
]


@privacy_app.command()
def delete(
    home: HomeOption = None,
    user_id: UserOption = None,
    user_ids_from: UsersFileOption = None,
    whole_profile: Annotated[
        bool, typer.Option("--whole-profile", help="Also every call of the profiles that the users belong to.")
    ] = False,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase the calls of users, and rebuild every table without them; profiles of others keep their ids."""
    from profiles_sync import report
    from profiles_sync.privacy.commands import delete_users
    from profiles_sync.project import open_workplace
    from profiles_sync.sync.history import to_json
    from profiles_sync.sync.launch import output_to_log
    from profiles_sync.sync.outcome import Status

    users = _users(user_id, user_ids_from)
    workplace = open_workplace(Home.locate(home), target=target)
    with (
        output_to_log(workplace.home, "privacy") as (output, errors),
        report.LiveReporter(report.make_console(errors)) as reporter,
    ):
        events, record = delete_users(workplace, reporter, users, whole_profile=whole_profile)
        reporter.close()
        if as_json:
            print_json({"events": events, "sync": to_json(record)}, output)
        else:
            done = "erased" if record.status is Status.SUCCESS else "listed; the next sync that succeeds erases them"
            print(f"{events} calls of {len(users)} users are {done}.", file=output)
            report.print_sync(report.make_console(output), record)
    raise typer.Exit(EXIT_CODES[record.status])


@privacy_app.command()
def suppress(
    home: HomeOption = None,
    user_id: UserOption = None,
    user_ids_from: UsersFileOption = None,
    target: TargetOption = None,
) -> None:
    """Let no call of these users land from now on; what has landed stays, unless it is deleted."""
    from profiles_sync.privacy.commands import suppress_users
    from profiles_sync.project import open_workplace

    users = _users(user_id, user_ids_from)
    changed = suppress_users(open_workplace(existing_home(home), target=target), users, suppressed=True)
    print(
        f"Calls of {len(users)} users do not land from now on; {len(users) - changed} of them were suppressed before."
    )


@privacy_app.command()
def unsuppress(
    home: HomeOption = None,
    user_id: UserOption = None,
    user_ids_from: UsersFileOption = None,
    target: TargetOption = None,
) -> None:
    """Let calls of these users land again; those that came in between stay away."""
    from profiles_sync.privacy.commands import suppress_users
    from profiles_sync.project import open_workplace

    users = _users(user_id, user_ids_from)
    changed = suppress_users(open_workplace(existing_home(home), target=target), users, suppressed=False)
    print(f"Calls of {changed} users land again; {len(users) - changed} of those named were not suppressed.")


@identifier_app.command()
def remove(
    external_id_type: Annotated[str, typer.Option("--type", help="Type of the identifier, such as email.")],
    value: Annotated[str, typer.Option("--value", help="Its value, as external_id_mapping shows it.")],
    home: HomeOption = None,
    target: TargetOption = None,
) -> None:
    """Take an identifier off the profile that owns it, with the next sync; a later call may map it again."""
    from profiles_sync.privacy.commands import remove_identifier
    from profiles_sync.project import open_workplace

    remove_identifier(open_workplace(Home.locate(home), target=target), external_id_type, value)
    print("The next sync removes it.")


def _users(given: list[str] | None, file: Path | None) -> list[str]:
    try:
        # What a BOM begins would be another user.
        listed = file.read_text("utf-8-sig").splitlines() if file else []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    users = list(dict.fromkeys(user for user in (*(given or []), *listed) if user.strip()))
    if not users:
        raise ConfigError("no user is named", hint="Give --user-id or --user-ids-from.")
    return users
