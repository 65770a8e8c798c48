"""A person's eyes: Dagster's pages in a browser, a sync started with a click, and what the pages then say.

Screenshots go to the folder that TEST_SCREENSHOTS names; those in docs/images were made so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cli import Cli
from support.pages import Pages

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")

pytestmark = pytest.mark.slow

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    cli = Cli(tmp_path_factory.mktemp("pages"))
    assert cli.run_words("sample", "--to", "archive").returncode == 0
    assert cli.run("connect", "duckdb", "--source", "archive").returncode == 0
    return cli


@pytest.fixture(scope="module")
def url(cli: Cli) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = cli.start("up", "--port", str(port))
    try:
        deadline = time.monotonic() + 300
        while not (cli.home / "dagster" / "webserver.json").exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.5)
        url = f"http://127.0.0.1:{port}"
        Pages(url).stop_schedules()
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no browser: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        # No sandbox: it needs rights that a container does not have, and the pages are ours.
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(120_000)
        yield page
        browser.close()


def picture(page: Any, name: str) -> None:
    if folder := os.environ.get("TEST_SCREENSHOTS"):
        page.wait_for_timeout(2_000)
        page.screenshot(path=str(Path(folder, f"{name}.png")))


def metadata(page: Any, key: str) -> dict[str, str]:
    """The table of keys, times and values on an asset's page, once it has `key`.

    Read in one look, again and again: the page draws its rows anew while it loads, and rows read one by one are not of one drawing.
    """
    texts = "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.innerText))"
    deadline = time.monotonic() + 120
    while True:
        found = {row[0]: row[-1] for row in page.locator("tr").evaluate_all(texts) if len(row) == 3}
        if key in found:
            return found
        assert time.monotonic() < deadline, found
        page.wait_for_timeout(200)


def test_a_sync_by_a_click(cli: Cli, url: str, page: Any) -> None:
    page.goto(f"{url}/locations/profiles_sync/jobs/sync")
    page.get_by_role("button", name="Materialize all").click()
    launched = page.get_by_text(re.compile("Launched run [0-9a-f]{8}"))
    launched.wait_for()
    run_id = launched.inner_text().split()[2]
    deadline = time.monotonic() + 900
    while not cli.json("history", "--limit", "1") or cli.json("history")[0]["status"] == "Running":
        assert time.monotonic() < deadline
        time.sleep(3)
    assert cli.run_words("sample", "--to", "archive", "--part", "later").returncode == 0
    later = cli.json("sync")
    first = cli.json("history")[1]
    assert first["run_id"].startswith(run_id)
    assert (first["status"], later["status"]) == ("Success", "Success")


def test_the_pages_say_what_the_tables_say(cli: Cli, url: str, page: Any) -> None:
    records = cli.json("history")

    # The list of runs: status and rows of each.
    page.goto(f"{url}/runs")
    for record in records:
        page.get_by_text(record["run_id"][:8], exact=True).first.wait_for()
        page.get_by_text(f"profiles_sync/rows_synced: {record['rows_synced']}", exact=True).first.wait_for()
    assert page.get_by_text("profiles_sync/status: Success").count() == len(records)
    assert page.get_by_text("alerted").count() == 0
    picture(page, "runs")

    # The graph: every group, with the tables that the syncs have made.
    page.goto(f"{url}/asset-groups")
    groups = ("landing", "staging", "identity_graph", "event_types", "events", "syncs")
    for group in groups:
        page.get_by_text(group, exact=True).first.wait_for()
    # Not by `wait_for_function`: the pages' policy forbids what it does.
    page.get_by_text("fetching statuses").first.wait_for(state="detached")
    picture(page, "graph")

    # Of the group of track events, each table that the warehouse has.
    events = [row[0] for row in cli.query("select table_name from profiles_ops.event_registry where kind = 'track'")]
    assert len(events) > 5
    page.goto(f"{url}/locations/profiles_sync/asset-groups/events/list")
    for table in events:
        page.get_by_text(table, exact=True).first.wait_for()

    # A table's page says the rows of the last sync, the warehouse's own table of syncs the same.
    page.goto(f"{url}/assets/order_completed")
    counted = cli.query(
        "select t.rows_inserted from profiles_ops.sync_run_tables as t inner join profiles_ops.sync_runs as r using (run_id) "
        "where t.table_name = 'order_completed' order by r.started_at desc limit 1"
    )
    assert counted[0][0] > 0
    assert int(metadata(page, "rows_inserted")["rows_inserted"]) == counted[0][0]
    page.get_by_text("rows_inserted", exact=True).scroll_into_view_if_needed()
    picture(page, "table")

    # The history: as a table, and as plots of both syncs.
    plotted: list[dict[str, Any]] = []
    page.on("response", lambda response: plotted.extend(history_events(response)))
    page.goto(f"{url}/assets/sync_history")
    shown = metadata(page, "rows_synced")
    assert shown["status"] == "Success"
    columns = ("rows_synced", "rows_identity_graph", "rows_event_type", "rows_event")
    kept = cli.query(f"select {', '.join(columns)} from profiles_ops.sync_runs order by started_at")
    assert len(kept) == len(records) >= 2
    assert tuple(int(shown[column]) for column in columns) == kept[-1]
    page.get_by_text("Plots", exact=True).click()
    page.get_by_text("rows_synced", exact=True).first.wait_for()
    page.locator("canvas").first.wait_for()
    page.wait_for_timeout(2_000)
    assert page.locator("canvas").count() >= len(columns)
    points = {tuple(event[column] for column in columns) for event in plotted if "rows_synced" in event}
    assert points == set(kept), "what the page was given to plot"
    page.get_by_text("rows_event_type", exact=True).first.scroll_into_view_if_needed()
    picture(page, "history")
    assert cli.connections == []


def history_events(response: Any) -> list[dict[str, Any]]:
    """The numbers of each materialization that a page was sent."""
    if "graphql" not in response.url:
        return []
    found: list[dict[str, Any]] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("metadataEntries"), list):
                found.append({entry["label"]: entry.get("intValue") for entry in value["metadataEntries"]})
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(json.loads(response.text()))
    return found
