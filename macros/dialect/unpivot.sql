{#- Subquery that turns columns into rows: for each row of `relation` (a query in brackets) and each of its columns in `labels` (column ->
    text) that is not NULL, the columns `carried`, `label` and `value`. -#}
{% macro unpivot(relation, carried, labels) %}
  {{- return(adapter.dispatch('unpivot', 'profiles_sync')(relation, carried, labels)) -}}
{% endmacro %}

{#- Lists, not a join: a row stays where it is. -#}
{% macro duckdb__unpivot(relation, carried, labels) %}
  {%- set texts = [] -%}
  {%- for label in labels.values() -%} {%- do texts.append(profiles_sync.text_literal(label)) -%} {%- endfor -%}
  (
    select {{ profiles_sync.column_list(carried, 'long') }}, long.label, long.value
    from (
      select
        {{ profiles_sync.column_list(carried, 'wide') }},
        unnest([{{ texts | join(', ') }}]) as label,
        unnest([{{ profiles_sync.column_list(labels.keys(), 'wide') }}]) as value
      from {{ relation }} as wide
    ) as long
    where long.value is not null
  )
{% endmacro %}

{% macro postgres__unpivot(relation, carried, labels) %}
  (
    select {{ profiles_sync.column_list(carried, 'wide') }}, long.label, long.value
    from {{ relation }} as wide
    cross join lateral (values
      {%- for column, label in labels.items() %}
      ({{ profiles_sync.text_literal(label) }}, wide.{{ profiles_sync.quote_column(column) }}){{ ',' if not loop.last }}
      {%- endfor %}
    ) as long (label, value)
    where long.value is not null
  )
{% endmacro %}

{% macro bigquery__unpivot(relation, carried, labels) %}
  (
    select {{ profiles_sync.column_list(carried, 'wide') }}, pairs.label, pairs.value
    from {{ relation }} as wide
    cross join unnest([
      {%- for column, label in labels.items() %}
      struct({{ profiles_sync.text_literal(label) }} as label, wide.{{ profiles_sync.quote_column(column) }} as value){{ ',' if not loop.last }}
      {%- endfor %}
    ]) as pairs
    where pairs.value is not null
  )
{% endmacro %}

{#- Its own UNPIVOT wants columns of one length and names for labels. -#}
{% macro snowflake__unpivot(relation, carried, labels) %}
  {{- return(profiles_sync.unpivot_by_number(relation, carried, labels)) -}}
{% endmacro %}

{#- A row for each column, numbered, by a join with the numbers; for engines that neither unnest a list of columns nor join laterally. -#}
{% macro unpivot_by_number(relation, carried, labels) %}
  {%- set texts = [] -%}
  {%- for label in labels.values() -%} {%- do texts.append('when ' ~ loop.index ~ ' then ' ~ profiles_sync.text_literal(label)) -%} {%- endfor -%}
  (
    select {{ profiles_sync.column_list(carried, 'long') }}, long.label, long.value
    from (
      select
        {{ profiles_sync.column_list(carried, 'wide') }},
        {{ profiles_sync.text_column('case places.place ' ~ texts | join(' ') ~ ' end') }} as label,
        case places.place
          {%- for column in labels.keys() %}
          when {{ loop.index }} then wide.{{ profiles_sync.quote_column(column) }}
          {%- endfor %}
        end as {{ profiles_sync.quote_column('value') }}
      from {{ relation }} as wide
      cross join (
        {%- for column in labels.keys() %}
        select {{ loop.index }} as place {{ 'union all' if not loop.last }}
        {%- endfor %}
      ) as places
    ) as long
    where long.value is not null
  )
{% endmacro %}

{#- `cross apply (values …)` is not to be had in a pool, and the two shall not differ without need. -#}
{% macro sqlserver__unpivot(relation, carried, labels) %}
  {{- return(profiles_sync.unpivot_by_number(relation, carried, labels)) -}}
{% endmacro %}

{% macro synapse__unpivot(relation, carried, labels) %}
  {{- return(profiles_sync.sqlserver__unpivot(relation, carried, labels)) -}}
{% endmacro %}

{#- No LATERAL there. -#}
{% macro redshift__unpivot(relation, carried, labels) %}
  {{- return(profiles_sync.unpivot_by_number(relation, carried, labels)) -}}
{% endmacro %}
