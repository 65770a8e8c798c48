{#- A float as its shortest decimal text, a whole one without fraction: 100000, 19.99, 1e+28. -#}
{% macro number_text(expression) %}
  {{- return(adapter.dispatch('number_text', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__number_text(expression) %}
  {%- set float = 'cast(' ~ expression ~ ' as ' ~ profiles_sync.column_type('float') ~ ')' -%}
  {%- set text = profiles_sync.column_type('text') -%}
  {{- return(
    'case when abs(' ~ float ~ ') < 1e18 and floor(' ~ float ~ ') = ' ~ float
    ~ ' then cast(cast(' ~ float ~ ' as ' ~ profiles_sync.column_type('bigint') ~ ') as ' ~ text ~ ') else cast(' ~ float ~ ' as ' ~ text ~ ') end'
  ) -}}
{% endmacro %}

{#- Its cast prints 15 digits or 17, never 16. -#}
{% macro bigquery__number_text(expression) %}
  {%- set float = 'cast(' ~ expression ~ ' as float64)' -%}
  {%- set cases = [] -%}
  {%- for digits in [15, 16] -%}
    {%- set text = "format('%." ~ digits ~ "g', " ~ float ~ ')' -%}
    {%- do cases.append('when safe_cast(' ~ text ~ ' as float64) = ' ~ float ~ ' then ' ~ text) -%}
  {%- endfor -%}
  {{- return(
    'case when abs(' ~ float ~ ') < 1e18 and floor(' ~ float ~ ') = ' ~ float ~ ' then cast(cast(' ~ float ~ ' as int64) as string) '
    ~ cases | join(' ') ~ " else format('%.17g', " ~ float ~ ') end'
  ) -}}
{% endmacro %}

{#- Its cast prints six digits. -#}
{% macro sqlserver__number_text(expression) %}
  {%- set float = 'cast(' ~ expression ~ ' as float)' -%}
  {%- set cases = [] -%}
  {%- for digits in [15, 16] -%}
    {%- set text = 'format(' ~ float ~ ", 'G" ~ digits ~ "', 'en-us')" -%}
    {%- do cases.append('when try_cast(' ~ text ~ ' as float) = ' ~ float ~ ' then ' ~ text) -%}
  {%- endfor -%}
  {{- return(
    'lower(cast(case when abs(' ~ float ~ ') < 1e18 and floor(' ~ float ~ ') = ' ~ float ~ ' then cast(cast(' ~ float
    ~ ' as bigint) as nvarchar(30)) ' ~ cases | join(' ') ~ ' else format(' ~ float ~ ", 'G17', 'en-us') end as varchar(30)))"
  ) -}}
{% endmacro %}

{% macro synapse__number_text(expression) %}
  {{- return(profiles_sync.sqlserver__number_text(expression)) -}}
{% endmacro %}
