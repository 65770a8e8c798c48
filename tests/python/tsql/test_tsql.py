"""SQL Server and a dedicated pool: everything that their real adapters send, run by the stand-in, and looked over by the lint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlglot import parse_one

from case_study.test_case_study import run_case_study
from profiles_sync.home import Home
from profiles_sync.privacy.erase import begin
from profiles_sync.project import open_workplace
from profiles_sync.warehouse import Warehouse, WarehouseError, open_warehouse
from support.dbt import DbtFailedError, Deployment, environment
from support.engines.tsql_standin import ENGINES, StandIn, StandInDeployment
from support.lease import require_that_an_overtaken_run_writes_nothing
from support.pipeline import Pipeline
from support.tables_read import MOST_TABLES, tables_read
from support.tsql_lint import lint, statements

POOL = pytest.param("synapse", marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=["sqlserver", POOL])
def server(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """The stand-in in the place of a server."""
    with ENGINES[request.param]() as server:
        yield server


@pytest.fixture(scope="module")
def deployment(server: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """An empty deployment, which the tests fill one after another."""
    return empty_deployment(server, tmp_path_factory.mktemp(server.engine))


def empty_deployment(server: StandIn, folder: Path) -> Deployment:
    """A deployment with a database of its own."""
    home = folder / "home"
    home.mkdir()
    found = StandInDeployment(home, server.engine, folder / "target", server.database())
    found.dbt("run-operation", "prepare_space")
    return found


@pytest.fixture(scope="module")
def synced(deployment: Deployment) -> Pipeline:
    """The case study, step by step; then calls with new columns, an integer that becomes a float, and identifiers in an array."""
    return run_case_study(deployment, (2, 3, 4))


def test_case_study(synced: Pipeline) -> None:
    assert synced.deployment.query("select count(*) from profiles.id_graph") == [(2,)]


LATER: list[dict[str, Any]] = [
    {
        "type": "track", "messageId": "later 1", "event": "Order Completed", "userId": "abc", "anonymousId": "a1",
        "properties": {
            "total": 7, "coupon": "it's \"10%\" / é😀", "at": "2024-05-01T10:00:00.123456789+01:30", "lines": [1, {"a b": 2}], "paid": True,
        },
        "context": {"externalIds": [{"id": "x1", "type": "phone", "collection": "users", "encoding": "none"}]},
    },
    {
        "type": "track", "messageId": "later 2", "event": "Order Completed", "userId": "ABC", "anonymousId": "a2",
        "properties": {"total": 7.5},
    },
    {
        "type": "identify", "messageId": "later 3", "userId": "abc ",
        "traits": {"tier": "pro", "seats": 3, "since": "2024-05-01T10:00:00-02:00"},
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def later(synced: Pipeline) -> Pipeline:
    """The same, and a sync with a new event, new columns and a column that becomes a float."""
    for call in LATER:
        moment = f"2024-05-01T10:0{LATER.index(call)}:00.000Z"
        times = {"receivedAt": moment, "sentAt": moment, "timestamp": moment, "originalTimestamp": moment}
        synced.sync([call | times])
    return synced


def test_types_of_later_columns(later: Pipeline) -> None:
    rows = later.deployment.query(
        'select id, total, coupon, "at", lines, paid from profiles.order_completed order by id'
    )
    assert rows == [
        ("later 1", 7.0, 'it\'s "10%" / é😀', datetime(2024, 5, 1, 8, 30, 0, 123456), '[1,{"a b":2}]', True),
        ("later 2", 7.5, None, None, None, None),
    ]


def test_identities_are_compared_bytewise(later: Pipeline) -> None:
    values = later.deployment.query(
        "select \"value\", canonical_segment_id from profiles.user_identifiers where type = 'user_id' and lower(trim(\"value\")) = 'abc'"
    )
    assert sorted(value for value, _ in values) == ["ABC", "abc", "abc "]
    assert len({profile for _, profile in values}) == 3


def test_traits_are_text_in_utc(later: Pipeline) -> None:
    rows = later.deployment.query(
        "select name, \"value\" from profiles.user_traits where name in ('tier', 'seats', 'since')"
    )
    assert sorted(rows) == [("seats", "3"), ("since", "2024-05-01T12:00:00Z"), ("tier", "pro")]


def test_every_statement_is_of_the_dialect(later: Pipeline, server: StandIn) -> None:
    assert later.deployment.engine == server.engine
    assert_of_the_dialect(server, 400)


def assert_of_the_dialect(server: StandIn, at_least: int) -> None:
    """What was sent to a stand-in since the last such look, so many statements at least, is T-SQL of what it stands for."""
    sent = [statement for batch in server.sent for statement in statements(batch)]
    looked_at = {statement: lint(statement, pool=server.engine == "synapse") for statement in set(sent)}
    found = {statement: problems for statement, problems in looked_at.items() if problems}
    server.sent.clear()
    assert len(sent) > at_least
    assert found == {}


LARGE = """
{%- set rule = {'external_id_type': 'email', 'value_limit': 5, 'limit_window': 'daily', 'priority': none, 'custom': false,
  'from_group_traits': true, 'normalize': 'trim|lower', 'enabled': true} -%}
{%- set settings = {'space_id': 'demo', 'merge_cap': 100, 'mapping_cap': 1000, 'default_limit': 5,
  'default_window': 'weekly',
  'auto_register_external_ids': false, 'email_from_properties': true, 'identity_rules': [rule], 'blocked_values': [],
  'event_filters': []} -%}
{%- set batch = {'settings': settings, 'after': 0, 'upto': 9, 'version': 1, 'clock_ms': 5, 'landed': 9, 'active': 9, 'forest': true,
  'contested': true, 'rounds': 2, 'trees': 3} -%}
{%- set locations = profiles_sync.identifier_locations(settings) -%}
{%- set queries = [
  profiles_sync.identity_new_events(batch, locations), profiles_sync.identity_identifiers(batch, locations),
  profiles_sync.identity_links(batch), profiles_sync.identity_anchors(), profiles_sync.identity_edges(), profiles_sync.identity_tree(1, 10),
  profiles_sync.identity_longer_tree(1), profiles_sync.identity_contracted_edges(1), profiles_sync.identity_nodes(3),
  profiles_sync.identity_contested(batch, 3), profiles_sync.identity_contested_events(batch),
  profiles_sync.identity_uncontested_steps(3, true), profiles_sync.identity_sizes(batch, 'work_touches'),
  profiles_sync.identity_round(batch, 1), profiles_sync.identity_round(batch, 2), profiles_sync.identity_moves(7),
  profiles_sync.identity_refusals(batch), profiles_sync.identity_event_rows(batch), profiles_sync.removed_identifiers(batch, '5'),
] -%}
{%- for query in queries -%}
  {%- set parts = profiles_sync.repeated_ctes('work_it', query) -%}
  {%- for table in parts.tables -%} {{ table.sql }} /* next */ {%- endfor -%}
  {{ parts.sql }} /* next */
{%- endfor -%}
/* as written */ {{ profiles_sync.identity_round(batch, 2) }}
"""
"""The queries of a batch that goes through the forest, with limits that slide."""


def test_large_batches_are_of_the_dialect(deployment: Deployment) -> None:
    compiled = deployment.dbt("compile", "--inline", LARGE).result.results[0].node.compiled_code
    *queries, last = compiled.split("/* next */")
    assert len(queries) > 19
    as_written = last.replace("/* as written */", "")
    assert tables_read(parse_one(as_written, read="tsql")) > MOST_TABLES
    for query in queries:
        view = f"create view v as {query}"
        assert list(statements(view)) == [view.strip()]
        assert lint(view, pool=deployment.engine == "synapse") == []


def test_a_failed_statement_undoes_its_transaction(later: Pipeline) -> None:
    deployment = later.deployment
    before = deployment.query("select count(*) from profiles_staging.raw_events")
    with connection_of(deployment) as warehouse, pytest.raises(WarehouseError, match="nowhere"):
        insert_and_fail(warehouse)
    assert deployment.query("select count(*) from profiles_staging.raw_events") == before


def insert_and_fail(warehouse: Warehouse) -> None:
    with warehouse.transaction():
        warehouse.insert(warehouse.staging("raw_events"), ["event_no", "message_id"], [(999_999, "m")])
        warehouse.execute("select * from nowhere")


def connection_of(deployment: Deployment) -> Warehouse:
    """A connection of our own to the warehouse of a deployment."""
    with environment(deployment.env):
        return open_warehouse(open_workplace(Home(deployment.home)).target)


TEXTS = ["", "abc", "ABC", "abc ", "it's", 'a "q"', "zoë@exämple.com", "日本語 😀", "a" * 200]


def test_calls_of_a_user_are_found(later: Pipeline) -> None:
    with environment(later.deployment.env):
        erased, _ = begin(open_workplace(Home(later.deployment.home)), ["abc"], whole_profile=False)
    assert erased == 1
    assert later.deployment.query("select status, events from profiles_ops.privacy_requests") == [("RUNNING", 1)]


def test_hashes(deployment: Deployment) -> None:
    expressions, expected = {}, {}
    for i, text in enumerate(TEXTS):
        argument = f"profiles_sync.text_literal({text!r})"
        expressions[f"sha256_{i}"] = f"{{{{ profiles_sync.sha256_hex({argument}) }}}}"
        expressions[f"sha1_{i}"] = f"{{{{ profiles_sync.sha1_hex({argument}) }}}}"
        expressions[f"key_{i}"] = (
            f"{{{{ profiles_sync.key16_text(profiles_sync.identifier_key(\"'email'\", {argument})) }}}}"
        )
        data = text.encode()
        expected[f"sha256_{i}"] = hashlib.sha256(data).hexdigest()
        expected[f"sha1_{i}"] = hashlib.sha1(data).hexdigest()
        expected[f"key_{i}"] = hashlib.sha256(b"email\0" + data).hexdigest()[:32]
    assert evaluate(deployment, expressions) == expected


def test_numbers_and_times(deployment: Deployment) -> None:
    moment = "cast('{}' as datetime2(6))"
    found = evaluate(
        deployment,
        {
            "padded": '{{ profiles_sync.zero_padded("42", 12) }}',
            "seq": "{{ profiles_sync.seq('place') }}",
            "write_key": "{{ profiles_sync.write_key('place') }}",
            "write_key_is_collated": "{{ 'collate' in profiles_sync.write_key('place') and 1 }}",
            "cut": f"{{{{ profiles_sync.epoch_ms({moment.format('2022-05-02 14:01:00.123999')!r}) }}}}",
            "before_1970": f"{{{{ profiles_sync.epoch_ms({moment.format('1969-12-31 23:59:59.999500')!r}) }}}}",
            "micro": f"{{{{ profiles_sync.epoch_us({moment.format('2022-05-02 14:01:00.123999')!r}) }}}}",
            "later": "{{ profiles_sync.epoch_us(profiles_sync.next_microsecond("
            f"{moment.format('2022-12-31 23:59:59.999999')!r})) }}}}",
            "text": f"{{{{ profiles_sync.timestamp_text({moment.format('2022-05-02 14:01:00.123999')!r}) }}}}",
            "length": "{{ profiles_sync.text_length(\"'ab  '\") }}",
            "lower": "{{ profiles_sync.ascii_lower(profiles_sync.text_literal('AbC É ')) }}",
            "blank": "{{ profiles_sync.null_if_empty(\"'  '\") }}",
            **{
                name: f'{{{{ profiles_sync.number_text("{number}") }}}}'
                for name, number in {
                    "whole": "100000.0", "negative": "-3.0", "fraction": "19.99", "tiny": "1e-7", "huge": "1e28",
                    "long": "0.1234567890123456",
                }.items()
            },
        },
        "(select 1651500060000 as clock_ms, 1 as event_no, 1 as row_no, 'a' as raw_path, "
        f"{moment.format('2022-05-02 14:01:00')} as received_at, {moment.format('2022-05-02 14:01:01')} as \"timestamp\") as place",
    )  # fmt: skip
    assert found == {
        "padded": "000000000042", "seq": "1651500060000000000000001000001",
        "write_key": "1651500060000000000000000001", "write_key_is_collated": 1, "cut": 1651500060123, "before_1970": -1,
        "micro": 1651500060123999, "later": 1672531200000000, "text": "2022-05-02T14:01:00", "length": 4, "lower": "abc É ", "blank": "  ",
        "whole": "100000", "negative": "-3", "fraction": "19.99", "tiny": "1e-07", "huge": "1e+28", "long": "0.1234567890123456",
    }  # fmt: skip


TIMES = {
    "2022-05-02T14:01:00Z": datetime(2022, 5, 2, 14, 1),
    "2022-05-02T14:01:00.1234569Z": datetime(2022, 5, 2, 14, 1, 0, 123456),
    "2022-05-02T14:01:00.5+05:30": datetime(2022, 5, 2, 8, 31, 0, 500000),
    "2022-05-02T14:01:00-0800": datetime(2022, 5, 2, 22, 1),
    "2022-02-30T14:01:00Z": None,
    "2022-05-02 14:01:00Z": None,
    "2022-05-02T14:01:00": None,
    "2022-05-02T24:01:00Z": None,
    "2022-05-02T14:01:00.Z": None,
    "2022-05-02T14:01:00+16:00": None,
    "2022-05-02T14:01:00Z ": None,
    "0001-01-01T00:00:00+01:00": None,
    "0001-01-01T01:00:00+01:00": datetime(1, 1, 1),
    "9999-12-31T23:59:59-01:00": None,
    "hello": None,
    "": None,
}


def test_texts_as_timestamps(deployment: Deployment) -> None:
    expressions = {
        f"t{i}": f"{{{{ profiles_sync.text_timestamp(profiles_sync.text_literal({text!r})) }}}}"
        for i, text in enumerate(TIMES)
    }
    found = evaluate(deployment, expressions)
    assert dict(zip(TIMES, found.values(), strict=True)) == TIMES


DOCUMENT = (
    '{"s":"it\'s \\"q\\" \\\\ / é😀\\t.","i":7,"big":12345678901234567890123456789,"f":19.5,"t":true,"n":null,'
    '"o":{"a b":{"c/d~e":"deep"}},"l":[1,{"k":"a , b : c"}],"":"blank","S":"other case","s ":"blank behind","long":"'
    + "x" * 5000
    + '"}'
)
PATHS = [
    ["s"],
    ["i"],
    ["big"],
    ["f"],
    ["t"],
    ["n"],
    ["o"],
    ["l"],
    [""],
    ["S"],
    ["s "],
    ["absent"],
    ["o", "a b", "c/d~e"],
    ["s", "x"],
]


@pytest.mark.slow
def test_json(deployment: Deployment) -> None:
    paths = "{% set paths = " + repr([*PATHS, ["long"]]) + " %}"
    value = "profiles_sync.json_path_value('d.v', paths, {})"
    expressions = {}
    for i in range(len(PATHS)):
        expressions[f"k{i}"] = f"{{{{ profiles_sync.json_kind({value.format(i)}) }}}}"
        expressions[f"t{i}"] = f"{{{{ profiles_sync.json_compact({value.format(i)}) }}}}"
    expressions["string"] = f"{{{{ profiles_sync.json_string({value.format(0)}) }}}}"
    expressions["long"] = f"{{{{ profiles_sync.text_length(profiles_sync.json_string({value.format(len(PATHS))})) }}}}"
    expressions["as_varchar"] = f"{{{{ profiles_sync.json_as({value.format(2)}, 'varchar') }}}}"
    expressions["too_big"] = f"{{{{ profiles_sync.json_as({value.format(2)}, 'integer') }}}}"
    expressions["as_float"] = f"{{{{ profiles_sync.json_as({value.format(1)}, 'float') }}}}"
    expressions["as_boolean"] = f"{{{{ profiles_sync.json_as({value.format(4)}, 'boolean') }}}}"
    document = f"(select {{{{ profiles_sync.json_paths(profiles_sync.text_literal({DOCUMENT!r}), paths) }}}} as v) as d"
    found = evaluate(deployment, expressions, document, paths)
    assert [(found[f"k{i}"], found[f"t{i}"]) for i in range(len(PATHS))] == [
        ("string", '"it\'s \\"q\\" \\\\ / é😀\\t."'), ("integer", "7"), ("integer", "12345678901234567890123456789"), ("float", "19.5"),
        ("boolean", "true"), ("null", "null"), ("object", '{"a b":{"c/d~e":"deep"}}'), ("array", '[1,{"k":"a , b : c"}]'),
        ("string", '"blank"'), ("string", '"other case"'), ("string", '"blank behind"'), (None, None), ("string", '"deep"'), (None, None),
    ]  # fmt: skip
    assert {name: found[name] for name in ("string", "long", "as_varchar", "too_big", "as_float", "as_boolean")} == {
        "string": "it's \"q\" \\ / é😀\t.", "long": 5000, "as_varchar": "1.2345678901234568e+28", "too_big": None, "as_float": 7.0,
        "as_boolean": True,
    }  # fmt: skip


def test_no_path_of_a_document_that_is_a_scalar(deployment: Deployment) -> None:
    """An entry of `context.externalIds` may be anything, and the server refuses to open it."""
    paths = "{% set paths = [['a']] %}"
    expressions = {
        f"v{i}": f"{{{{ profiles_sync.json_path_value(profiles_sync.json_paths(profiles_sync.text_literal({text!r}), paths), paths, 0) }}}}"
        for i, text in enumerate(['"abc"', "5", "null", '{"a":1}'])
    }
    assert evaluate(deployment, expressions, before=paths) == {"v0": None, "v1": None, "v2": None, "v3": "1"}


def test_views_are_dropped_without_more_rights(deployment: Deployment, server: StandIn) -> None:
    """What the server tells owners of the database only, the stand-in has not either."""
    deployment.dbt("run", "--select", "stg_events")
    assert not any("sql_expression_dependencies" in batch for batch in server.sent)
    # A pool's adapter drops none for this.
    assert server.engine == "synapse" or any("drop view if exists" in batch for batch in server.sent)


def test_the_lease_stays_locked(deployment: Deployment, server: StandIn) -> None:
    with environment({"PROFILES_SYNC_RUN_ID": "the orphan"}), pytest.raises(DbtFailedError, match="hold_lease"):
        deployment.dbt("run-operation", "hold_lease")
    assert ("with (repeatableread)" in server.sent[-1]) == (server.engine == "sqlserver")


def test_a_run_that_another_sync_has_followed_writes_nothing(server: StandIn, tmp_path: Path) -> None:
    require_that_an_overtaken_run_writes_nothing(empty_deployment(server, tmp_path))


def evaluate(deployment: Deployment, expressions: dict[str, str], source: str = "", before: str = "") -> dict[str, Any]:
    """Values of SQL expressions that may call macros, as the stand-in gives them."""
    columns = ", ".join(f"{expression} as {name}" for name, expression in expressions.items())
    inline = f"{before} select {columns}" + (f" from {source}" if source else "")
    compiled = deployment.dbt("compile", "--inline", inline).result.results[0].node.compiled_code
    with connection_of(deployment) as warehouse:
        row = warehouse.query(compiled)[0]
    for statement in statements(compiled):
        assert lint(statement, pool=deployment.engine == "synapse") == []
    return dict(zip(expressions, row, strict=True))


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("select a || b as c from t", "`||`"),
        ("select a from t limit 5", "LIMIT"),
        ("select cast(a as varchar) as b from t", "text without a length"),
        ("select a = b as c from t", "condition as a value"),
        ("select x from (select a as x from t)", "derived table without a name"),
        ("create view v as select a from t order by a", "ORDER BY"),
        ("create view v as select count(*) from t", "column without a name"),
        ("insert into t with a as (select 1 as b) select b from a", "WITH behind INSERT"),
        ("select * from (with a as (select 1 as b) select b from a) as c", "WITH inside"),
        ("select row_number() over (partition by a) as n from t", "ranking without ORDER BY"),
        ("select length(a) as n from t", "function length"),
        ("select a from t where b", "column as a condition"),
        ("select count(distinct a, b) as n from t", "COUNT(DISTINCT)"),
        ("select a from t where (a, b) in (select c, d from u)", "row as a value"),
        ("select max((select 1)) as n from t", "aggregate of a subquery"),
        ("select a, b as a into u from t", "two columns"),
        ("select a from t group by 1", "GROUP BY of a literal"),
        ("select true as a from t", "boolean literal"),
        ("with r as (select 1 as n union all select n + 1 as n from r) select n from r", "recursive"),
        ("select translate(a, 'b', 'c') as x from t", "a pool has not"),
        (
            "select shape.* into t from (select 1 as one) as seed left join (select l.p as path from (select case n when 1 then '' "
            "when 2 then 'abc' end as p from u) as l) as shape on 1 = 0 where 1 = 0",
            "made of literals",
        ),
    ],
)
def test_the_lint_sees(statement: str, problem: str) -> None:
    assert any(problem in found.problem for found in lint(statement, pool=True))
