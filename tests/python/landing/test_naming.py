"""Names of tables and columns."""

from __future__ import annotations

import hashlib

import duckdb
import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles_sync.naming import (
    NAME_RULES,
    OWN_TABLES,
    column_name,
    event_table_name,
    name_rules,
    path_order,
    raw_path,
    snake_case,
)
from support.postgres import PostgresDatabase

POSTGRES = NAME_RULES["postgres"]
DUCKDB = NAME_RULES["duckdb"]


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()[:8]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Order Completed", "order_completed"),
        ("accountType", "account_type"),
        ("userID", "user_id"),
        ("userIDs", "user_ids"),
        ("FIRST_NAME", "first_name"),
        ("FirstName", "first_name"),
        ("first__name", "first_name"),
        ("total billed", "total_billed"),
        ("$device", "device"),
        ("e-mail", "e_mail"),
        ("pageURL", "page_url"),
        ("page_URL", "page_url"),
        ("page url", "page_url"),
        ("HTTPServer", "httpserver"),
        ("HTTPStatusCode", "httpstatus_code"),
        ("iOS", "i_os"),
        ("iPhone15Pro", "i_phone15_pro"),
        ("order2Id", "order2_id"),
        ("2ndVisit", "2nd_visit"),
        ("ShoeA Clicked", "shoe_a_clicked"),
        ("product[0].sku", "product_0_sku"),
        ("utm.source", "utm_source"),
        ("naïve", "na_ve"),
        ("日本語", ""),
        ("___", ""),
    ],
)
def test_snake_case(name: str, slug: str) -> None:
    assert snake_case(name) == slug


@given(st.text())
def test_snake_case_of_a_slug_is_the_slug(name: str) -> None:
    assert snake_case(snake_case(name)) == snake_case(name)


@pytest.mark.parametrize(
    ("event", "table"),
    [
        ("Order Completed", "order_completed"),
        ("2nd Visit", "_2nd_visit"),
        ("Tracks", "_tracks"),
        ("Users", "_users"),
        ("Profile Merges", "_profile_merges"),
        ("Order", "_order"),
        ("日本語", f"event_{sha1('日本語')}"),
        ("!!!", f"event_{sha1('!!!')}"),
    ],
)
def test_event_table_name(event: str, table: str) -> None:
    assert event_table_name(event, POSTGRES) == table
    assert event_table_name(event, DUCKDB) == table


def test_reserved_words_are_the_engines_own() -> None:
    assert event_table_name("User", POSTGRES) == "_user"
    assert event_table_name("User", DUCKDB) == "user"
    assert event_table_name("Pivot", POSTGRES) == "pivot"
    assert event_table_name("Pivot", DUCKDB) == "_pivot"
    assert column_name("tracks_x", ["properties", "default"], POSTGRES) == "_default"
    # Segment itself names columns so.
    for word in ("name", "value", "type"):
        assert column_name("product_viewed", ["properties", word], POSTGRES) == word
        assert column_name("product_viewed", ["properties", word], DUCKDB) == word


def test_duckdb_words_are_those_that_cannot_name_a_column() -> None:
    connection = duckdb.connect()
    refused = set()
    for (word,) in connection.execute("select keyword_name from duckdb_keywords()").fetchall():
        try:
            connection.execute(f"create or replace table t ({word} int)")
        except duckdb.Error:
            refused.add(word)
    assert refused == DUCKDB.reserved_words


def test_postgres_words_are_those_that_cannot_name_a_column(postgres_database: PostgresDatabase) -> None:
    connection = psycopg2.connect(postgres_database.dsn)
    connection.autocommit = True
    refused = set()
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "select word from pg_get_keywords() where catcode in ('R', 'T') union "
            "select attname from pg_attribute where attrelid = 'pg_class'::regclass and attnum < 0 order by word"
        )
        for (word,) in cursor.fetchall():
            try:
                cursor.execute(
                    f"create temporary table t as select 1 as one; alter table t add column {word} int; drop table t"
                )
            except psycopg2.Error:
                refused.add(word)
    connection.close()
    assert refused - POSTGRES.reserved_words == set()
    assert column_name("product_viewed", ["properties", "xmin"], POSTGRES) == "_xmin"


def test_long_names_are_cut_and_keep_apart() -> None:
    long = "Product " * 30
    full = snake_case(long)
    name = event_table_name(long, POSTGRES)
    assert name == f"{full[:54]}_{sha1(full)}"
    assert len(name) == 63
    assert event_table_name(long + "B", POSTGRES) != name
    assert len(event_table_name(long, DUCKDB)) == 200
    assert column_name("pages", ["properties", long], POSTGRES) == name
    assert column_name("pages", ["context", long], POSTGRES) == f"context_{full}"[:54] + "_" + sha1(f"context_{full}")
    exact = "a" * 63
    assert event_table_name(exact, POSTGRES) == exact


