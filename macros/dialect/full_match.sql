{#- Condition: the whole of a text matches an RE2 pattern. -#}
{% macro full_match(expression, pattern) %}
  {{- return(adapter.dispatch('full_match', 'profiles_sync')(expression, pattern)) -}}
{% endmacro %}

{% macro duckdb__full_match(expression, pattern) %}
  {{- return('regexp_full_match(' ~ expression ~ ', ' ~ profiles_sync.text_literal(pattern) ~ ')') -}}
{% endmacro %}

{#- (?p): a dot stops at a line end, as in RE2. Such letters are known at the very beginning only. -#}
{% macro postgres__full_match(expression, pattern) %}
  {%- set folded = pattern.startswith('(?i)') -%}
  {{- return(
    '(' ~ expression ~ ' ~ '
    ~ profiles_sync.text_literal(('(?pi)^(?:' ~ pattern[4:] if folded else '(?p)^(?:' ~ pattern) ~ ')$') ~ ')'
  ) -}}
{% endmacro %}

{% macro bigquery__full_match(expression, pattern) %}
  {{- return('regexp_contains(' ~ expression ~ ', ' ~ profiles_sync.text_literal('^(?:' ~ pattern ~ ')$') ~ ')') -}}
{% endmacro %}

{#- Its pattern matches the whole of a text. It is of POSIX, which has less than RE2; what is looked for stands outside of escapes and brackets. -#}
{% macro snowflake__full_match(expression, pattern) %}
  {%- set folded = pattern.startswith('(?i)') -%}
  {%- set posix = pattern[4:] if folded else pattern -%}
  {%- set bare = modules.re.sub('\\\\.|\\[\\^?\\]?(?:\\\\.|[^\\]\\\\])*\\]', '', posix) -%}
  {%- if '(?' in bare or modules.re.search('[*+?}][?]', bare) -%}
    {{ exceptions.raise_compiler_error(
      "The blocked pattern " ~ pattern ~ " cannot be used on Snowflake, which knows neither groups with `(?` nor lazy quantifiers: "
      ~ "write `(` for `(?:`, and `(?i)` at the very beginning only."
    ) }}
  {%- endif -%}
  {{- return('regexp_like(' ~ expression ~ ', ' ~ profiles_sync.text_literal(posix) ~ (", 'i')" if folded else ')')) -}}
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
  {%- set folded = pattern.startswith('(?i)') -%}
  {%- set anchored = '^(?:' ~ (pattern[4:] if folded else pattern) ~ ')$' -%}
  {{- return('(regexp_instr(' ~ expression ~ ', ' ~ profiles_sync.text_literal(anchored) ~ ", 1, 1, 0, '" ~ ('ip' if folded else 'p') ~ "') > 0)") -}}
{% endmacro %}
