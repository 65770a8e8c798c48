"""What SQL Server (at the level of 2017) or a dedicated pool would refuse or misread in a statement, so far as a parser can tell.

Every function is on a list, since no parser knows which exist. A clean statement is no proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp, parse_one

from support.tables_read import MOST_TABLES, tables_read


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = _words("""
    abs avg cast ceiling char charindex coalesce concat convert count count_big datalength dateadd datediff datediff_big datepart
    dense_rank floor format hashbytes iif isnull json_modify json_query json_value lag lead left len lower ltrim max min nullif object_id
    openjson quotename rank replace replicate reverse right round row_number rtrim sign str string_agg stuff substring sum
    sysutcdatetime trim try_cast try_convert unicode upper
    """)
"""Functions that both have, of those that we may want."""

_NO_FUNCTIONS = _words("""
    all and any apply as by case delete distinct else except exists from group having hash heap in index insert intersect into join key
    not on or order over partition select set then top union update using values view when where with within
    bigint binary bit char datetime2 decimal float int nvarchar varbinary varchar
    """)
_BANNED = {
    r"\|\|": "`||`",
    r"::": "`::`",
    r"(?<![\w.@'])(true|false)(?!\w)": "a boolean literal",
    r"\blimit\s+\d": "LIMIT",
    r"\boffset\s+\d": "OFFSET",
    r"\bfetch\s+(first|next)\b": "FETCH",
    r"\bnulls\s+(first|last)\b": "NULLS FIRST or LAST",
    r"\bqualify\b": "QUALIFY",
    r"\b(ilike|rlike|similar\s+to)\b": "an operator of others",
    r"\binterval\b": "INTERVAL",
    r"\b(date|timestamp)\s+'": "a typed literal",
    r"\)\s*filter\s*\(": "FILTER",
    r"\busing\s*\(": "USING",
    r"\bnatural\s+join\b": "NATURAL JOIN",
    r"\blateral\b": "LATERAL",
    r"\b(except|intersect)\s+all\b|\bunion\s+distinct\b": "a set operator of others",
    r"\bas\s+n?varchar\s*\)": "text without a length, which is cut at 30 characters",
    r"\b(date(diff|add|part)|datediff_big)\s*\(\s*'": "a quoted part of a date",
    r"\bwith\s+recursive\b": "WITH RECURSIVE",
    r"`": "a backtick",
    r"(?<![\w.])(current_date|current_time|localtimestamp)\b": "CURRENT_DATE",
    r"(?<![\w])#\w": "a temporary table, which no view can read",
    r"\bis\s+(not\s+)?distinct\s+from\b": "IS DISTINCT FROM, which is of 2022",
    r"\b(ignore|respect)\s+nulls\b": "IGNORE NULLS, which is of 2022",
    r"\bcreate\s+or\s+replace\b": "CREATE OR REPLACE",
    r"\(\s*('[^']*'|[\w.]+)\s*,\s*('[^']*'|[\w.]+)\s*\)\s*(=|in\b)": "a row as a value",
}
_BANNED_IN_A_POOL = {
    r"(from|join|apply)\s*\(\s*values\b": "a table of VALUES",
    r"\bfor\s+(json|xml)\b": "FOR JSON",
    r"\b(translate|string_escape|greatest|least|datetrunc|generate_series)\s*\(": "a function that a pool has not",
    r"\bcreate\s+or\s+alter\b": "CREATE OR ALTER",
    r"@@rowcount\b": "@@ROWCOUNT",
    r"\bwith\s*\((?!distribution)[^()]*\btablockx\b": "a lock hint",
}
_OWN_OF_THE_ADAPTER = re.compile(
    r"(?i)\bsys\.|information_schema|\bsp_\w+|\boption\s*\(\s*label|@@trancount|\bdbt_internal_test\b|\btestview_"
)
_ORDERED = _words("row_number rank dense_rank lag lead")


@dataclass(frozen=True)
class Finding:
    """What is wrong with a statement."""

    problem: str
    at: str


def statements(batch: str) -> Iterator[str]:
    """The statements of a batch that dbt or we sent, without those that are the adapter's own."""
    text = re.sub(r"(?s)^(\s*/\*.*?\*/|\s*--[^\n]*\n)*", "", batch).strip().rstrip(";")
    for inner in re.findall(r"(?is)\bexec(?:ute)?\s*\(\s*'((?:[^']|'')*)'\s*\)", text):
        yield from statements(inner.replace("''", "'"))
    if (
        text
        and not re.match(r"(?i)(use|exec|if|declare|set|begin|commit|rollback|rename)\b", text)
        and not _OWN_OF_THE_ADAPTER.search(text)
    ):
        yield text


