{#- A text as an SQL literal. -#}
{% macro text_literal(value) %}
  {{- return(adapter.dispatch('text_literal', 'profiles_sync')(value)) -}}
{% endmacro %}

{% macro default__text_literal(value) %}
  {{- return("'" ~ (value | string | replace("'", "''")) ~ "'") -}}
{% endmacro %}

{#- In such a literal a backslash escapes, in others by a setting of the session. -#}
{% macro postgres__text_literal(value) %}
  {%- set literal = profiles_sync.default__text_literal(value) -%}
  {{- return('E' ~ literal | replace('\\', '\\\\') if '\\' in literal else literal) -}}
{% endmacro %}

{#- A backslash escapes there, and a line break must be escaped. -#}
{% macro bigquery__text_literal(value) %}
  {%- set text = value | string | replace('\\', '\\\\') | replace("'", "\\'") | replace('\n', '\\n') | replace('\r', '\\r') -%}
  {{- return("'" ~ text ~ "'") -}}
{% endmacro %}

{#- A backslash escapes there. -#}
{% macro snowflake__text_literal(value) %}
  {{- return(profiles_sync.default__text_literal(value | string | replace('\\', '\\\\'))) -}}
{% endmacro %}

{#- Without the N, characters outside the database's own code page would be lost. -#}
{% macro sqlserver__text_literal(value) %}
  {%- set literal = profiles_sync.default__text_literal(value) -%}
  {{- return(literal if modules.re.match('[\\x00-\\x7f]*$', literal) else profiles_sync.utf8_text('N' ~ literal)) -}}
{% endmacro %}

{% macro synapse__text_literal(value) %}
  {{- return(profiles_sync.sqlserver__text_literal(value)) -}}
{% endmacro %}

{#- A backslash escapes there. -#}
{% macro redshift__text_literal(value) %}
  {{- return(profiles_sync.default__text_literal(value | string | replace('\\', '\\\\'))) -}}
{% endmacro %}
