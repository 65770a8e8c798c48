{#- How a table that is being made is laid out, as the clause between its columns and its query. `key` and `indexes` as in `create_indexes`;
    `types` maps columns to logical types, where it is known; `partition` names the date column that rows come and go by. -#}
{% macro table_layout(key, indexes, types={}, partition=none) %}
  {%- set key = [key] if key is string else key -%}
  {{- return(adapter.dispatch('table_layout', 'profiles_sync')(key, indexes, types, partition)) -}}
{% endmacro %}

{% macro default__table_layout(key, indexes, types, partition) %}
  {{- return('') -}}
{% endmacro %}

{#- Partitions by day, of arrival where a table is looked up by that; clustered by what it is looked up by, else its key. Bytes cannot be
    clustered by, and four columns are the most. -#}
{% macro bigquery__table_layout(key, indexes, types, partition) %}
  {%- set clauses = [] -%}
  {%- set columns = [] -%}
  {%- if partition -%}
    {%- do clauses.append('partition by ' ~ profiles_sync.quote_column(partition)) -%}
  {%- elif ['received_at'] in (indexes or []) -%}
    {%- do clauses.append('partition by date(' ~ profiles_sync.quote_column('received_at') ~ ')') -%}
  {%- endif -%}
  {%- for index in (indexes or []) + [key or []] if index and index != ['received_at'] -%}
    {%- if types.get(index[0]) != 'key16' and index[0] not in columns -%} {%- do columns.append(index[0]) -%} {%- endif -%}
  {%- endfor -%}
  {%- if columns -%}
    {%- do clauses.append('cluster by ' ~ profiles_sync.column_list(columns[:4])) -%}
  {%- endif -%}
  {{- return(' ' ~ clauses | join(' ')) -}}
{% endmacro %}

{#- Spread over the pool by the first column of the key. A columnstore takes no `varchar(max)`: tables with long text are heaps. -#}
{% macro synapse__table_layout(key, indexes, types, partition) %}
  {%- set long = [] -%}
  {%- for type in types.values() if profiles_sync.column_type(type) == 'varchar(max)' -%} {%- do long.append(type) -%} {%- endfor -%}
  {%- set spread = key and profiles_sync.column_type(types.get(key[0], 'text')) != 'varchar(max)' -%}
  {{- return(profiles_sync.pool_layout([
    'hash(' ~ profiles_sync.quote_column(key[0]) ~ ')' if spread else 'round_robin',
    'clustered columnstore index' if types and spread and not long else 'heap',
  ])) -}}
{% endmacro %}

{#- The clause for a distribution and an index. -#}
{% macro pool_layout(parts) %}
  {{- return(' with (distribution = ' ~ parts | join(', ') ~ ')') -}}
{% endmacro %}

{#- Rows that are joined lie on one node: spread by the first column that a table is looked up by, else its key; without either, evenly. Sorted
    by arrival where it is looked up by that, else by its key; a small table's layout Redshift chooses itself. -#}
{% macro redshift__table_layout(key, indexes, types, partition) %}
  {%- set lookups = [] -%}
  {%- for index in (indexes or []) if index != ['received_at'] -%} {%- do lookups.append(index[0]) -%} {%- endfor -%}
  {%- set spread = (lookups + (key or []))[:1] -%}
  {%- set sorted = ['received_at'] if ['received_at'] in (indexes or []) else (key or []) -%}
  {%- set clauses = [] -%}
  {%- do clauses.append('diststyle key distkey (' ~ profiles_sync.column_list(spread) ~ ')' if spread else 'diststyle even') -%}
  {%- if sorted -%} {%- do clauses.append('compound sortkey (' ~ profiles_sync.column_list(sorted) ~ ')') -%} {%- endif -%}
  {{- return(' ' ~ clauses | join(' ')) -}}
{% endmacro %}