def lint(statement: str, *, pool: bool = False) -> list[Finding]:
    """Return what is wrong with a statement; `pool`: for a dedicated pool, else for SQL Server."""
    found: list[Finding] = []
    plain = _without_texts(statement)
    low = plain.lower()
    for pattern, problem in (_BANNED | _BANNED_IN_A_POOL if pool else _BANNED).items():
        found += [Finding(problem, plain[match.start() : match.end() + 40]) for match in re.finditer(pattern, low)]
    for match in re.finditer(r"(?<![\w.'@#\"])([a-z_]\w*)\s*\(", low):
        name = match[1]
        if name in FUNCTIONS or name in _NO_FUNCTIONS:
            continue
        before = low[max(0, match.start() - 300) : match.start()]
        named = re.search(r"(\bas|\binto|\btable|\bfrom|\bjoin|\bindex \w+ on|\bon|[.)\]\"])\s*$", before)
        begins_cte = re.search(r"(\bwith|,)\s*$", before) and re.match(r"[^()]*\)\s+as\s*\(", low[match.end() :])
        if not named and not begins_cte:
            found.append(Finding(f"the function {name}", plain[match.start() : match.start() + 60]))
    # Where a pool keeps a table is not all known to the parser.
    query = re.sub(
        r"(?i)\s*with\s*\(\s*distribution\s*=\s*[^,]*,\s*(?:heap|clustered columnstore index)\s*\)", "", statement
    )
    try:
        tree = parse_one(query, read="tsql")
    except Exception as error:
        return [*found, Finding("it cannot be parsed", str(error)[:200])]
    found += _of_the_tree(tree)
    if (number := tables_read(tree)) > MOST_TABLES:
        found.append(Finding(f"{number} tables read, as each CTE is run wherever it is named", plain[:80]))
    found += _of_a_table_that_stays(tree)
    return list(dict.fromkeys(found))


def _without_texts(sql: str) -> str:
    """The statement with its comments and texts blanked out."""

    def blank(match: re.Match[str]) -> str:
        text = match[0]
        if text.startswith(("--", "/*")):
            return " "
        return f'"{"q" * (len(text) - 2)}"' if text.startswith(('"', "[")) else "'s'"

    return re.sub(r"(?s)--[^\n]*|/\*.*?\*/|N?'(?:[^']|'')*'|\"[^\"]*\"|\[[^\]]*\]", blank, sql)


def _of_the_tree(tree: exp.Expression) -> Iterator[Finding]:
    body = tree.expression if isinstance(tree, (exp.Create, exp.Insert)) else tree
    named = isinstance(tree, exp.Create) or (isinstance(tree, exp.Select) and tree.args.get("into"))
    for node in tree.find_all(exp.With):
        if node.parent is not body:
            yield Finding("WITH inside of a CTE or subquery", node.sql("tsql")[:80])
        if isinstance(tree, exp.Insert):
            yield Finding("WITH behind INSERT", node.sql("tsql")[:80])
        for cte in node.expressions:
            if any(table.name == cte.alias and not table.db for table in cte.this.find_all(exp.Table)):
                yield Finding("a recursive CTE", cte.alias)
    for query in tree.find_all(exp.Select, exp.SetOperation):
        if query.args.get("order") and not query.args.get("limit") and (query is not body or named):
            yield Finding("ORDER BY in a view, CTE or subquery", query.args["order"].sql("tsql"))
    for select in tree.find_all(exp.Select):
        yield from _of_a_select(select, select is not body or bool(named))
    for subquery in tree.find_all(exp.Subquery):
        if isinstance(subquery.parent, (exp.From, exp.Join)) and not subquery.alias:
            yield Finding("a derived table without a name", subquery.sql("tsql")[:80])
    for window in tree.find_all(exp.Window):
        function = window.this
        name = (function.sql_name() if isinstance(function, exp.Func) else "").lower()
        if name in _ORDERED and not window.args.get("order"):
            yield Finding("a ranking without ORDER BY", window.sql("tsql")[:80])
        if window.find(exp.Distinct):
            yield Finding("DISTINCT in a window function", window.sql("tsql")[:80])
    for count in tree.find_all(exp.Count):
        if isinstance(count.this, exp.Distinct) and len(count.this.expressions) > 1:
            yield Finding("COUNT(DISTINCT) of several columns", count.sql("tsql")[:80])
    for call in tree.find_all(exp.AggFunc):
        if any(
            inner.find_ancestor(exp.Select) is call.find_ancestor(exp.Select)
            for inner in call.find_all(exp.AggFunc)
            if inner is not call
        ):
            yield Finding("an aggregate of an aggregate", call.sql("tsql")[:80])
        if call.find(exp.Subquery):
            yield Finding("an aggregate of a subquery", call.sql("tsql")[:80])


