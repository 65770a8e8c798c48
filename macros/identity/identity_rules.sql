{#- The rules as rows: one per configured type. `priority_no` sorts the types, with the type itself for ties; `window_ms` is NULL for
    `ever`; `value_limit` is NULL for unlimited. A type without a row has the default limit and window. -#}
{% macro identity_rules(settings) %}
  {%- for rule in settings.identity_rules -%}
  {%- set window = profiles_sync.window_ms(rule.limit_window) %}
  select
    {{ profiles_sync.text_column(profiles_sync.text_literal(rule.external_id_type)) }} as external_id_type,
    cast({{ rule.priority if rule.priority is not none else profiles_sync.unranked_priority() }} as {{ profiles_sync.column_type('bigint') }}) as priority_no,
    cast({{ rule.value_limit if rule.value_limit is not none else 'null' }} as {{ profiles_sync.column_type('bigint') }}) as value_limit,
    cast({{ window if window is not none else 'null' }} as {{ profiles_sync.column_type('bigint') }}) as window_ms,
    {{ profiles_sync.text_column(profiles_sync.text_literal(rule.limit_window)) }} as limit_window
  {{ 'union all' if not loop.last }}
  {%- endfor %}
{% endmacro %}

{#- Types without an explicit priority come after all that have one, in byte order. -#}
{% macro unranked_priority() %}
  {{- return(1000000000) -}}
{% endmacro %}

{#- The limit, window and name of window of a type, given the alias of `identity_rules` left-joined to it. -#}
{% macro rule_limit(settings, alias) %}
  {{- return('case when ' ~ alias ~ '.external_id_type is null then ' ~ settings.default_limit ~ ' else ' ~ alias ~ '.value_limit end') -}}
{% endmacro %}

{#- Length of the sliding window in milliseconds; NULL where the limit holds for ever. -#}
{% macro rule_window_ms(settings, alias) %}
  {%- set default = profiles_sync.window_ms(settings.default_window) -%}
  {{- return(
    alias ~ '.window_ms' if default is none
    else 'case when ' ~ alias ~ '.external_id_type is null then ' ~ default ~ ' else ' ~ alias ~ '.window_ms end'
  ) -}}
{% endmacro %}

{#- Name of the window. -#}
{% macro rule_window(settings, alias) %}
  {{- return('coalesce(' ~ alias ~ '.limit_window, ' ~ profiles_sync.text_literal(settings.default_window) ~ ')') -}}
{% endmacro %}

{#- Whether any limit slides. Where none does, statements leave out all that has to do with dates. -#}
{% macro has_windows(settings) %}
  {%- set found = namespace(any=settings.default_window != 'ever') -%}
  {%- for rule in settings.identity_rules if rule.limit_window != 'ever' -%}
    {%- set found.any = true -%}
  {%- endfor -%}
  {{- return(found.any) -}}
{% endmacro %}

{#- Condition: a value is blocked for its type. -#}
{% macro is_blocked(settings, type, value) %}
  {%- set tests = [] -%}
  {%- for row in settings.blocked_values -%}
    {%- if row.kind == 'zeroes_and_dashes' -%}
      {%- set test = "replace(replace(" ~ value ~ ", '0', ''), '-', '') = ''" -%}
    {%- elif row.kind == 'pattern' -%}
      {%- set test = profiles_sync.full_match(value, row.value) -%}
    {%- else -%}
      {%- set test = profiles_sync.bytewise(value) ~ ' = ' ~ profiles_sync.text_literal(row.value) -%}
    {%- endif -%}
    {%- do tests.append(
      '(' ~ type ~ ' = ' ~ profiles_sync.text_literal(row.external_id_type) ~ ' and ' ~ test ~ ')' if row.external_id_type else '(' ~ test ~ ')'
    ) -%}
  {%- endfor -%}
  {{- return('(' ~ (tests | join(' or ') if tests else '1 = 0') ~ ')') -}}
{% endmacro %}
