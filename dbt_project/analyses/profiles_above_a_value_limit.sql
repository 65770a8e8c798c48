{#- Profiles with more than `sample_value_limit` values (5) of the identifier `sample_identifier` (email). -#}
select
  counted.canonical_segment_id,
  counted.external_id_values,
  counted.value_count
from (
  select
    ids.canonical_segment_id,
    count(*) as value_count,
    {{ profiles_sync.text_list('ids.external_id_value') }} as external_id_values
  from {{ ref('profiles_sync', 'external_id_mapping') }} as ids
  where ids.external_id_type = {{ profiles_sync.text_literal(var('sample_identifier', 'email')) }}
  group by ids.canonical_segment_id
) as counted
where counted.value_count > {{ var('sample_value_limit', 5) | int }}
order by counted.canonical_segment_id
