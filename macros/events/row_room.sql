{#- Where a row has a size, not every row of a table with many columns fits. Of each row the first columns by name that fit are kept; the
    values of the others are in `_overflow`, those of traits in user_traits. What is kept depends on the call alone, so a rebuild gives the same. -#}

{#- How many of the first columns fit into any row. Each takes 8 bytes, a text up to 24. -#}
{% macro sure_columns(columns) %}
  {%- set budget = profiles_sync.row_budget() -%}
  {%- if budget is none -%} {{- return(columns | length) -}} {%- endif -%}
  {%- set sure = namespace(size=0, columns=0) -%}
  {%- for column in columns -%}
    {%- set sure.size = sure.size + (24 if profiles_sync.is_text_column(column) else 8) -%}
    {%- if sure.size <= budget -%} {%- set sure.columns = loop.index -%} {%- endif -%}
  {%- endfor -%}
  {{- return(sure.columns) -}}
{% endmacro %}

{% macro is_text_column(column) %}
  {{- return(column.type in ('varchar', 'id')) -}}
{% endmacro %}

{#- A subquery whose `value_<n>` are the columns' JSON values, with `fitting` where not all columns are `sure` to fit: how many of the first do. -#}
{% macro with_fitting(relation, columns, sure) %}
  {%- if sure == columns | length -%} {{- return(relation) -}} {%- endif -%}
  (
    select
      wide.*,
      (
        select count(*)
        from (
          select sum(sizes.size) over (order by sizes.place) as total
          from (values
            {%- for column in columns %}
            {%- set value = profiles_sync.null_within(column.gaps, 'wide.event_no', 'wide.value_' ~ loop.index0) %}
            ({{ loop.index }}, case when {{ profiles_sync.is_value(value, column.nested) }} then {{
              'least(24, (octet_length(cast(' ~ value ~ ' as ' ~ profiles_sync.column_type('text') ~ ')) + 8) / 8 * 8)'
              if profiles_sync.is_text_column(column) else 8
            }} else 0 end){{ ',' if not loop.last }}
            {%- endfor %}
          ) as sizes (place, size)
        ) as sums
        where sums.total <= {{ profiles_sync.row_budget() }}
      ) as fitting
    from {{ relation }} as wide
    {{ profiles_sync.evaluate_once() }}
  )
{% endmacro %}

{#- The expression of column number `place` (from 1), NULL in rows without room for it. `wide` is an alias of `with_fitting`. -#}
{% macro if_fitting(place, sure, wide, expression) %}
  {{- return(expression if place <= sure else 'case when ' ~ wide ~ '.fitting >= ' ~ place ~ ' then ' ~ expression ~ ' end') -}}
{% endmacro %}
