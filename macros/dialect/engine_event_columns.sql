{#- Columns of `raw_events` that every event table of the engine has beside those of all engines, by name: their logical type. -#}
{% macro engine_event_columns() %}
  {{- return(adapter.dispatch('engine_event_columns', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__engine_event_columns() %}
  {{- return({}) -}}
{% endmacro %}

{#- Segment's tables have it there: queries and views written for them take the latest row of an id by it. -#}
{% macro bigquery__engine_event_columns() %}
  {{- return({'loaded_at': 'timestamp'}) -}}
{% endmacro %}
