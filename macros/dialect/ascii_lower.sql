{#- A to Z in lower case, and nothing else: engines do not agree on the rest. -#}
{% macro ascii_lower(expression) %}
  {{- return(adapter.dispatch('ascii_lower', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__ascii_lower(expression) %}
  {{- return("translate(" ~ expression ~ ", 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')") -}}
{% endmacro %}

{#- Letter by letter, by its bytes: a collation that ignores accents would lose them, and a pool has no `translate`. -#}
{% macro sqlserver__ascii_lower(expression) %}
  {%- set out = namespace(sql=profiles_sync.bytewise(expression)) -%}
  {%- for letter in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' -%}
    {%- set out.sql = 'replace(' ~ out.sql ~ ", '" ~ letter ~ "', '" ~ letter | lower ~ "')" -%}
  {%- endfor -%}
  {{- return(out.sql) -}}
{% endmacro %}

{% macro synapse__ascii_lower(expression) %}
  {{- return(profiles_sync.sqlserver__ascii_lower(expression)) -}}
{% endmacro %}
