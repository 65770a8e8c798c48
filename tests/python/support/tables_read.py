"""How much of a statement an engine runs that puts a common table expression in wherever it is named."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

MOST_TABLES = 100
"""Far above this a planner gives up, or plans for hours."""


def tables_read(tree: exp.Expression) -> int:
    """How many tables a statement reads, its common table expressions put in."""
    costs: dict[str, int] = {}

    def cost(part: exp.Expression, leave_out: Sequence[exp.Expression]) -> int:
        return sum(
            1 if table.db else costs.get(table.name.lower(), 1)
            for table in part.find_all(exp.Table)
            # What opens a document is written as a table too.
            if isinstance(table.this, exp.Identifier) and table.find_ancestor(exp.With) not in leave_out
        )

    clauses = list(tree.find_all(exp.With))
    for clause in clauses:
        for cte in clause.expressions:
            costs[cte.alias.lower()] = cost(cte.this, ())
    return cost(tree, clauses)
