{#- A moment, as text in UTC (2024-05-01 10:00:00.000000) or none, as a timestamp. -#}
{% macro timestamp_literal(moment) %}
  {{- return(adapter.dispatch('timestamp_literal', 'profiles_sync')(moment)) -}}
{% endmacro %}

{% macro default__timestamp_literal(moment) %}
  {{- return('cast(' ~ (profiles_sync.text_literal(moment) if moment else 'null') ~ ' as ' ~ profiles_sync.column_type('timestamp') ~ ')') -}}
{% endmacro %}
