{#- The JSON value that a text spells. -#}
{% macro json_of_text(text) %}
  {{- return(adapter.dispatch('json_of_text', 'profiles_sync')(text)) -}}
{% endmacro %}

{% macro default__json_of_text(text) %}
  {{- return('cast(' ~ text ~ ' as ' ~ profiles_sync.column_type('json') ~ ')') -}}
{% endmacro %}

{#- A cast there makes a JSON string of any text. -#}
{% macro snowflake__json_of_text(text) %}
  {{- return('parse_json(' ~ text ~ ')') -}}
{% endmacro %}

{#- The same there. -#}
{% macro redshift__json_of_text(text) %}
  {{- return('json_parse(' ~ text ~ ')') -}}
{% endmacro %}
