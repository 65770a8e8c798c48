"""What the shop sells, and names for the people in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Product:
    """A product; `price` is in euros."""

    sku: str
    name: str
    category: str
    price: float

    @property
    def slug(self) -> str:
        """Part of the product page's path."""
        return self.name.lower().replace(" ", "-")

    def as_properties(self) -> dict[str, Any]:
        """Return the properties that an ecommerce event has of a product."""
        return {
            "product_id": self.sku,
            "sku": self.sku,
            "name": self.name,
            "category": self.category,
            "price": int(self.price) if self.price.is_integer() else self.price,
        }


PRODUCTS = (
    Product("TNT-2", "Two Person Tent", "tents", 249.0),
    Product("TNT-4", "Family Tent", "tents", 429.9),
    Product("SLP-0", "Winter Sleeping Bag", "sleeping", 189.95),
    Product("SLP-10", "Summer Sleeping Bag", "sleeping", 89.0),
    Product("MAT-1", "Foam Mat", "sleeping", 24.5),
    Product("PCK-40", "Trekking Pack", "packs", 159.0),
    Product("PCK-18", "Day Pack", "packs", 64.9),
    Product("STV-1", "Gas Stove", "cooking", 39.95),
    Product("MUG-1", "Steel Mug", "cooking", 12.0),
    Product("BTS-W", "Hiking Boots Women", "footwear", 179.95),
    Product("BTS-M", "Hiking Boots Men", "footwear", 179.95),
    Product("JKT-R", "Rain Jacket", "clothing", 139.0),
    Product("JKT-D", "Down Jacket", "clothing", 219.5),
    Product("SCK-1", "Merino Socks", "clothing", 18.9),
    Product("LMP-1", "Head Lamp", "electronics", 45.0),
    Product("CMP-1", "Compass", "navigation", 29.9),
)

FIRST_NAMES = (
    "Ada", "Björn", "Carla", "Deniz", "Elif", "Finn", "Greta", "Hugo", "Ida", "Jonas", "Kira", "Lars", "Mila", "Noah",
    "Olga", "Paul", "Rosa", "Sami", "Tessa", "Viktor", "Wanda", "Yusuf", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Abel", "Brandt", "Costa", "Dahl", "Engel", "Fischer", "Graf", "Hansen", "Ivanova", "Jung", "Kaya", "Lange",
    "Meyer", "Novak", "Otto", "Peters", "Roth", "Sørensen", "Thiel", "Ulrich", "Vogt", "Weiß", "Yilmaz", "Zimmer",
)  # fmt: skip
CITIES = (
    ("Hamburg", "20095", "DE"),
    ("Kiel", "24103", "DE"),
    ("Bremen", "28195", "DE"),
    ("Malmö", "211 20", "SE"),
    ("Aarhus", "8000", "DK"),
    ("Leeds", "LS1 4AP", "GB"),
)
COMPANIES = (
    ("acct_northwind", "Northwind Outfitters"),
    ("acct_alpenblick", "Alpenblick Touren"),
    ("acct_fjord", "Fjord Guides"),
    ("acct_scouts", "Scouts North"),
)