def test_portable_names_fit_every_engine() -> None:
    for engine in NAME_RULES:
        rules = name_rules(engine, portable=True)
        assert event_table_name("User", rules) == "_user"
        assert event_table_name("Pivot", rules) == "_pivot"
        assert len(event_table_name("x" * 100, rules)) == 63
    assert name_rules("duckdb", portable=True).columns == 0


@pytest.mark.parametrize(
    ("table", "path", "column"),
    [
        ("pages", ["context", "page", "url"], "context_page_url"),
        ("pages", ["context", "userAgentData", "brands"], "context_user_agent_data_brands"),
        ("pages", ["context", "traits", "email"], "context_traits_email"),
        ("pages", ["context", "externalIds"], "context_external_ids"),
        ("identifies", ["traits", "address", "street"], "address_street"),
        ("order_completed", ["properties", "product_id", "sku"], "product_id_sku"),
        ("order_completed", ["properties", "a.b"], "a_b"),
        ("order_completed", ["properties", "a", "b"], "a_b"),
        ("order_completed", ["properties", "2nd"], "_2nd"),
        ("order_completed", ["properties", "id"], "_id"),
        ("order_completed", ["properties", "event"], "_event"),
        ("order_completed", ["properties", "eventText"], "_event_text"),
        ("order_completed", ["properties", "receivedAt"], "_received_at"),
        ("order_completed", ["properties", "timestamp"], "_timestamp"),
        ("order_completed", ["properties", "context", "x"], "_context_x"),
        ("order_completed", ["properties", "context"], "context"),
        ("order_completed", ["properties", "name"], "name"),
        ("order_completed", ["properties", "order"], "_order"),
        ("identifies", ["traits", "event"], "event"),
        ("identifies", ["traits", "id"], "_id"),
        ("identifies", ["traits", "seq"], "seq"),
        ("groups", ["traits", "groupId"], "_group_id"),
        ("identifies", ["traits", "group_id"], "group_id"),
        ("aliases", ["traits", "previousId"], "_previous_id"),
        ("pages", ["properties", "name"], "name"),
        ("pages", ["properties", "Category"], "category"),
        ("screens", ["properties", "name"], "name"),
        ("pages", ["properties", "name", "first"], "name_first"),
        ("pages", ["properties", "title"], "title"),
        ("profile_traits", ["traits", "email"], "email"),
        ("profile_traits", ["traits", "id"], "_id"),
        ("profile_traits", ["traits", "seq"], "_seq"),
        ("profile_traits", ["traits", "merged_to"], "_merged_to"),
        ("profile_traits", ["traits", "triggering_event_id"], "_triggering_event_id"),
        ("profile_traits", ["traits", "2fa"], "_2fa"),
        ("identifies", ["traits", "日本語"], f"column_{sha1(raw_path(['traits', '日本語']))}"),
        ("identifies", ["context", "日本語"], f"context_column_{sha1(raw_path(['context', '日本語']))}"),
    ],
)
def test_column_name(table: str, path: list[str], column: str) -> None:
    assert column_name(table, path, POSTGRES) == column


def test_own_tables_are_the_documented_ones() -> None:
    assert len(OWN_TABLES) == 17
    assert all(event_table_name(table, DUCKDB) == f"_{table}" for table in OWN_TABLES)


def test_names_of_views_are_taken_where_there_are_views() -> None:
    rules = name_rules("bigquery", compat_views=True)
    names = ["Page View", "Pages View", "View", "Preview", "Viewed"]
    assert [event_table_name(name, rules) for name in names] == [
        "_page_view", "_pages_view", "view", "preview", "viewed",
    ]  # fmt: skip
    for without in (name_rules("bigquery"), name_rules("duckdb", compat_views=True)):
        assert event_table_name("Page View", without) == "page_view"


def test_order_among_the_paths_of_one_column() -> None:
    paths = [["traits", "firstName"], ["traits", "first_name"], ["traits", "First Name"], ["traits", "first", "name"]]
    assert sorted(paths, key=lambda path: path_order("first_name", path)) == [
        ["traits", "first_name"],
        ["traits", "First Name"],
        ["traits", "first", "name"],
        ["traits", "firstName"],
    ]
    assert path_order("_id", ["traits", "_id"]) < path_order("_id", ["traits", "id"])
    assert path_order("context_app_name", ["context", "app_name"]) < path_order(
        "context_app_name", ["context", "app", "name"]
    )


def test_raw_path_is_a_compact_json_array() -> None:
    assert raw_path(["context", "a b", 'c"', "é"]) == '["context","a b","c\\"","é"]'
