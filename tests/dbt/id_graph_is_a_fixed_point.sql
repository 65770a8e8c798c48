-- A returned row means: a profile belongs to one that has itself been merged away, or to none.
select graph.segment_id
from {{ ref('id_graph') }} as graph
left join {{ ref('id_graph') }} as canonical on canonical.segment_id = graph.canonical_segment_id
where canonical.segment_id is null or canonical.canonical_segment_id <> canonical.segment_id
