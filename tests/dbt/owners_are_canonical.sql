-- A returned row means: a merge did not re-point an identifier or a profile.
select mapping.external_id_hash as id
from {{ ref('external_id_mapping') }} as mapping
inner join {{ ref('id_graph') }} as graph on graph.segment_id = mapping.canonical_segment_id
where graph.canonical_segment_id <> graph.segment_id and {{ profiles_sync.are_complete(['external_id_mapping', 'id_graph']) }}
union all
select merging.id
from {{ ref('profile_merges') }} as merging
inner join {{ ref('id_graph') }} as graph on graph.segment_id = merging.segment_id
where graph.canonical_segment_id <> merging.canonical_segment_id and {{ profiles_sync.are_complete(['profile_merges', 'id_graph']) }}
