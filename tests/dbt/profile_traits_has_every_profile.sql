-- A returned row means: a profile is missing in profile_traits or has the wrong `merged_to`, or a row there is no profile.
select coalesce(graph.segment_id, traits.canonical_segment_id) as segment_id
from {{ ref('id_graph') }} as graph
full outer join {{ ref('profile_traits') }} as traits on traits.canonical_segment_id = graph.segment_id
where {{ profiles_sync.are_complete(['id_graph', 'profile_traits']) }} and (
  graph.segment_id is null
  or traits.canonical_segment_id is null
  or (graph.canonical_segment_id = graph.segment_id and traits.merged_to is not null)
  or (graph.canonical_segment_id <> graph.segment_id and (traits.merged_to is null or traits.merged_to <> graph.canonical_segment_id))
)
