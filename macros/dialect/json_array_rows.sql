{#- Subquery with a row for each item of the JSON arrays in `array_column`: `key_column`, `item_no` (from 1), `item` (JSON). Values that
    are no array give no rows. -#}
{% macro json_array_rows(relation, key_column, array_column) %}
  {{- return(adapter.dispatch('json_array_rows', 'profiles_sync')(relation, key_column, array_column)) -}}
{% endmacro %}

{% macro duckdb__json_array_rows(relation, key_column, array_column) %}
  {{- return(
    "(select " ~ key_column ~ ", unnest(range(1, len(items) + 1)) as item_no, unnest(items) as item from (select " ~ key_column
    ~ ", json_extract(" ~ array_column ~ ", '$[*]') as items from " ~ relation ~ " where " ~ array_column ~ " is not null) as arrays)"
  ) -}}
{% endmacro %}

{% macro postgres__json_array_rows(relation, key_column, array_column) %}
  {{- return(
    "(select arrays." ~ key_column ~ ", items.item_no, items.item from (select " ~ key_column ~ ", " ~ array_column ~ " as list from "
    ~ relation ~ " where jsonb_typeof(" ~ array_column ~ ") = 'array') as arrays"
    ~ " cross join lateral jsonb_array_elements(arrays.list) with ordinality as items (item, item_no))"
  ) -}}
{% endmacro %}
