{#- After a bulk write: the engine counts what these relations hold, where it would not do so in time by itself. -#}
{% macro refresh_statistics(relations) %}
  {{- return(adapter.dispatch('refresh_statistics', 'profiles_sync')(relations)) -}}
{% endmacro %}

{% macro default__refresh_statistics(relations) %}
{% endmacro %}

{#- A table that was filled a moment ago is taken for nearly empty, and joined row by row: minutes for what takes a second. -#}
{% macro postgres__refresh_statistics(relations) %}
  {%- for relation in relations -%}
    {%- do run_query('analyze ' ~ relation) -%}
  {%- endfor -%}
{% endmacro %}

{#- It counts by itself. -#}
{% macro redshift__refresh_statistics(relations) %}
{% endmacro %}
