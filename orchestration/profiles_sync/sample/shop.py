"""A shop for outdoor gear and the people in it: they look around, sign up, come back on another device, and buy.

Seeded, so every run tells the same story. It has what real archives have: people who stay anonymous, a kiosk that many
share, a crawler, a health check with placeholder ids, retries, phones that were offline, and a few broken lines.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from profiles_sync.sample.catalogue import CITIES, COMPANIES, FIRST_NAMES, LAST_NAMES, PRODUCTS, Product

SHOWN_PERSON_EMAIL = "maya.lindqvist@example.com"
"""Browses on a laptop, signs up, and is recognised on her phone in the later hour: two profiles become one."""

_SEED = 20240501
_START = datetime(2024, 5, 1)
_DAYS = 10
_END = _START + timedelta(days=_DAYS)
_PEOPLE = 760
_KIOSK = "kiosk-harbour-street-01"

_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_BROWSERS = (
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/124.0.0.0 Safari/537.36", "Windows"),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Version/17.4 Safari/605.1.15", "macOS"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "Linux"),
)
_ZEROES = "00000000-0000-0000-0000-000000000000"
_CRAWLER = "Mozilla/5.0 (compatible; PriceCrawler/2.1; +https://pricecrawler.example/bot)"
_CAMPAIGNS = (
    {"name": "spring_sale", "source": "newsletter", "medium": "email"},
    {"name": "trail_guide", "source": "google", "medium": "cpc", "term": "hiking boots"},
    {"name": "summer_preview", "source": "instagram", "medium": "social", "content": "video_a"},
)


@dataclass(frozen=True)
class Line:
    """A line of the archive."""

    source: str
    received: datetime
    text: bytes


@dataclass
class Person:
    """Somebody who uses the shop.

    `user_id` is None until the sign-up, and a device sends it once they have signed in on it.
    """

    number: int
    name: str
    email: str
    city: tuple[str, str, str]
    laptop: str
    browser: tuple[str, str]
    phone: str | None
    phone_id: str | None
    signs_up: bool
    company: tuple[str, str] | None
    second_laptop: str | None
    user_id: str | None = None
    orders: int = 0
    basket: list[Product] = field(default_factory=list)
    signed_in_on: set[str] = field(default_factory=set)

    def ids(self, device: str) -> dict[str, str]:
        """Return the ids that a device sends with a call."""
        known = {"userId": self.user_id} if self.user_id and device in self.signed_in_on else {}
        return {"anonymousId": device, **known}


class Shop:
    """Produces the calls in `sent`, in no order of time.

    Attributes:
        sent: Lines of the archive.
        later_day: Day of the later hour.
    """

    def __init__(self) -> None:
        self._random = random.Random(_SEED)
        self.sent: list[Line] = []
        self.later_day: date = _END.date()
        self._people = [self._person(number) for number in range(1, _PEOPLE + 1)]

    # -- the story ---------------------------------------------------------------------------------------------------

    def open_for_ten_days(self) -> None:
        """Produce the first part."""
        for day in range(_DAYS):
            morning = _START + timedelta(days=day)
            for person in self._people:
                visits = self._random.choices((0, 1, 2), (69, 25, 6))[0]
                for second in sorted(self._random.randrange(6 * 3600, 23 * 3600) for _ in range(visits)):
                    self._visit(person, morning + timedelta(seconds=second))
            self._kiosk_day(morning)
            self._crawler_day(morning)
            self._placeholder_day(morning)
            self._backend_day(morning)
        self._broken_lines()
        self._retries()

    def open_for_another_hour(self) -> None:
        """Produce the later part: an hour of the eleventh day, and what a phone had kept since the eighth."""
        nine = _END + timedelta(hours=9)
        shown = self._people[0]
        self._app_visit(shown, nine + timedelta(minutes=4), sign_in=True)
        buyers = [person for person in self._people if person.user_id and person.orders]
        for person in buyers[:30]:
            at = nine + timedelta(seconds=self._random.randrange(3300))
            product = self._random.choice(PRODUCTS)
            self._web_track(
                person,
                at,
                "Review Submitted",
                {
                    "product": product.as_properties(),
                    "rating": self._random.choice((3, 4, 4.5, 5)),
                    "review_text": self._random.choice(("Kept me dry.", "Runs small — size up.", "Très bien !", "👍")),
                },
            )
        newcomers = [person for person in self._people if person.phone and not person.user_id][:12]
        for person in newcomers:
            person.signs_up = True
            self._app_visit(person, nine + timedelta(seconds=self._random.randrange(3000)), sign_in=True)
        for person in buyers[30:48]:
            at = nine + timedelta(seconds=self._random.randrange(3000))
            # A property that no order had before.
            self._order(person, at, [self._random.choice(PRODUCTS)], {"gift_wrap": self._random.random() < 0.5})
        for person in self._people[60:110]:
            self._visit(person, nine + timedelta(seconds=self._random.randrange(2700)))
        for person in self._people[110:114]:
            if person.phone:
                self._screens(person, _START + timedelta(days=7, hours=20), offline=False)

    # -- people ------------------------------------------------------------------------------------------------------

    def _person(self, number: int) -> Person:
        pick = self._random
        first, last = pick.choice(FIRST_NAMES), pick.choice(LAST_NAMES)
        email = f"{first}.{last}{number}@example.com".lower().replace(" ", "")
        if number == 1:
            first, last, email = "Maya", "Lindqvist", SHOWN_PERSON_EMAIL
        person = Person(
            number=number,
            name=f"{first} {last}",
            email=email,
            city=pick.choice(CITIES),
            laptop=self._uuid(),
            browser=pick.choice(_BROWSERS),
            phone=self._uuid().upper() if number == 1 or pick.random() < 0.6 else None,
            phone_id=self._uuid().upper(),
            signs_up=number == 1 or pick.random() < 0.5,
            company=pick.choice(COMPANIES) if pick.random() < 0.35 else None,
            second_laptop=self._uuid() if pick.random() < 0.2 else None,
        )
        if number == 1:
            person.second_laptop = person.company = None
        return person

    # -- visits ------------------------------------------------------------------------------------------------------

    def _visit(self, person: Person, at: datetime) -> None:
        if person.phone and self._random.random() < 0.65:
            self._app_visit(person, at, sign_in=person.number != 1 and self._random.random() < 0.5)
        else:
            self._web_visit(person, at)

    def _web_visit(self, person: Person, at: datetime) -> None:
        pick = self._random
        device = person.second_laptop if person.second_laptop and pick.random() < 0.4 else person.laptop
        campaign = pick.choice(_CAMPAIGNS) if pick.random() < 0.3 else None
        self._page(person, device, at, "Home", "/", campaign)
        for product in pick.sample(PRODUCTS, pick.choice((1, 2, 2, 3))):
            at += timedelta(seconds=pick.randrange(8, 90))
            self._page(person, device, at, "Product", f"/products/{product.slug}", campaign)
            self._web_track(person, at + timedelta(milliseconds=350), "Product Viewed", product.as_properties(), device)
            if pick.random() < 0.4:
                person.basket.append(product)
                properties = {
                    **product.as_properties(),
                    "quantity": pick.choice((1, 1, 2)),
                    "cart_id": f"cart_{person.number}",
                }
                self._web_track(person, at + timedelta(seconds=6), "Product Added", properties, device)
        if person.signs_up and (person.user_id is None or pick.random() < 0.4):
            at += timedelta(seconds=40)
            self._sign_in(person, device, at)
        if person.user_id and person.basket and pick.random() < 0.7:
            at += timedelta(seconds=55)
            self._page(person, device, at, "Checkout", "/checkout", None)
            self._order(person, at + timedelta(seconds=70), person.basket, {})
            person.basket = []

    def _sign_in(self, person: Person, device: str, at: datetime) -> None:
        new = person.user_id is None
        person.signed_in_on.add(device)
        person.user_id = f"user_{1000 + person.number}"
        traits: dict[str, Any] = {"email": person.email, "name": person.name}
        if new:
            city, postal_code, country = person.city
            traits |= {
                "createdAt": _iso(at),
                "address": {"city": city, "postalCode": postal_code, "country": country},
                "newsletter": self._random.random() < 0.6,
            }
            self._web_track(
                person,
                at + timedelta(seconds=1),
                "Signed Up",
                {"method": self._random.choice(("email", "google"))},
                device,
            )
        else:
            self._web_track(person, at + timedelta(seconds=1), "Signed In", {}, device)
        self._send(
            "web",
            at,
            {"type": "identify", "userId": person.user_id, "anonymousId": device, "traits": traits},
            self._web_context(person, "/account", None),
        )
        if person.company:
            company_id, company = person.company
            traits = {"name": company, "plan": "business", "employees": 20 + len(company)}
            call = {
                "type": "group",
                "groupId": company_id,
                "userId": person.user_id,
                "anonymousId": device,
                "traits": traits,
            }
            self._send("web", at + timedelta(seconds=2), call, self._web_context(person, "/account", None))

    def _order(self, person: Person, at: datetime, basket: Sequence[Product], extra: dict[str, Any]) -> None:
        person.orders += 1
        order_id = f"ord-{person.number:04d}-{person.orders:02d}"
        products = [{**product.as_properties(), "quantity": 1} for product in basket]
        total = round(sum(product.price for product in basket), 2)
        shipping = {"method": self._random.choice(("standard", "express", "pickup")), "cost": 0 if total > 80 else 4.9}
        self._web_track(
            person,
            at - timedelta(seconds=30),
            "Checkout Started",
            {"value": total, "currency": "EUR", "products": products},
        )
        self._track(
            "backend",
            at,
            person,
            "Order Completed",
            {
                "orderId": order_id,
                "total": total,
                "revenue": total,
                "currency": "EUR",
                "shipping": shipping,
                "products": products,
                "first_order": person.orders == 1,
                **extra,
            },
            _SERVER,
        )
        if self._random.random() < 0.8:
            shipped = at + timedelta(hours=self._random.randrange(5, 30))
            if shipped < _END:
                properties = {
                    "orderId": order_id,
                    "carrier": "DHL",
                    "estimatedDelivery": _iso(shipped + timedelta(days=2)),
                }
                self._track("backend", shipped, person, "Order Shipped", properties, _SERVER)

    def _app_visit(self, person: Person, at: datetime, *, sign_in: bool) -> None:
        pick = self._random
        self._screens(person, at, offline=pick.random() < 0.06)
        if sign_in and person.signs_up and person.phone:
            person.signed_in_on.add(person.phone)
            old_app = person.user_id is None and pick.random() < 0.5
            person.user_id = f"user_{1000 + person.number}"
            at += timedelta(seconds=50)
            context = self._app_context(person)
            if old_app:
                # The old version of the app still sends an Alias, which merges nobody.
                self._send("ios", at, {"type": "alias", "userId": person.user_id, "previousId": person.phone}, context)
            traits = {"email": person.email, "first_name": person.name.split()[0], "pushEnabled": pick.random() < 0.7}
            call = {"type": "identify", "userId": person.user_id, "anonymousId": person.phone, "traits": traits}
            self._send("ios", at + timedelta(seconds=1), call, context)

    def _screens(self, person: Person, at: datetime, *, offline: bool) -> None:
        pick = self._random
        # A phone without a network sends when it has one again.
        delay = timedelta(hours=pick.randrange(3, 40)) if offline else timedelta()
        if at + delay > _END - timedelta(hours=1):
            delay = timedelta()
        context = self._app_context(person)
        ids = person.ids(person.phone or person.laptop)
        opened = {
            "type": "track",
            "event": "Application Opened",
            **ids,
            "properties": {"from_background": pick.random() < 0.4, "version": "5.2.0", "build": 5201},
        }
        self._send("ios", at, opened, context, delay)
        for name in pick.sample(("Home", "Search", "Product", "Basket", "Stores"), pick.choice((3, 4, 5))):
            at += timedelta(seconds=pick.randrange(5, 60))
            properties: dict[str, Any] = {"tab": name.lower()}
            if name == "Search":
                properties = {
                    "query": pick.choice(("tent", "rain jacket", "Schlafsack", "boots 43")),
                    "results": pick.randrange(60),
                }
            self._send("ios", at, {"type": "screen", "name": name, **ids, "properties": properties}, context, delay)

    # -- those who are no customers ----------------------------------------------------------------------------------

    def _kiosk_day(self, morning: datetime) -> None:
        visitors = self._random.sample(self._people[1:], 9)
        for place, person in enumerate(visitors):
            at = morning + timedelta(hours=10, minutes=50 * place)
            self._page(person, _KIOSK, at, "Home", "/kiosk", None)
            if person.user_id:
                self._send(
                    "web",
                    at + timedelta(seconds=20),
                    {
                        "type": "identify",
                        "userId": person.user_id,
                        "anonymousId": _KIOSK,
                        "traits": {"email": person.email},
                    },
                    self._web_context(person, "/kiosk", None),
                )
                self._web_track(
                    person,
                    at + timedelta(seconds=50),
                    "Store Pickup Scheduled",
                    {"store": {"id": 7, "city": "Kiel"}},
                    _KIOSK,
                )

    def _crawler_day(self, morning: datetime) -> None:
        for place in range(90):
            at = morning + timedelta(hours=3, seconds=2 * place)
            path = f"/products/{PRODUCTS[place % len(PRODUCTS)].slug}"
            context = {
                "userAgent": _CRAWLER,
                "page": _page(path),
                "library": {"name": "analytics.js", "version": "npm:next-1.70.0"},
            }
            call = {"type": "page", "name": "Product", "anonymousId": "crawler-7f3a", "properties": _page(path)}
            self._send("web", at, call, context)

    def _placeholder_day(self, morning: datetime) -> None:
        for place in range(6):
            at = morning + timedelta(hours=8, minutes=place)
            call = {
                "type": "track",
                "event": "Health Check",
                "userId": "anonymous",
                "anonymousId": _ZEROES,
                "properties": {"ok": True, "latency_ms": 12 + place},
            }
            self._send("backend", at, call, _SERVER)

    def _backend_day(self, morning: datetime) -> None:
        members = [person for person in self._people if person.user_id and person.number % 9 == 0]
        for place, person in enumerate(members):
            at = morning + timedelta(hours=2, seconds=3 * place)
            traits = {
                "email": person.email,
                "loyaltyPoints": person.orders * 120,
                "lifetime_value": round(person.orders * 74.5, 2),
            }
            if person.number % 27 == 0:
                # The nightly job forgets whoever moved away.
                traits["address"] = None
            self._send("backend", at, {"type": "identify", "userId": person.user_id, "traits": traits}, _SERVER)

    # -- mishaps -----------------------------------------------------------------------------------------------------

    def _retries(self) -> None:
        """Send one call in a hundred again, as clients do that saw no answer."""
        for line in self._random.sample(self.sent, len(self.sent) // 100):
            try:
                call = orjson.loads(line.text)
            except orjson.JSONDecodeError:
                continue
            received = min(
                line.received + timedelta(seconds=self._random.choice((2, 35, 4000))), _END - timedelta(seconds=1)
            )
            call["receivedAt"] = _iso(received)
            self.sent.append(Line(line.source, received, orjson.dumps(call)))

    def _broken_lines(self) -> None:
        at = _START + timedelta(days=3, hours=11)
        person = self._people[5]
        good = {"messageId": "broken-1", "receivedAt": _iso(at), "timestamp": _iso(at), "anonymousId": person.laptop}
        cut = orjson.dumps({**good, "type": "track", "event": "Product Viewed", "properties": {"sku": "TNT-2"}})[:-30]
        broken = [
            cut,
            cut[:60],
            orjson.dumps({**good, "type": "track", "event": "Price Computed"})[:-1] + b',"properties":{"price":NaN}}',
            orjson.dumps({**good, "type": "track", "properties": {"sku": "TNT-2"}}),
            orjson.dumps({**good, "type": "event", "event": "Product Viewed"}),
            orjson.dumps(
                {"messageId": "broken-2", "receivedAt": _iso(at), "type": "page", "name": "Home", "properties": {}}
            ),
            orjson.dumps({**good, "type": "group", "groupId": "", "traits": {"name": "Nobody & Sons"}}),
            orjson.dumps({**good, "type": "page", "name": "Home", "messageId": "m" * 130}),
            orjson.dumps({**good, "type": "track", "event": "Clock Reset", "timestamp": "1969-12-31T23:59:00.000Z"}),
            orjson.dumps({**good, "type": "identify", "traits": {f"trait_{number}": number for number in range(320)}}),
        ]
        for place, text in enumerate(broken):
            self.sent.append(Line("web", at + timedelta(minutes=7 * place), text))

    # -- calls -------------------------------------------------------------------------------------------------------

    def _page(
        self,
        person: Person,
        device: str,
        at: datetime,
        name: str,
        path: str,
        campaign: dict[str, str] | None,
    ) -> None:
        call = {"type": "page", "name": name, **person.ids(device), "properties": _page(path)}
        self._send("web", at, call, self._web_context(person, path, campaign))

    def _web_track(
        self, person: Person, at: datetime, event: str, properties: dict[str, Any], device: str | None = None
    ) -> None:
        call = {"type": "track", "event": event, **person.ids(device or person.laptop), "properties": properties}
        self._send("web", at, call, self._web_context(person, "/", None))

    def _track(
        self,
        source: str,
        at: datetime,
        person: Person,
        event: str,
        properties: dict[str, Any],
        context: dict[str, Any],
    ) -> None:
        self._send(
            source, at, {"type": "track", "event": event, "userId": person.user_id, "properties": properties}, context
        )

    def _web_context(self, person: Person, path: str, campaign: dict[str, str] | None) -> dict[str, Any]:
        agent, platform = person.browser
        return {
            "ip": f"198.51.100.{person.number % 250}",
            "locale": "de-DE" if person.city[2] == "DE" else "en-GB",
            "timezone": "Europe/Berlin",
            "userAgent": agent,
            "userAgentData": {
                "mobile": False,
                "platform": platform,
                "brands": [{"brand": "Chromium", "version": "124"}],
            },
            "page": _page(path),
            "library": {"name": "analytics.js", "version": "npm:next-1.70.0"},
            **({"campaign": campaign} if campaign else {}),
        }

    def _app_context(self, person: Person) -> dict[str, Any]:
        return {
            "app": {"name": "Harbour Gear", "version": "5.2.0", "build": "5201", "namespace": "example.harbourgear"},
            "device": {
                "id": person.phone_id,
                "type": "ios",
                "manufacturer": "Apple",
                "model": "iPhone15,3",
                "name": "iPhone",
                "advertisingId": _ZEROES,
                "adTrackingEnabled": False,
            },
            "os": {"name": "iOS", "version": "17.4.1"},
            "screen": {"width": 390, "height": 844, "density": 3},
            "network": {"wifi": person.number % 3 != 0, "cellular": person.number % 3 == 0, "carrier": "congstar"},
            "locale": "de-DE" if person.city[2] == "DE" else "en-GB",
            "timezone": "Europe/Berlin",
            "library": {"name": "analytics-swift", "version": "1.5.11"},
        }

    def _send(
        self,
        source: str,
        at: datetime,
        call: dict[str, Any],
        context: dict[str, Any],
        delay: timedelta = timedelta(),
    ) -> None:
        """Put a call into the archive, with the times and ids that Segment adds.

        Args:
            source: Source id.
            at: Time of the event.
            call: The call's own fields.
            context: Its context.
            delay: How long after the event it was sent.
        """
        # Phones' clocks are a little off; the corrected time is not.
        skew = timedelta(milliseconds=self._random.randrange(-900, 900) if source == "ios" else 0)
        way = timedelta(milliseconds=self._random.randrange(40, 900))
        sent = at + delay
        received = sent + way
        prefix = {"web": "ajs-next-", "ios": "", "backend": "api-"}[source]
        text = orjson.dumps(
            {
                "messageId": prefix + self._uuid(),
                **call,
                "context": context,
                "integrations": {},
                "channel": {"web": "browser", "ios": "mobile", "backend": "server"}[source],
                "originalTimestamp": _iso(at + skew),
                "sentAt": _iso(sent + skew),
                "receivedAt": _iso(received),
                "timestamp": _iso(at + way),
                "version": 2,
            }
        )
        self.sent.append(Line(source, received, text))

    def _uuid(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


_SERVER = {"library": {"name": "analytics-python", "version": "2.3.2"}}


def _iso(at: datetime) -> str:
    return f"{at.isoformat(timespec='milliseconds')}Z"


def _page(path: str) -> dict[str, str]:
    url = f"https://www.harbourgear.example{path}"
    return {"path": path, "url": url, "title": "Harbour Gear", "referrer": "", "search": ""}
