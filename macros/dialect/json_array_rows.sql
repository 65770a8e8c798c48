{#- Subquery with a row for each item of the arrays that `array_column` holds as JSON text: `key_column`, `item_no` (from 1), `item` (JSON).
    `condition` chooses the rows of the relation. -#}
{% macro json_array_rows(relation, key_column, array_column, condition) %}
  {{- return(adapter.dispatch('json_array_rows', 'profiles_sync')(relation, key_column, array_column, condition)) -}}
{% endmacro %}

{% macro duckdb__json_array_rows(relation, key_column, array_column, condition) %}
  {{- return(
    "(select " ~ key_column ~ ", unnest(range(1, len(items) + 1)) as item_no, unnest(items) as item from (select " ~ key_column
    ~ ", json_extract(" ~ array_column ~ ", '$[*]') as items from " ~ relation ~ " where " ~ condition ~ ") as arrays)"
  ) -}}
{% endmacro %}

{% macro postgres__json_array_rows(relation, key_column, array_column, condition) %}
  {{- return(
    "(select arrays." ~ key_column ~ ", items.item_no, items.item from (select " ~ key_column ~ ", cast(" ~ array_column
    ~ " as jsonb) as list from " ~ relation ~ " where " ~ condition ~ ") as arrays"
    ~ " cross join lateral jsonb_array_elements(arrays.list) with ordinality as items (item, item_no))"
  ) -}}
{% endmacro %}

{% macro bigquery__json_array_rows(relation, key_column, array_column, condition) %}
  {{- return(
    '(select arrays.' ~ key_column ~ ', place + 1 as item_no, item from (select ' ~ key_column ~ ', ' ~ array_column ~ ' as list from ' ~ relation
    ~ ' where ' ~ condition ~ ') as arrays cross join unnest(json_query_array(arrays.list)) as item with offset as place)'
  ) -}}
{% endmacro %}

{% macro snowflake__json_array_rows(relation, key_column, array_column, condition) %}
  {{- return(
    "(select arrays." ~ key_column ~ ", items.index + 1 as item_no, items.value as item from (select " ~ key_column ~ ", parse_json("
    ~ array_column ~ ") as list from " ~ relation ~ " where " ~ condition ~ ") as arrays, lateral flatten(input => arrays.list, mode => 'ARRAY') as items)"
  ) -}}
{% endmacro %}

{#- A blank, which is no JSON, must not come to `openjson`: conditions are not always checked first. -#}
{% macro sqlserver__json_array_rows(relation, key_column, array_column, condition) %}
  {{- return(
    '(select arrays.' ~ key_column ~ ', cast(items.[key] as int) + 1 as item_no, ' ~ profiles_sync.openjson_text('items') ~ ' as item from (select '
    ~ key_column ~ ", nullif(" ~ array_column ~ ", '') as list from " ~ relation ~ ' where ' ~ condition
    ~ ') as arrays cross apply openjson(arrays.list) as items)'
  ) -}}
{% endmacro %}

{% macro synapse__json_array_rows(relation, key_column, array_column, condition) %}
  {{- return(profiles_sync.sqlserver__json_array_rows(relation, key_column, array_column, condition)) -}}
{% endmacro %}

{#- PartiQL: an array in FROM gives its items. -#}
{% macro redshift__json_array_rows(relation, key_column, array_column, condition) %}
  {{- return(
    '(select arrays.' ~ key_column ~ ', place + 1 as item_no, item from (select ' ~ key_column ~ ', json_parse(' ~ array_column ~ ') as list from '
    ~ relation ~ ' where ' ~ condition ~ ') as arrays, arrays.list as item at place)'
  ) -}}
{% endmacro %}
