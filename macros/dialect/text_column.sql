{#- A text made of literals only as a column of a table or a view: of any length, for engines give it that of the longest literal, and a table
    made of it keeps that. -#}
{% macro text_column(expression) %}
  {{- return(adapter.dispatch('text_column', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__text_column(expression) %}
  {{- return('cast(' ~ expression ~ ' as ' ~ profiles_sync.column_type('text') ~ ')') -}}
{% endmacro %}

{#- It would also have the database's own collation there, which does not compare with that of our columns. Not to be used within `bytewise` or
    a hash: what has a collation takes no second one. -#}
{% macro sqlserver__text_column(expression) %}
  {{- return(profiles_sync.utf8_text(expression)) -}}
{% endmacro %}

{% macro synapse__text_column(expression) %}
  {{- return(profiles_sync.sqlserver__text_column(expression)) -}}
{% endmacro %}
