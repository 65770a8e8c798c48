-- A returned row means: a canonical profile does not show the traits of its newest snapshot, or a merged one shows any.
{%- if execute %} {%- do profiles_sync.plan_for('lookups') %} {%- endif %}
{#- A snapshot may have room for fewer of its columns: it has more of them. #}
{%- set every = profiles_sync.registered_columns('profile_traits') %}
{%- set fitting = every[:profiles_sync.sure_columns(every)] | map(attribute='name') | list %}
{%- set columns = profiles_sync.profile_trait_columns() | selectattr('name', 'in', fitting) | list %}
select traits.canonical_segment_id
from {{ ref('profile_traits') }} as traits
left join (
  -- Joined by its `seq`: a number of its own beside the columns could have the name of a trait.
  select snapshots.*
  from {{ ref('profile_traits_updates') }} as snapshots
  inner join (
    select segment_id, max(seq) as seq from {{ ref('profile_traits_updates') }} group by segment_id
  ) as latest on latest.segment_id = snapshots.segment_id and latest.seq = snapshots.seq
) as newest on newest.segment_id = traits.canonical_segment_id and traits.merged_to is null
where {{ profiles_sync.are_complete(['profile_traits', 'profile_traits_updates']) }} and (
  (traits.seq <> newest.seq or (traits.seq is null and newest.seq is not null) or (traits.seq is not null and newest.seq is null))
{%- for column in columns %}
  {%- set left, right = 'traits.' ~ profiles_sync.quote_column(column.name), 'newest.' ~ profiles_sync.quote_column(column.name) %}
  or {{ left }} <> {{ right }} or ({{ left }} is null and {{ right }} is not null) or ({{ left }} is not null and {{ right }} is null)
{%- endfor %}
)
