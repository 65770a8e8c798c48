-- A returned row means: a trait that is a text column is in one of user_traits and profile_traits only, or with another value.
-- depends_on: {{ ref('profile_traits') }}
{%- if execute %} {%- do profiles_sync.plan_for('lookups') %} {%- endif %}
{#- Those for which a row may have no room are in user_traits only. #}
{%- set every = profiles_sync.profile_trait_columns() %}
{%- set columns = every[:profiles_sync.sure_columns(every)] | selectattr('type', 'equalto', 'varchar') | list %}
{%- for column in columns %}
  {%- set value = 'profiles.' ~ profiles_sync.quote_column(column.name) %}
select profiles.canonical_segment_id, {{ profiles_sync.text_literal(column.name) }} as name
from {{ ref('profile_traits') }} as profiles
full outer join (
  select canonical_segment_id, value from {{ ref('user_traits') }} where name = {{ profiles_sync.text_literal(column.name) }}
) as traits on traits.canonical_segment_id = profiles.canonical_segment_id
where {{ profiles_sync.are_complete(['profile_traits', 'user_traits']) }} and (
  (traits.value is null and {{ value }} is not null) or (traits.value is not null and {{ value }} is null)
  or (traits.value <> {{ value }} and traits.value not like '%Z')
)
{{ 'union all' if not loop.last }}
{%- else %}
select canonical_segment_id, name from {{ ref('user_traits') }} where 1 = 0
{%- endfor %}
