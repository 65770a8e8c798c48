-- A returned row means: id_graph disagrees with the newest row of its ledger, or lacks it.
select newest.segment_id
from (
  select segment_id, canonical_segment_id, seq, row_number() over (partition by segment_id order by seq desc) as age
  from {{ ref('id_graph_updates') }}
) as newest
left join {{ ref('id_graph') }} as graph
  on graph.segment_id = newest.segment_id
  and graph.canonical_segment_id = newest.canonical_segment_id
  and graph.seq = newest.seq
where newest.age = 1 and graph.segment_id is null and {{ profiles_sync.are_complete(['id_graph_updates', 'id_graph']) }}
