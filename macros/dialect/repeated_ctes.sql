{#- For engines that run a common table expression again wherever it is named (BigQuery, SQL Server, a pool): of a query that begins with
    `with`, those that would be run often become work tables. Returns `tables`, their names and queries in order, and `sql`, the query
    that is left. Without it a chain of steps that each name the one before twice is run 2^steps times, which no planner takes. -#}
{% macro repeated_ctes(name, sql) %}
  {%- set parts = profiles_sync.split_ctes(sql) -%}
  {%- set costs, before, tables = {}, [], [] -%}
  {%- for cte in parts.ctes -%}
    {%- set later = parts.ctes[loop.index:] | map(attribute='sql') | join(' ') ~ parts.query -%}
    {%- set cost = profiles_sync.tables_read(cte.sql, costs) -%}
    {%- set repeated = (profiles_sync.times_named(cte.name, later) - 1) * cost -%}
    {%- set body = namespace(sql=cte.sql) -%}
    {%- if repeated >= 4 -%}
      {%- set table = name ~ '__' ~ cte.name -%}
      {%- do tables.append({'name': table, 'sql': profiles_sync.join_ctes(before, cte.sql)}) -%}
      {%- set body.sql = 'select * from ' ~ table -%}
    {%- endif -%}
    {%- do costs.update({cte.name: 1 if repeated >= 4 else cost}) -%}
    {%- do before.append({'name': cte.name, 'sql': body.sql}) -%}
  {%- endfor -%}
  {{- return({'tables': tables, 'sql': profiles_sync.join_ctes(before, parts.query)}) -}}
{% endmacro %}

{#- A query that may begin with `with`, taken apart: `ctes` (name and SQL of each) and `query`, what follows them. -#}
{% macro split_ctes(sql) %}
  {%- set state = namespace(depth=0, end=0, name='', begin=0, ended=false) -%}
  {%- set ctes = [] -%}
  {%- for token in modules.re.finditer(profiles_sync.text_pattern() ~ '|[()]', sql) if not state.ended -%}
    {%- if token.group(0) == '(' -%}
      {%- if state.depth == 0 -%}
        {%- set head = modules.re.match('(?i)\\s*' ~ (',' if ctes else 'with\\b') ~ '\\s*(\\w+)\\s+as\\s*$', sql[state.end:token.start()]) -%}
        {%- if head -%}
          {%- set state.name = head.group(1) -%}
          {%- set state.begin = token.end() -%}
        {%- else -%}
          {%- set state.ended = true -%}
        {%- endif -%}
      {%- endif -%}
      {%- set state.depth = state.depth + 1 -%}
    {%- elif token.group(0) == ')' -%}
      {%- set state.depth = state.depth - 1 -%}
      {%- if state.depth == 0 -%}
        {%- do ctes.append({'name': state.name, 'sql': sql[state.begin:token.start()]}) -%}
        {%- set state.end = token.end() -%}
      {%- endif -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return({'ctes': ctes, 'query': sql[state.end:]}) -}}
{% endmacro %}

{#- The reverse: those of the expressions that the query needs, and the query. -#}
{% macro join_ctes(ctes, query) %}
  {%- set needed, state = [], namespace(sql=query) -%}
  {%- for cte in ctes | reverse -%}
    {%- if profiles_sync.times_named(cte.name, state.sql) -%}
      {%- do needed.insert(0, cte.name ~ ' as (' ~ cte.sql ~ ')') -%}
      {%- set state.sql = state.sql ~ ' ' ~ cte.sql -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return(('with ' ~ needed | join(',\n') ~ '\n' if needed else '') ~ query) -}}
{% endmacro %}

{#- How often a query names a table or common table expression. -#}
{% macro times_named(name, sql) %}
  {{- return(modules.re.findall('(?i)\\b(?:from|join)\\s+' ~ name ~ '\\b(?!\\s*\\.)', sql) | length) -}}
{% endmacro %}

{#- How many tables a query reads, with every common table expression put in where it is named; `costs` has what each of those reads. -#}
{% macro tables_read(sql, costs) %}
  {%- set state = namespace(tables=modules.re.findall('(?i)\\b(?:from|join)\\s+[^\\s(]', sql) | length) -%}
  {%- for name, cost in costs.items() -%}
    {%- set state.tables = state.tables + profiles_sync.times_named(name, sql) * (cost - 1) -%}
  {%- endfor -%}
  {{- return(state.tables) -}}
{% endmacro %}

{#- Regular expression of a text literal. -#}
{% macro text_pattern() %}
  {{- return(adapter.dispatch('text_pattern', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__text_pattern() %}
  {{- return("'(?:[^']|'')*'") -}}
{% endmacro %}

{#- A backslash escapes there. -#}
{% macro bigquery__text_pattern() %}
  {{- return("'(?:[^'\\\\]|\\\\.)*'") -}}
{% endmacro %}
