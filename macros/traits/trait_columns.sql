{#- Columns of `profile_traits` that are traits, in the form of `registered_columns`: Segment's table has none whose name begins with `_`,
    which the other tables of traits have. -#}
{% macro profile_trait_columns() %}
  {%- set columns = [] -%}
  {%- for column in profiles_sync.registered_columns('profile_traits') if not column.name.startswith('_') -%}
    {%- do columns.append(column) -%}
  {%- endfor -%}
  {{- return(columns) -}}
{% endmacro %}

{#- Subquery with the paths that decide about each trait of a table of the registry: `column_name`, `raw_path`, `is_own` (0: a path above,
    where only null counts) and `place`, by which the first wins where one event has several: the path that is named like the column, then by bytes. -#}
{% macro trait_columns(table='profile_traits') %}
  {%- set registry = profiles_sync.contract_relation('column_registry') -%}
  {%- set named = profiles_sync.concat_text(["'[\"traits\",\"'", 'paths.column_name', "'\"]'"]) -%}
  {%- set name = profiles_sync.text_literal(table) -%}
  (
    select
      paths.column_name,
      paths.raw_path,
      paths.is_own,
      row_number() over (
        partition by paths.column_name
        order by case when paths.raw_path = {{ named }} then 0 else 1 end, {{ profiles_sync.bytewise('paths.raw_path') }}
      ) as place
    from (
      select every.column_name, every.raw_path, max(every.is_own) as is_own
      from (
        select own.column_name, own.raw_path, 1 as is_own
        from {{ registry }} as own
        where own.table_name = {{ name }} and own.status <> 'null'
        union all
        select below.column_name, above.raw_path, 0 as is_own
        from {{ registry }} as below
        inner join {{ registry }} as above
          on substring(below.raw_path, 1, {{ profiles_sync.text_length('above.raw_path') }})
            = {{ profiles_sync.concat_text(['substring(above.raw_path, 1, ' ~ profiles_sync.text_length('above.raw_path') ~ ' - 1)', "','"]) }}
        where below.table_name = {{ name }} and below.status <> 'null' and above.table_name = {{ name }}
      ) as every
      group by every.column_name, every.raw_path
    ) as paths
  )
{% endmacro %}