def _of_a_table_that_stays(tree: exp.Expression) -> Iterator[Finding]:
    """Columns of `create_empty_table` whose texts can only get longer: they would be as long as the longest literal of that day."""
    shape = next((each for each in tree.find_all(exp.Subquery) if each.alias == "shape"), None)
    if shape is None or not (isinstance(tree, exp.Create) or tree.args.get("into")):
        return
    outer = shape.find_ancestor(exp.Select)
    assert outer is not None
    columns = [column.name for column in outer.expressions if not column.is_star]
    for name in columns or shape.this.named_selects:
        if _is_of_literals(shape.this, name):
            yield Finding("a text column made of literals, which keeps their length and the database's collation", name)


def _is_of_literals(query: exp.Expression, name: str) -> bool:
    """Whether a column of a query is a text made of literals only."""
    if isinstance(query, exp.SetOperation):
        place = query.named_selects.index(name)
        return all(_is_of_literals(side, side.named_selects[place]) for side in (query.left, query.right))
    if isinstance(query, (exp.Subquery, exp.Paren)):
        return _is_of_literals(query.this, name)
    value = next((each.unalias() for each in query.expressions if each.alias_or_name == name), None)
    return value is not None and _is_literal(value, query)


def _is_literal(value: exp.Expression, query: exp.Expression) -> bool:
    while isinstance(value, exp.Paren):
        value = value.this
    if isinstance(value, exp.Case):
        values = [each.args["true"] for each in value.args["ifs"]] + [value.args.get("default")]
        values = [each for each in values if each is not None and not isinstance(each, exp.Null)]
        return bool(values) and all(_is_literal(each, query) for each in values)
    if isinstance(value, exp.Coalesce):
        return all(_is_literal(each, query) for each in (value.this, *value.expressions))
    if isinstance(value, exp.Column):
        for source in query.find_all(exp.Subquery):
            if source.alias == value.table and isinstance(source.parent, (exp.From, exp.Join)):
                return _is_of_literals(source.this, value.name)
    return isinstance(value, exp.National) or (isinstance(value, exp.Literal) and value.is_string)


def _of_a_select(select: exp.Select, needs_names: bool) -> Iterator[Finding]:
    parent = select.parent
    scalar = isinstance(parent, (exp.In, exp.Exists)) or (
        isinstance(parent, exp.Subquery) and not isinstance(parent.parent, (exp.From, exp.Join, exp.Union))
    )
    later = isinstance(parent, exp.SetOperation) and parent.expression is select
    names = []
    for column in select.expressions:
        if isinstance(column, (exp.Alias, exp.Column)) and not isinstance(column.this, exp.Star):
            names.append(column.alias_or_name.lower())
        elif needs_names and not scalar and not later and not column.is_star:
            yield Finding("a column without a name", column.sql("tsql")[:80])
        value = column.unalias()
        while isinstance(value, exp.Paren):
            value = value.this
        if isinstance(value, (exp.Predicate, exp.Connector, exp.Not)) and not isinstance(value, exp.SubqueryPredicate):
            yield Finding("a condition as a value", value.sql("tsql")[:80])
    if needs_names and not scalar and not later:
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Finding("two columns of one name", name)
    group = select.args.get("group")
    for term in group.expressions if group else []:
        if isinstance(term, exp.Literal):
            yield Finding("GROUP BY of a literal", term.sql("tsql"))
        if term.find(exp.Subquery):
            yield Finding("GROUP BY of a subquery", term.sql("tsql")[:80])
    for clause in (select.args.get("where"), select.args.get("having")):
        terms = [clause.this] if clause else []
        while terms:
            term = terms.pop()
            if isinstance(term, exp.Connector):
                terms += [term.left, term.right]
            elif isinstance(term, (exp.Paren, exp.Not)):
                terms.append(term.this)
            elif isinstance(term, (exp.Column, exp.Boolean)):
                yield Finding("a column as a condition", term.sql("tsql"))
