"""A Snowflake look-alike over HTTP: fakesnow, made good enough for dbt-snowflake and stricter where it lets pass what Snowflake refuses.

python fakesnow_server.py PORT STATEMENTS

The statements that clients send are appended to the file, a line of JSON each.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import fakesnow.arrow
import fakesnow.cursor
import pyarrow as pa
import pyarrow.compute as pc
import snowflake.connector.errors as errors
from fakesnow import server as running_server
from sqlglot import exp, parse_one

_DONE = "select 'Statement executed successfully.' as status"
_NO_GRANTS = (
    "select null::timestamp as created_on, '' as privilege, '' as granted_on, '' as name, '' as granted_to, '' as grantee_name, "
    "'false' as grant_option, '' as granted_by where 1 = 0"
)
# What DuckDB knows and Snowflake does not: a statement with one of these would only work here.
_FOREIGN_FUNCTIONS = {
    "epoch_us", "epoch_ms", "make_timestamp", "strftime", "strptime", "regexp_full_match", "regexp_matches", "json_extract",
    "json_extract_string", "json_type", "string_agg", "list", "unnest", "isfinite", "sha256", "to_timestamp_us", "json_array_length",
}  # fmt: skip


def main(port: int, statements: Path) -> None:
    """Serve until the process is ended."""
    _patch_statements(statements)
    _patch_results()
    with running_server(port=port):
        threading.Event().wait()


def _patch_statements(statements: Path) -> None:
    cursor = fakesnow.cursor.FakeSnowflakeCursor
    explode, execute = cursor._transform_explode, cursor.execute

    def transform_explode(self: Any, statement: exp.Expr) -> Any:
        _refuse_foreign(statement)
        statement = _rewritten(statement)
        for node in reversed(list(statement.walk())):  # What is inside of another first.
            if (replaced := _expression(node)) is not node:
                node.replace(replaced)
        if isinstance(statement, exp.Create | exp.Drop | exp.Alter | exp.Comment):
            # Snowflake ends the transaction before DDL; and DuckDB writes to one attached database in a transaction.
            _end_transaction(self, "commit")
        if isinstance(statement, exp.Merge):
            return [_merge(self, statement)]
        return explode(self, statement)

    def run(self: Any, command: str, *arguments: Any, **named: Any) -> Any:
        if named.get("server"):
            with statements.open("a") as file:
                file.write(f"{json.dumps(command)}\n")
        # What fakesnow does not know becomes HTTP 500, which the connector repeats for minutes.
        try:
            return execute(self, command, *arguments, **named)
        except errors.Error:
            raise
        except Exception as error:
            raise errors.ProgrammingError(
                msg=f"fakesnow: {type(error).__name__}: {error}", errno=9999, sqlstate="99999"
            ) from error

    check = cursor.check_db_and_schema

    def check_names(self: Any, statement: exp.Expr) -> None:
        # It takes the stage within a COPY for a table without a schema.
        if not isinstance(statement, exp.Copy):
            check(self, statement)

    cursor.check_db_and_schema = check_names
    cursor._transform_explode = transform_explode
    cursor.execute = run


def _merge(cursor: Any, statement: exp.Expr) -> exp.Expr:
    """Run a MERGE as DuckDB's own, and return the query of Snowflake's answer.

    fakesnow takes it apart, into statements that fail within a transaction; and it lets pass that two rows of the source match one of
    the target, which Snowflake refuses, as DuckDB does.
    """
    sql = f"{cursor._transform(statement, None).sql(dialect='duckdb')} returning merge_action"
    done = [action for (action,) in cursor._duck_conn.execute(sql).fetchall()]
    kinds = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}
    kept = {
        kind
        for when in statement.args["whens"].expressions
        for kind in kinds
        if kind in str(when.args["then"].sql()).upper()[:6]
    }
    counts = [f'{done.count(kind)} as "number of rows {name}"' for kind, name in kinds.items() if kind in kept]
    return parse_one(f"select {', '.join(counts)}", read="snowflake")


def _end_transaction(cursor: Any, how: str) -> None:
    with contextlib.suppress(duckdb.Error):
        getattr(cursor._duck_conn, how)()


def _refuse_foreign(statement: exp.Expr) -> None:
    for function in statement.find_all(exp.Anonymous):
        if function.name.lower() in _FOREIGN_FUNCTIONS:
            raise errors.ProgrammingError(
                msg=f"SQL compilation error:\nUnknown function {function.name.upper()}", errno=2141, sqlstate="42601"
            )
    for cast in statement.find_all(exp.Cast):
        # It would read the text as JSON; Snowflake makes a JSON string of it.
        if cast.to.is_type("variant") and not isinstance(cast.this, exp.Null):
            raise errors.ProgrammingError(
                msg="SQL compilation error:\nuse PARSE_JSON for a document", errno=1007, sqlstate="22023"
            )
    for quoted in statement.find_all(exp.Identifier):
        # DuckDB compares names without case, so a quoted one would only work here.
        if quoted.quoted and quoted.name != quoted.name.upper():
            raise errors.ProgrammingError(
                msg=f'SQL compilation error:\nquoted name "{quoted.name}": unquoted ones are in upper case',
                errno=904,
                sqlstate="42000",
            )


def _rewritten(statement: exp.Expr) -> exp.Expr:
    """A statement as fakesnow understands it."""
    if isinstance(statement, exp.Grant | exp.Revoke) or (
        isinstance(statement, exp.Comment) and str(statement.args.get("kind")).upper() == "COLUMN"
    ):
        return parse_one(_DONE, read="snowflake")
    if isinstance(statement, exp.Alter) and str(statement.args.get("kind")).upper() == "SESSION":
        return parse_one(_DONE, read="snowflake")
    if isinstance(statement, exp.Command):
        text = f"{statement.this} {statement.expression}".lower()
        if text.startswith("show grants"):
            return parse_one(_NO_GRANTS, read="snowflake")
        if text.startswith("alter") and " comment $$" in text:
            return parse_one(_DONE, read="snowflake")
    if isinstance(statement, exp.Create) and statement.kind in ("TABLE", "VIEW"):
        table = statement.this.this if isinstance(statement.this, exp.Schema) else statement.this
        properties = statement.args.get("properties")
        if properties and table.args.get("db"):
            # DuckDB's temporary tables live in a catalog of their own, dbt's have a database and a schema.
            kept = [each for each in properties.expressions if not isinstance(each, exp.TemporaryProperty)]
            statement.set("properties", exp.Properties(expressions=kept) if kept else None)
    return statement


def _expression(node: exp.Expr) -> exp.Expr:
    """An expression whose value in fakesnow is not Snowflake's."""
    if isinstance(node, exp.GetExtract) and node.expression.is_string:
        # By pointer: a blank key gave the whole document.
        key = node.expression.name.replace("~", "~0").replace("/", "~1")
        inner = node.this
        pointer = f"/{key}"
        if isinstance(inner, exp.Anonymous) and inner.name == "json_extract":
            pointer = inner.expressions[1].name + pointer
            inner = inner.expressions[0]
        return exp.Anonymous(this="json_extract", expressions=[inner, exp.Literal.string(pointer)])
    if isinstance(node, exp.Anonymous) and node.name.lower() == "as_varchar":
        return exp.Anonymous(this="json_extract_string", expressions=[node.expressions[0], exp.Literal.string("$")])
    if isinstance(node, exp.StrToTime) and node.args.get("safe") and node.args["format"].name == "AUTO":
        # DuckDB also reads +0000.
        read = exp.If(this=parse_one("not regexp_matches(t, '[+-][0-9]{4}$')", read="duckdb"), true=node.this)
        read.this.find(exp.Column).replace(node.this.copy())
        return exp.TryCast(this=exp.Case(ifs=[read]), to=exp.DataType.build("timestamptz"))
    return node


def _patch_results() -> None:
    timestamps = fakesnow.arrow.timestamp_to_sf_struct

    def with_nulls(column: Any) -> Any:
        # NULL came back as 1970.
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        filled = timestamps(pc.fill_null(column, pa.scalar(0, column.type)))
        fields = [filled.field(i) for i in range(filled.type.num_fields)]
        return pa.StructArray.from_arrays(fields, fields=list(filled.type), mask=pc.is_null(column))

    fakesnow.arrow.timestamp_to_sf_struct = with_nulls


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
