{#- Condition: the whole of a text matches an RE2 pattern. -#}
{% macro full_match(expression, pattern) %}
  {{- return(adapter.dispatch('full_match', 'profiles_sync')(expression, pattern)) -}}
{% endmacro %}

{% macro duckdb__full_match(expression, pattern) %}
  {{- return('regexp_full_match(' ~ expression ~ ', ' ~ profiles_sync.text_literal(pattern) ~ ')') -}}
{% endmacro %}

{#- (?p): a dot stops at a line end, as in RE2. -#}
{% macro postgres__full_match(expression, pattern) %}
  {{- return('(' ~ expression ~ ' ~ ' ~ profiles_sync.text_literal('(?p)^(?:' ~ pattern ~ ')$') ~ ')') -}}
{% endmacro %}

{% macro bigquery__full_match(expression, pattern) %}
  {{- return('regexp_contains(' ~ expression ~ ', ' ~ profiles_sync.text_literal('^(?:' ~ pattern ~ ')$') ~ ')') -}}
{% endmacro %}

{#- Its pattern matches the whole of a text. -#}
{% macro snowflake__full_match(expression, pattern) %}
  {{- return('regexp_like(' ~ expression ~ ', ' ~ profiles_sync.text_literal(pattern) ~ ')') -}}
{% endmacro %}

{#- It has no regular expressions. -#}
{% macro sqlserver__full_match(expression, pattern) %}
  {{ exceptions.raise_compiler_error(
    "Blocked values of the kind `pattern` (" ~ pattern ~ ") cannot be used on SQL Server and Synapse, which have no regular expressions: "
    ~ "list the values as `exact`."
  ) }}
{% endmacro %}

{% macro synapse__full_match(expression, pattern) %}
  {{- return(profiles_sync.sqlserver__full_match(expression, pattern)) -}}
{% endmacro %}

{#- With `p`, patterns are of the Perl kind. -#}
{% macro redshift__full_match(expression, pattern) %}
  {{- return('(regexp_instr(' ~ expression ~ ', ' ~ profiles_sync.text_literal('^(?:' ~ pattern ~ ')$') ~ ", 1, 1, 0, 'p') > 0)") -}}
{% endmacro %}
