"""Names of tables and columns: from what a call says to what the warehouse gets.

Names are metadata, so they are made here once and stored in the registries; no SQL derives a name. Everything is a pure
function of the original name and the engine's `NameRules`; another engine is another entry in `NAME_RULES`.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

_WORDS = re.compile(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+")

EVENT_TYPE_TABLES = {
    "identify": "identifies",
    "page": "pages",
    "screen": "screens",
    "group": "groups",
    "alias": "aliases",
    "track": "tracks",
}
"""Call type to its event type table."""

OWN_TABLES = frozenset(EVENT_TYPE_TABLES.values()) | {
    "users", "accounts", "id_graph_updates", "external_id_mapping_updates", "profile_traits_updates", "id_graph",
    "external_id_mapping", "profile_traits", "user_traits", "user_identifiers", "profile_merges",
}  # fmt: skip
"""Public tables that are no track event's."""

CHANGES_OF = {
    "id_graph": "id_graph_updates",
    "profile_merges": "id_graph_updates",
    "external_id_mapping": "external_id_mapping_updates",
    "user_identifiers": "external_id_mapping_updates",
    "profile_traits": "profile_traits_updates",
    "user_traits": "profile_traits_updates",
}
"""Table of the present state to the table of changes that it stands for."""

TRAIT_UPDATES = "profile_traits_updates"

GRAPH_TABLES = frozenset({*CHANGES_OF, *CHANGES_OF.values(), "users", "accounts"})
"""Public tables that hold no events."""

INTERNAL_TABLES = frozenset(
    {
        "identity_resolution", "identify_traits", "profile_trait_changes", "user_id_traits", "group_id_traits",
        "identity_health", "stg_events",
    }
)  # fmt: skip
"""Models that are no public tables."""

SYNC_HISTORY = "sync_history"
"""Asset that stands for the syncs themselves."""

TAKEN_NAMES = OWN_TABLES | INTERNAL_TABLES | {SYNC_HISTORY}
"""What no track event's table is called: watermarks, reports and assets know a table by its name alone."""

VIEW_SUFFIX = "_view"
"""What a view of BigQuery that stands beside a table adds to its name."""

TRAIT_TABLE = "profile_traits"
"""Registry name of the trait columns of `profile_traits_updates`, `profile_traits`, `user_traits` and `users`."""

