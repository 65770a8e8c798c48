-- A returned row means: an event is stamped with a profile that id_graph does not know.
{%- for table in profiles_sync.call_types() %}
select events.id
from {{ ref(table) }} as events
left join {{ ref('id_graph') }} as graph on graph.segment_id = events.segment_id
where events.segment_id is not null and graph.segment_id is null and {{ profiles_sync.are_complete(['id_graph']) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
