{#- A JSON value as compact JSON text, no blanks between its tokens. -#}
{% macro json_compact(value) %}
  {{- return(adapter.dispatch('json_compact', 'profiles_sync')(value)) -}}
{% endmacro %}

{% macro duckdb__json_compact(value) %}
  {{- return('cast(' ~ value ~ ' as varchar)') -}}
{% endmacro %}

{#- jsonb prints a blank after each comma and colon; a string is matched whole, so blanks inside one stay. -#}
{% macro postgres__json_compact(value) %}
  {{- return("regexp_replace(cast(" ~ value ~ " as text), '(\"(?:[^\"\\\\]|\\\\.)*\")|\\s+', '\\1', 'g')") -}}
{% endmacro %}
