"""An ordinary hour of a site, and what dbt, or a whole sync, sends for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbt.cli.main import dbtRunner

from support.archive import write_file
from support.cli import Cli
from support.dbt import ROOT, WITHOUT_ARTIFACTS, DbtFailedError, Deployment, environment, invoke
from support.engines import NotingServer
from support.statements import Statement, count


@dataclass
class Sent:
    """A callback for `dbtRunner`: statements by what sent them."""

    statements: list[tuple[str, Statement]] = field(default_factory=list)

    def __call__(self, event: Any) -> None:
        """Note a statement."""
        if event.info.name == "SQLQuery":
            node = event.data.node_info.node_name or "run"
            self.statements.append((node, Statement(event.data.sql, 0.0)))

    def counted(self, nodes: str = "") -> int:
        """How many of them read or write rows, of the nodes whose name begins with this pattern."""
        return sum(each.counted for node, each in self.statements if re.match(nodes, node))


def hour_calls(hour: int, tables: int) -> list[dict[str, Any]]:
    """A person signs in, and each of so many kinds of event comes once for a known person and once for a new one."""
    made = []
    for number in range(tables):
        for person in (0, hour * tables + number):
            at = f"2024-05-01T{hour:02}:{number:02}:{person % 60:02}.000Z"
            times = {"receivedAt": at, "sentAt": at, "originalTimestamp": at, "timestamp": at}
            name = {"messageId": f"{hour}-{number}-{person}", "userId": f"u{person}", "anonymousId": f"a{person}"}
            made.append({"type": "track", "event": f"Event {number}", "properties": {"total": number}, **name, **times})
            if number == 0:
                identified = {**name, "messageId": f"{hour}-i-{person}"}
                made.append({"type": "identify", "traits": {"email": f"{person}@example.com"}, **identified, **times})
    return made


def run_all_models(deployment: Deployment) -> Sent:
    """Run dbt on a deployment; raises DbtFailedError."""
    sent = Sent()
    with environment(deployment.env | WITHOUT_ARTIFACTS):
        finished = invoke(dbtRunner(callbacks=[sent]), [
            "run", "--quiet", "--project-dir", str(ROOT), "--target-path", str(deployment.parse_cache),
            "--log-path", str(deployment.home / "logs"),
        ])  # fmt: skip
    if not finished.success:
        raise DbtFailedError(f"dbt run: {finished.exception or finished.result}")
    return sent


@dataclass(frozen=True)
class WholeSync:
    """A sync through the command line.

    `record` is what `--json` told; `dbt` and `own` count the statements that read or write rows, of dbt and of our own.
    """

    record: Mapping[str, Any]
    dbt: int
    own: int


def whole_sync(cli: Cli, server: NotingServer, calls: Iterable[Mapping[str, Any]] = ()) -> WholeSync:
    """Sync after putting calls, if any, into the archive; raises AssertionError where the sync is no success."""
    if lines := list(calls):
        write_file(cli.folder / "archive", str(lines[0]["messageId"]), lines)
    before = len(server.statements())
    record = cli.json("sync")
    return WholeSync(record, *count(server.statements()[before:]))
