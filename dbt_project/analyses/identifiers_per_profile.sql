{#- Every customer with all of its identifiers. -#}
select
  ids.canonical_segment_id,
  {{ profiles_sync.text_list(profiles_sync.concat_text(['ids.external_id_value', "'('", 'ids.external_id_type', "')'"])) }} as associated_external_ids
from {{ ref('profiles_sync', 'external_id_mapping') }} as ids
group by ids.canonical_segment_id
order by ids.canonical_segment_id
