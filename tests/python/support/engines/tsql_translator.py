"""T-SQL as DuckDB's SQL, for the stand-in: what sqlglot translates, and beside it what our macros and dbt's adapters write.

Kept from T-SQL where it differs silently: LEN without the blanks at the end, LIKE with character classes, OPENJSON with its types, a hash
as bytes. Not kept: comparisons that overlook blanks at the end, collations, lengths of columns.
"""

from __future__ import annotations

import functools
import re

from sqlglot import ErrorLevel, exp, parse_one

_TEXT_FUNCTIONS = (
    exp.Left,
    exp.Right,
    exp.Substring,
    exp.Lower,
    exp.Upper,
    exp.Chr,
    exp.Trim,
    exp.Replace,
    exp.Convert,
)


class UntranslatableError(Exception):
    """A statement that the stand-in cannot run."""


# What dbt sends once it sends again: with the next batch, in the next round.
@functools.lru_cache(4096)
def translate(sql: str) -> tuple[str, ...]:
    """Return one T-SQL statement as statements in DuckDB's dialect.

    Raises:
        UntranslatableError: It cannot be parsed.
    """
    sql = re.sub(r"(?i)\bcreate\s+or\s+alter\s+view\b", "create or replace view", sql)
    # Where a pool keeps a table says nothing about what is in it, and is not all known to the parser.
    sql = re.sub(r"(?i)\s*with\s*\(\s*distribution\s*=\s*[^,]*,\s*(?:heap|clustered columnstore index)\s*\)", "", sql)
    try:
        tree = parse_one(sql, read="tsql")
    except Exception as error:
        raise UntranslatableError(f"{error}\n{sql}") from error
    # From the leaves up, so that a part is translated before what it stands in.
    for node in reversed(list(tree.walk())):
        new = _node(node)
        if new is None:
            node.pop()
        elif new is not node:
            if node is tree:
                tree = new
            else:
                node.replace(new)
    if isinstance(tree, exp.Alter) and len(tree.args["actions"]) > 1:
        actions = tree.args["actions"]
        return tuple(exp.Alter(**(tree.args | {"actions": [each]})).sql("duckdb") for each in actions)
    return (tree.sql("duckdb", unsupported_level=ErrorLevel.IGNORE),)


def _node(node: exp.Expression) -> exp.Expression | None:
    """Return what stands for a node whose parts are translated; None where nothing does."""
    if isinstance(node, exp.Collate):
        return node.this
    if isinstance(node, exp.National):
        return exp.Literal.string(node.this)
    if isinstance(node, exp.ColumnConstraint) and isinstance(node.kind, exp.CollateColumnConstraint):
        return None
    if isinstance(node, exp.DataType):
        return _type(node)
    if isinstance(node, exp.Add) and _is_text(node):
        return exp.DPipe(this=node.this, expression=node.expression)
    if isinstance(node, exp.Like):
        return _like(node)
    if isinstance(node, exp.Convert):
        return _convert(node)
    if isinstance(node, (exp.SHA2, exp.SHA)):
        return _call("tsql_sha256" if isinstance(node, exp.SHA2) else "tsql_sha1", node.this)
    if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.VARBINARY:
        return _call("tsql_binary", node.this, exp.Literal.number(16))
    if isinstance(node, exp.Length):
        return _call("tsql_len", node.this)
    if isinstance(node, exp.NumberToStr):
        return _call("tsql_format", node.this, node.args["format"])
    if isinstance(node, exp.Stuff):
        return _call("tsql_stuff", node.this, node.args["start"], node.args["length"], node.expression)
    if (
        isinstance(node, exp.Subquery)
        and not isinstance(node.parent, (exp.From, exp.Join, exp.In))
        and _stands_on_no_table(node.this)
    ):
        return _scalar(node)
    if isinstance(node, exp.Join) and isinstance(node.this, exp.Lateral) and isinstance(node.this.this, exp.OpenJSON):
        return exp.Join(this=_open_json(node.this.this, node.this.args["alias"]), kind="CROSS")
    if isinstance(node, exp.Anonymous) and node.name.lower() in (
        "json_modify",
        "datalength",
        "sysutcdatetime",
        "db_name",
    ):
        return exp.Anonymous(this=f"tsql_{node.name.lower()}", expressions=node.expressions)
    return node


def _call(name: str, *arguments: exp.Expression) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _type(node: exp.DataType) -> exp.DataType:
    kind = exp.DataType.Type
    if node.this == kind.FLOAT:
        return exp.DataType(this=kind.DOUBLE)
    if node.this == kind.BIT:
        return exp.DataType(this=kind.BOOLEAN)
    if node.this in (kind.BINARY, kind.VARBINARY):
        return exp.DataType(this=kind.VARBINARY)
    if node.this in (kind.DECIMAL, kind.MONEY):
        return node
    return exp.DataType(this=kind.TIMESTAMP if node.this == kind.DATETIME2 else node.this)


def _is_text(node: exp.Expression) -> bool:
    """Whether a sum is one of texts: one of its parts shows it, or what it stands in does."""
    around = node.parent
    while isinstance(around, exp.Paren):
        around = around.parent
    if isinstance(around, exp.Collate):
        return True
    for part in (node.this, node.expression):
        while isinstance(part, exp.Paren):
            part = part.this
        if isinstance(part, (exp.Add, exp.DPipe)) and _is_text(part):
            return True
        if isinstance(part, exp.Literal) and part.is_string:
            return True
        if isinstance(part, (exp.National, exp.Collate, *_TEXT_FUNCTIONS)):
            return True
        if isinstance(part, exp.Cast) and part.to.is_type(*exp.DataType.TEXT_TYPES):
            return True
        if isinstance(part, exp.Case) and any(
            isinstance(value, exp.Literal) and value.is_string
            for value in [each.args["true"] for each in part.args["ifs"]]
        ):
            return True
    return False


