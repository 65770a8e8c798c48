{#- A table with the columns that a query gives, without rows. `names` chooses columns (none: all); `key` and `indexes` as in `create_indexes`. -#}
{% macro create_empty_table(relation, query, key, indexes, names=none) %}
  {%- set key = [key] if key is string else key -%}
  {%- set columns = profiles_sync.column_list(names, 'shape') if names else 'shape.*' -%}
  {%- do adapter.dispatch('create_empty_table', 'profiles_sync')(relation, query, columns, profiles_sync.table_layout(key, indexes)) -%}
  {%- do profiles_sync.create_indexes(relation, key, indexes) -%}
{% endmacro %}

{% macro default__create_empty_table(relation, query, columns, layout) %}
  {%- do run_query('create table ' ~ relation ~ layout ~ ' as select ' ~ columns ~ ' from (' ~ query ~ ') as shape where 1 = 0') -%}
{% endmacro %}

{#- A query without rows is answered without the compute nodes, and what it does not cast becomes `varchar(1)`: so the types are spelled out. -#}
{% macro redshift__create_empty_table(relation, query, columns, layout) %}
  {%- set types = {
    'BIGINT': 'bigint', 'INTEGER': 'int', 'DATE': 'date', 'TIMESTAMP': 'timestamp', 'FLOAT': 'float', 'BOOLEAN': 'boolean', 'SUPER': 'json',
    'VARCHAR': 'text', 'TEXT': 'text', 'UNKNOWN': 'text',
  } -%}
  {%- set definitions = [] -%}
  {%- for column in adapter.get_column_schema_from_query('select ' ~ columns ~ ' from (' ~ query ~ ') as shape where 1 = 0') -%}
    {%- do definitions.append(profiles_sync.column_definition(column.name, types[column.dtype])) -%}
  {%- endfor -%}
  {%- do run_query('create table ' ~ relation ~ ' (' ~ definitions | join(', ') ~ ')' ~ layout) -%}
{% endmacro %}

{#- A column made of a constant would be NOT NULL; on the outer side of a join it is not. -#}
{% macro sqlserver__create_empty_table(relation, query, columns, layout) %}
  {%- do run_query(
    'select ' ~ columns ~ ' into ' ~ relation ~ ' from (select 1 as one) as seed left join (' ~ query ~ ') as shape on 1 = 0 where 1 = 0'
  ) -%}
{% endmacro %}

{#- The same as the pool writes it. -#}
{% macro synapse__create_empty_table(relation, query, columns, layout) %}
  {%- do run_query(
    'create table ' ~ relation ~ profiles_sync.pool_layout(['round_robin', 'heap']) ~ ' as select ' ~ columns
    ~ ' from (select 1 as one) as seed left join (' ~ query ~ ') as shape on 1 = 0 where 1 = 0'
  ) -%}
{% endmacro %}
