"""Look after a deployment: `verify`."""

from __future__ import annotations

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
