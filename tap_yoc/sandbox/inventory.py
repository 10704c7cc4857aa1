"""The made-up companies, accounts, publishers, sites and ad units of the facts."""

from __future__ import annotations

from dataclasses import dataclass

Company = tuple[int, str, str]
"""`(company_id, company_name, currency)`"""
Account = tuple[int, str, int]
"""`(sap_publisher_account_id, sap_publisher_name, company_id)`"""
Publisher = tuple[int, str, int]
"""`(publisher_visx_id, publisher_name, sap_publisher_account_id)`"""

COMPANIES: tuple[Company, ...] = (
    (106, 'Bäckerei "Süß" & Söhne', "EUR"),
    (212, "Nachrichten, Heute & Morgen GmbH", "EUR"),
    (318, "Alpenblick Médias SA", "CHF"),
)
ACCOUNTS: tuple[Account, ...] = (
    (700101, "Süß & Söhne Verlag", 106),
    (700102, "Süß; Regional (Nord)", 106),
    (700201, "Heute & Morgen, Vermarktung", 212),
    (700301, "Alpenblick Régie", 318),
)
PUBLISHERS: tuple[Publisher, ...] = (
    (5001, "Brot & Zeit", 700101),
    (5002, "Küstenbote", 700102),
    (5003, "O'Neill Sport", 700201),
    (5004, "Heute.Online <News>", 700201),
    (5005, "Le Sommet", 700301),
)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A site; its names alternate by quarter, so a site with several names is renamed now and then."""

    visx_id: int
    publisher_visx_id: int
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AdUnit:
    """An ad unit; its names and sites alternate by quarter. `size` is the avails of a usual day."""

    number: int
    visx_id: int
    names: tuple[str, ...]
    sites: tuple[int, ...]
    size: int
    id_goes_missing: bool = False


SITES: tuple[Site, ...] = (
    Site(visx_id=8001, publisher_visx_id=5001, names=("brot-zeit.example",)),
    Site(visx_id=8002, publisher_visx_id=5001, names=("Brot & Zeit Rezepte",)),
    Site(visx_id=8003, publisher_visx_id=5001, names=("Brot & Zeit App (iOS)",)),
    Site(visx_id=8004, publisher_visx_id=5002, names=("kuestenbote.example", "Küstenbote", "Küstenbote 24")),
    Site(visx_id=8005, publisher_visx_id=5002, names=("Küstenbote Wetter",)),
    Site(visx_id=8006, publisher_visx_id=5003, names=("O'Neill Sport",)),
    Site(visx_id=8007, publisher_visx_id=5003, names=("O'Neill Sport, Live-Ticker",)),
    Site(visx_id=8008, publisher_visx_id=5003, names=("Sport-Forum",)),
    Site(visx_id=8009, publisher_visx_id=5004, names=("heute.example",)),
    Site(visx_id=8010, publisher_visx_id=5004, names=("morgen.example ",)),
    Site(visx_id=8011, publisher_visx_id=5005, names=("le-sommet.example",)),
    Site(visx_id=8012, publisher_visx_id=5005, names=("Météo 'Cime'",)),
)
PLACEMENTS = ("Billboard", "Sitebar_HB", 'Mystery "Scroller"', "Understitial_HB", " Sticky, unten")
SIZES = (2400, 900, 5200, 150, 60, 1300, 3100, 420)
RENAMED, MOVED, ID_MISSING, COUNT = 3, 8, 17, 40
MOVES_OVER = (8006, 8007, 8008)


def ad_units() -> tuple[AdUnit, ...]:
    """Return the forty ad units of scale 1: one is renamed, one moves, one loses its id on some rows."""
    units = []
    for number in range(1, COUNT + 1):
        site = SITES[(number - 1) % len(SITES)]
        placement = PLACEMENTS[(number * 7) % len(PLACEMENTS)]
        name = (
            f"{site.names[0].strip()} {placement} {number}" if placement[-3:] != "_HB" else f"Unit {number} {placement}"
        )
        if number == 1:
            name = placement
        units.append(
            AdUnit(
                number=number,
                visx_id=191400 + number * 7,
                names=(name, f"{name} XL", f"{name} (neu)") if number == RENAMED else (name,),
                sites=MOVES_OVER if number == MOVED else (site.visx_id,),
                size=SIZES[(number * 5) % len(SIZES)],
                id_goes_missing=number == ID_MISSING,
            )
        )
    return tuple(units)
