"""Look after a deployment: `verify`, `prune`."""

from __future__ import annotations

from typing import Annotated

import typer

from profiles_sync.cli.app import EXIT_FAILED, HomeOption, JsonOption, TargetOption, app, print_json
from profiles_sync.home import Home


@app.command()
def verify(home: HomeOption = None, target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Run all of dbt's tests on the whole tables, as the daily job does."""
    from profiles_sync import report
    from profiles_sync.project import open_workplace
    from profiles_sync.sync.launch import output_to_log, run_verify

    workplace = open_workplace(Home.locate(home), target=target)
    with output_to_log(workplace.home, "verify") as (output, _):
        tests = run_verify(workplace)
        if as_json:
            print_json([test.to_json() for test in tests], output)
        else:
            report.print_tests(report.make_console(output), tests)
    raise typer.Exit(0 if all(test.passed for test in tests) else EXIT_FAILED)


@app.command()
def prune(
    home: HomeOption = None,
    target: TargetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what `retention:` in profiles_sync.yml no longer keeps.

    The defaults: landed calls for ever (`raw_events_days`), syncs, notices, rejects and violations in the warehouse 400
    days (`ops_days`), Dagster's runs 90 days (`dagster_days`), dbt's artifacts of the last 10 runs (`dbt_runs`).
    """
    from profiles_sync import report
    from profiles_sync.project import open_workplace
    from profiles_sync.sync.prune import prune as prune_home

    pruned = prune_home(open_workplace(Home.locate(home), target=target), dry_run=dry_run)
    if as_json:
        print_json([each.to_json() for each in pruned])
    else:
        report.print_pruned(report.make_console(), pruned, dry_run=dry_run)