def _like(node: exp.Like) -> exp.Expression:
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and "[" in pattern.name):
        return node
    out = []
    for part in re.findall(r"\[[^\]]*\]|.", pattern.name, re.DOTALL):
        out.append({"%": ".*", "_": "."}.get(part) or (part if part.startswith("[") else re.escape(part)))
    matches = _call("regexp_full_match", node.this, exp.Literal.string("(?s)" + "".join(out)))
    return exp.Not(this=matches) if node.args.get("negate") else matches


def _convert(node: exp.Convert) -> exp.Expression:
    style = node.args["style"].name if node.args.get("style") else ""
    kind = node.this
    if style == "2":
        return _call("tsql_hex", node.expression)
    if style == "126" and kind.is_type(*exp.DataType.TEXT_TYPES):
        return _call("tsql_iso", node.expression)
    return (exp.TryCast if node.args.get("safe") else exp.Cast)(this=node.expression, to=_type(kind))


def _open_json(call: exp.OpenJSON, alias: exp.Expression) -> exp.Expression:
    rows = parse_one(f"select unnest({_rows_of(call)}, recursive := true)", read="duckdb")
    return exp.Subquery(this=rows, alias=alias.copy())


def _rows_of(source: exp.Expression) -> str:
    """A list of rows, as DuckDB's SQL: what OPENJSON gives, or a query that stands on no table."""
    if isinstance(source, exp.OpenJSON):
        path = source.args["path"].name if source.args.get("path") else "$"
        return f"tsql_openjson({source.this.sql('duckdb')}, {exp.Literal.string(path).sql('duckdb')})"
    rows, name = _filtered(source)
    fields = ", ".join(f"'{each.alias_or_name}': {each.unalias().sql('duckdb')}" for each in source.expressions)
    return f"list_transform({rows}, lambda {name}: {{{fields}}})"


def _filtered(query: exp.Expression) -> tuple[str, str]:
    """The rows that a query reads, and the name that it gives them."""
    source = query.args.get("from_") or query.args.get("from")
    if source is None:
        return "[0]", "nothing"
    name, rows = source.this.alias, _rows_of(source.this.this)
    where = query.args.get("where")
    return (f"list_filter({rows}, lambda {name}: {where.this.sql('duckdb')})" if where else rows), name


def _stands_on_no_table(query: exp.Expression) -> bool:
    source = query.args.get("from_") or query.args.get("from")
    if source is None:
        return isinstance(query, exp.Select)
    if query.args.get("joins") or query.args.get("group"):
        return False
    inner = source.this.this
    return isinstance(inner, exp.OpenJSON) or (isinstance(source.this, exp.Subquery) and _stands_on_no_table(inner))


def _scalar(node: exp.Subquery) -> exp.Expression:
    """A subquery that gives one value and stands on no table, as an expression: joined, DuckDB would take minutes to plan many of them."""
    rows, name = _filtered(node.this)
    value = node.this.expressions[0].unalias()
    if isinstance(value, exp.Max):
        return exp.Var(this=f"list_max(list_transform({rows}, lambda {name}: {value.this.sql('duckdb')}))")
    return exp.Var(this=f"list_transform({rows}, lambda {name}: {value.sql('duckdb')})[1]")


MACROS = (
    "create or replace macro tsql_member(k, v) as {'key': k, 'value': case substring(cast(v as text), 1, 1) when 'n' then null "
    "when '\"' then json_extract_string(v, '$') else cast(v as text) end, 'type': case substring(cast(v as text), 1, 1) "
    "when 'n' then 0 when '\"' then 1 when 't' then 3 when 'f' then 3 when '[' then 4 when '{' then 5 else 2 end}",
    "create or replace macro tsql_openjson(d, p) as case when substring(cast(d as text), 1, 1) not in ('{', '[') then "
    "error('JSON text is not properly formatted. Unexpected character is found at position 0.') else case json_type(d, p) "
    "when 'OBJECT' then list_transform(json_keys(d, p), lambda k: "
    "tsql_member(k, json_extract(json_extract(d, p), '/' || replace(replace(k, '~', '~0'), '/', '~1')))) when 'ARRAY' then "
    "list_transform(range(cast(json_array_length(d, p) as bigint)), lambda i: "
    "tsql_member(cast(i as text), json_extract(json_extract(d, p), '/' || i))) end end",
    "create or replace macro tsql_sha256(t) as unhex(sha256(t))",
    "create or replace macro tsql_sha1(t) as unhex(sha1(t))",
    "create or replace macro tsql_binary(b, n) as unhex(left(hex(b), 2 * n))",
    "create or replace macro tsql_hex(b) as hex(b)",
    "create or replace macro tsql_iso(t) as strftime(t, '%Y-%m-%dT%H:%M:%S')",
    "create or replace macro tsql_len(t) as length(rtrim(cast(t as text)))",
    "create or replace macro tsql_datalength(t) as strlen(t)",
    "create or replace macro tsql_format(f, p) as printf('%.' || p[2:] || 'G', f)",
    "create or replace macro tsql_stuff(t, s, n, r) as left(t, s - 1) || r || substring(t, s + n)",
    "create or replace macro tsql_json_modify(d, p, v) as replace(cast(json_object('s', v) as text), '/', '\\/')",
    "create or replace macro tsql_sysutcdatetime() as cast(now() at time zone 'UTC' as timestamp)",
    "create or replace macro tsql_db_name() as current_database()",
)
"""What the translation calls."""
