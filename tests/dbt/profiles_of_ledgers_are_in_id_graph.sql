-- A returned row means: a ledger names a profile that id_graph does not know.
select ledger.segment_id
from (
  select segment_id from {{ ref('id_graph_updates') }}
  union
  select canonical_segment_id as segment_id from {{ ref('id_graph_updates') }}
  union
  select segment_id from {{ ref('external_id_mapping_updates') }}
) as ledger
left join {{ ref('id_graph') }} as graph on graph.segment_id = ledger.segment_id
where graph.segment_id is null and {{ profiles_sync.are_complete(['id_graph']) }}