REGISTERED_AS = {TRAIT_UPDATES: TRAIT_TABLE, TRAIT_TABLE: TRAIT_TABLE, "users": TRAIT_TABLE, "accounts": "groups"}
"""Table of traits to the table of the column registry that its columns are in; of all of that one's only the traits."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EVENT_COLUMNS = _words(
    """
    id segment_id event_source_id event_source_name event_source_slug anonymous_id user_id received_at sent_at
    timestamp original_timestamp uuid_ts loaded_at
    """
)
_TRACK_COLUMNS = frozenset({"event", "event_text"})
_RESERVED_COLUMNS = {
    "groups": _EVENT_COLUMNS | {"group_id"},
    "aliases": _EVENT_COLUMNS | {"previous_id"},
    "tracks": _EVENT_COLUMNS | _TRACK_COLUMNS,
    "identifies": _EVENT_COLUMNS,
    "pages": _EVENT_COLUMNS,
    "screens": _EVENT_COLUMNS,
    TRAIT_TABLE: _EVENT_COLUMNS | {"canonical_segment_id", "merged_to", "seq", "etl_ts"},
}
_SHARED_WITH_CALL = {"pages": frozenset({"name", "category"}), "screens": frozenset({"name", "category"})}


# Every table has them, so no column can be called so.
_POSTGRES_SYSTEM_COLUMNS = _words("cmax cmin ctid tableoid xmax xmin")
_POSTGRES_WORDS = _POSTGRES_SYSTEM_COLUMNS | _words(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
    is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
    only or order outer overlaps placing primary references returning right select session_user similar some
    symmetric system_user table tablesample then to trailing true union unique user using variadic verbose
    when where window with
    """
)
_DUCKDB_WORDS = _words(
    """
    all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast
    check collate collation column concurrently constraint create cross default deferrable desc
    describe distinct do else end except false fetch for foreign freeze from full glob group having
    ilike in initially inner intersect into is isnull join lambda lateral leading left like limit natural
    not notnull null offset on only or order outer overlaps pivot pivot_longer pivot_wider placing positional
    primary qualify references returning right select semi show similar some summarize symmetric table
    tablesample then to trailing true union unique unpack unpivot using variadic verbose when
    where window with
    """
)
_BIGQUERY_WORDS = _words(
    """
    all and any array as asc assert_rows_modified at between by case cast collate contains create cross cube
    current default define desc distinct else end enum escape except exclude exists extract false fetch following
    for from full group grouping groups hash having if ignore in inner intersect interval into is join lateral
    left like limit lookup merge natural new no not null nulls of on or order outer over partition preceding
    proto qualify range recursive respect right rollup rows select set some struct tablesample then to treat true
    unbounded union unnest using when where window with within
    """
)
_REDSHIFT_WORDS = _POSTGRES_SYSTEM_COLUMNS | _words(
    """
    aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between
    binary blanksasnull both bytedict bzip2 case cast check collate column constraint create credentials cross
    current_date current_time current_timestamp current_user current_user_id default deferrable deflate defrag
    deletexid delta delta32k desc disable distinct do else emptyasnull enable encode encrypt encryption end except explicit
    false for foreign freeze from full globaldict256 globaldict64k grant group gzip having identity ignore ilike
    in initially inner insertxid intersect interval into is isnull join language leading left like limit localtime
    localtimestamp lun luns lzo lzop minus mostly16 mostly32 mostly8 natural new not notnull null nulls off
    offline offset oid old on only open or order outer overlaps parallel partition percent permissions pivot
    placing primary qualify raw readratio recover references rejectlog resort respect restore right select
    session_user similar snapshot some sysdate system table tag tdes text255 text32k then timestamp to top
    trailing true truncatecolumns union unique unnest unpivot user using verbose wallet when where with without
    """
)
_SNOWFLAKE_WORDS = _words(
    """
    all alter and any as between by case cast check column connect connection constraint create cross current
    current_date current_time current_timestamp current_user delete distinct drop else exists false following
    for from full grant group having ilike in increment inner insert intersect into is join lateral left like
    localtime localtimestamp minus natural not null of on or order qualify regexp revoke right rlike row rows
    sample select set some start table tablesample then to trigger true try_cast union unique update using
    values when whenever where with
    """
)
_TSQL_WORDS = _words(
    """
    add all alter and any as asc authorization backup begin between break browse bulk by cascade case check
    checkpoint close clustered coalesce collate column commit compute constraint contains containstable continue
    convert create cross current current_date current_time current_timestamp current_user cursor database dbcc
    deallocate declare default delete deny desc disk distinct distributed double drop dump else end errlvl escape
    except exec execute exists exit external fetch file fillfactor for foreign freetext freetexttable from full
    function goto grant group having holdlock identity identity_insert identitycol if in index inner insert
    intersect into is join key kill left like lineno load merge national nocheck nonclustered not null nullif of
    off offsets on open opendatasource openquery openrowset openxml option or order outer over percent pivot plan
    precision primary print proc procedure public raiserror read readtext reconfigure references replication
    restore restrict return revert revoke right rollback rowcount rowguidcol rule save schema securityaudit select
    semantickeyphrasetable semanticsimilaritydetailstable semanticsimilaritytable session_user set setuser shutdown
    some statistics system_user table tablesample textsize then to top tran transaction trigger truncate try_convert
    tsequal union unique unpivot update updatetext use user values varying view waitfor when where while with
    within writetext
    """
)


@dataclass(frozen=True)
class NameRules:
    """What an engine allows.

    Attributes:
        name_length: Longest name of a table or column, in characters; our names are ASCII, so also in bytes.
        reserved_words: Lower-case words that no table and no column may be named as they are.
        columns: Most columns of a table; 0 where there is no limit.
        view_suffix: Names that end so are those of views, no event's table; blank: there are no such views.
        refused: Beginnings, with `_`, that no column may have.
    """

    name_length: int
    reserved_words: frozenset[str]
    columns: int
    view_suffix: str = ""
    refused: tuple[str, ...] = ()

    @property
    def uncut(self) -> NameRules:
        """The same for names of any length: what a name would be that had to be cut."""
        return replace(self, name_length=sys.maxsize)


NAME_RULES = {
    "postgres": NameRules(name_length=63, reserved_words=_POSTGRES_WORDS, columns=1600),
    # DuckDB has no limit. A table is also a file, event__<name>.sql, and a file's name ends at 255.
    "duckdb": NameRules(name_length=200, reserved_words=_DUCKDB_WORDS, columns=0),
    # 300 characters; see DuckDB for the file. 10,000 columns, but a query's text ends at 1,024,000 characters: a column takes up to
    # 3,200 of a table's statement, a key beyond the columns 800.
    "bigquery": NameRules(
        name_length=200,
        reserved_words=_BIGQUERY_WORDS,
        columns=350,
        refused=("_partition", "_table_", "_file_", "_row_timestamp", "_colidentifier"),
    ),
    "redshift": NameRules(name_length=127, reserved_words=_REDSHIFT_WORDS, columns=1600),
    # 255 characters; see DuckDB for the file.
    "snowflake": NameRules(name_length=200, reserved_words=_SNOWFLAKE_WORDS, columns=0),
    # 128 characters; views and copies that are made in passing bear the name and a suffix.
    "sqlserver": NameRules(name_length=100, reserved_words=_TSQL_WORDS, columns=1024),
    "synapse": NameRules(name_length=100, reserved_words=_TSQL_WORDS, columns=1024),
}
"""Rules by engine (dbt's adapter type)."""


