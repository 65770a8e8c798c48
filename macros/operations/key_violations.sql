{#- Rows for a test: `subject` and how many rows of a table break it. Each of `unique` is a key by itself; `filled` are never null. -#}
{% macro key_violations(name, unique, filled) %}
  {%- for column in unique %}
select '{{ name }}.{{ column }} comes twice' as subject, count(*) as n
from {{ ref(name) }}
group by {{ profiles_sync.quote_column(column) }}
having count(*) > 1
union all
  {%- endfor %}
select '{{ name }} lacks a value' as subject, count(*) as n
from {{ ref(name) }}
where
  {%- for column in unique + filled %}
  {{ profiles_sync.quote_column(column) }} is null {{- ' or' if not loop.last }}
  {%- endfor %}
having count(*) > 0
{% endmacro %}
