{#- Aggregate: the texts of a group in one, in byte order, with a comma between them. -#}
{% macro text_list(expression) %}
  {{- return(adapter.dispatch('text_list', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__text_list(expression) %}
  {{- return('string_agg(' ~ expression ~ ", ', ' order by " ~ profiles_sync.bytewise(expression) ~ ')') -}}
{% endmacro %}

{#- Its name and its order are written in another way there. -#}
{% macro snowflake__text_list(expression) %}
  {{- return('listagg(' ~ expression ~ ", ', ') within group (order by " ~ expression ~ ')') -}}
{% endmacro %}

{#- As on Snowflake. -#}
{% macro redshift__text_list(expression) %}
  {{- return(profiles_sync.snowflake__text_list(expression)) -}}
{% endmacro %}

{#- A list of texts without `max` would end at 8,000 bytes. -#}
{% macro sqlserver__text_list(expression) %}
  {{- return(
    'string_agg(cast(' ~ expression ~ " as varchar(max)), ', ') within group (order by " ~ profiles_sync.bytewise(expression) ~ ')'
  ) -}}
{% endmacro %}

{% macro synapse__text_list(expression) %}
  {{- return(profiles_sync.sqlserver__text_list(expression)) -}}
{% endmacro %}