def name_rules(engine: str, *, portable: bool = False, compat_views: bool = False) -> NameRules:
    """Return the rules of an engine.

    Args:
        engine: dbt's adapter type, such as `postgres`.
        portable: Names that fit every engine: the shortest length, and the reserved words of all.
        compat_views: BigQuery's tables have views beside them.

    Raises:
        KeyError: The engine is unknown.
    """
    rules = NAME_RULES[engine]
    if compat_views and engine == "bigquery":
        rules = replace(rules, view_suffix=VIEW_SUFFIX)
    if not portable:
        return rules
    return replace(
        rules,
        name_length=min(each.name_length for each in NAME_RULES.values()),
        reserved_words=frozenset().union(*(each.reserved_words for each in NAME_RULES.values())),
        refused=tuple(sorted({start for each in NAME_RULES.values() for start in each.refused})),
    )


def snake_case(name: str) -> str:
    """Return Segment's snake case of a name: its ASCII words, lower-cased, joined with `_`; blank when it has none."""
    return "_".join(_WORDS.findall(name)).lower()


def event_table_name(event: str, rules: NameRules) -> str:
    """Return the name of a track event's table."""
    slug = snake_case(event) or f"event_{_sha1(event)}"
    # Which other tables there will be is not known, so every such name gives way.
    is_view = bool(rules.view_suffix) and slug.endswith(rules.view_suffix)
    return _fitting(slug, {slug} if is_view else TAKEN_NAMES, rules)


def column_name(table: str, path: Sequence[str], rules: NameRules) -> str:
    """Return the column that a path lands in.

    Args:
        table: A table of the column registry: an event type table, a track event's table, or `profile_traits`.
        path: Container (`context`, `properties`, `traits`) and the keys below it.
        rules: The engine's rules.

    """
    container, *keys = path
    slug = snake_case("_".join(keys)) or f"column_{_sha1(raw_path(path))}"
    if container == "context":
        return _cut(f"context_{slug}", rules)
    shared = _SHARED_WITH_CALL.get(table, frozenset())
    if slug in shared:
        return slug
    reserved = _RESERVED_COLUMNS.get(table, _RESERVED_COLUMNS["tracks"])
    taken = slug.startswith("context_") or (table == TRAIT_TABLE and slug.startswith("triggering_event_"))
    return _fitting(slug, {slug} if taken else reserved, rules)


def is_trait_of(table: str, column: str) -> bool:
    """Whether a table of traits has a registered column: `profile_traits` has none whose name begins with `_`."""
    return table != TRAIT_TABLE or not column.startswith("_")


def is_shared_column(table: str, column: str) -> bool:
    """Whether every row has a column that properties land in too: a page's property `name`, after the call's own."""
    return column in _SHARED_WITH_CALL.get(table, ())


def is_fixed_column(table: str, column: str) -> bool:
    """Whether a table has the column without any key of a call asking for it.

    Args:
        table: An event type table, a track event's table, or `profile_traits_updates`.
        column: Name of a column.
    """
    if table == TRAIT_UPDATES:
        return column in _RESERVED_COLUMNS[TRAIT_TABLE] or column.startswith("triggering_event_")
    fixed = _RESERVED_COLUMNS.get(table, _RESERVED_COLUMNS["tracks"])
    return column in fixed or is_shared_column(table, column)


def raw_path(path: Sequence[str]) -> str:
    """Return a path as the registries hold it: a compact JSON array."""
    return json.dumps(list(path), ensure_ascii=False, separators=(",", ":"))


def path_order(column: str, path: Sequence[str]) -> tuple[bool, bytes]:
    """Return the sort key among the paths of one column; the first wins where one call carries several.

    That is a key that already equals the column, then the smallest path in byte order; `trait_columns` of dbt has the same
    rule. The order of keys in a document counts nowhere, since engines do not keep it.
    """
    container, *keys = path
    own_name = column.removeprefix("context_") if container == "context" else column
    return keys != [own_name], raw_path(path).encode()


def _fitting(slug: str, taken: frozenset[str] | set[str], rules: NameRules) -> str:
    if slug in taken or slug in rules.reserved_words or slug[0].isdigit():
        slug = f"_{slug}"
        if slug.startswith(rules.refused):
            slug = f"_{slug}"
    return _cut(slug, rules)


def _cut(slug: str, rules: NameRules) -> str:
    # The hash is of the full name: two names never meet by being cut.
    return slug if len(slug) <= rules.name_length else f"{slug[: rules.name_length - 9]}_{_sha1(slug)}"


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:8]
