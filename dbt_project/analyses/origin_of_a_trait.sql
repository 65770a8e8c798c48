{#- Where the values of the trait `sample_trait` (email) came from, for the profile `sample_profile` and those merged into it: the newest
    value of each, and its source. -#}
{%- set trait = profiles_sync.quote_column(var('sample_trait', 'email')) %}
select
  seen.canonical_segment_id,
  seen.segment_id,
  seen.event_source_id,
  seen.trait
from (
  select
    ids.canonical_segment_id,
    calls.segment_id,
    calls.event_source_id,
    calls.{{ trait }} as trait,
    row_number() over (partition by calls.segment_id order by calls.{{ profiles_sync.quote_column('timestamp') }} desc, calls.id) as age
  from {{ ref('profiles_sync', 'identifies') }} as calls
  inner join {{ ref('profiles_sync', 'id_graph') }} as ids on ids.segment_id = calls.segment_id
  where ids.canonical_segment_id = {{ profiles_sync.text_literal(var('sample_profile', '')) }} and calls.{{ trait }} is not null
) as seen
where seen.age = 1
order by seen.segment_id
