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
