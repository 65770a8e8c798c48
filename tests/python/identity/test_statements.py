"""How many statements identity resolution sends for each kind of hour: those that read or write rows."""

from __future__ import annotations

from datetime import datetime, timedelta

from identity.reference import RawEvent
from identity.space import Space, default_settings
from support.dbt import Deployment
from support.marks import slow_on
from support.statements import Meter

START = datetime(2025, 1, 1)


class Hours:
    """A space that is given one hour after another."""

    def __init__(self, deployment: Deployment) -> None:
        self.space = Space(deployment)
        self.space.prepare()
        self.space.record_settings(1, default_settings())
        self.last = 0

    def statements(self, *calls: tuple[str | None, str | None], arguments: tuple[str, ...] = ()) -> int:
        """Land an hour of calls, given by user and anonymous id, and resolve it."""
        events = []
        for user, anonymous in calls:
            self.last += 1
            at = START + timedelta(minutes=self.last)
            payload = {"type": "track", "messageId": f"m{self.last}", "userId": user, "anonymousId": anonymous}
            events.append(RawEvent(self.last, payload, f"m{self.last}", "track", at, at, at, user, anonymous))
        self.space.insert(events)
        meter = Meter("identity_resolution")
        self.space.deployment.dbt("run", "--select", "stg_events", "identity_resolution", *arguments, callbacks=[meter])
        return meter.counted


@slow_on("postgres")
def test_statements_of_each_kind_of_hour(deployment: Deployment) -> None:
    hours = Hours(deployment)
    people = [(f"u{number}", f"a{number}") for number in range(20)]
    shared = [(f"u{number}", "kiosk") for number in range(20)]
    bot = [(f"robot{number}", "bot") for number in range(20)]

    backfill = hours.statements(*people, *shared, arguments=("--vars", "{identity_forest_from: 0}"))
    known = hours.statements(*people)
    uncontested = hours.statements((None, "new"), ("someone", None), ("someone", "new"), ("u1", "phone"))
    contested = hours.statements(*bot, *people)

    # Fewer would be welcome. Without anything to do for rounds, a statement more means that an early exit is lost.
    assert known <= 6
    assert uncontested <= 19
    assert contested <= 17
    assert backfill <= 27
