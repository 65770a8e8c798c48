{#- Every customer with the ids of all profiles that are one with it. -#}
select
  ids.canonical_segment_id,
  {{ profiles_sync.text_list('ids.segment_id') }} as associated_segment_ids
from {{ ref('profiles_sync', 'id_graph') }} as ids
group by ids.canonical_segment_id
order by ids.canonical_segment_id
