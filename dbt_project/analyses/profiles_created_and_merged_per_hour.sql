{#- How many profiles are created and merged in each hour, by the kind of call that did it. -#}
select
  changes.hr,
  changes.profile_event,
  changes.triggering_event_type,
  count(distinct changes.triggering_event_id) as event_count
from (
  select
    {{ profiles_sync.start_of_hour('updates.' ~ profiles_sync.quote_column('timestamp')) }} as hr,
    case when updates.canonical_segment_id = updates.segment_id then 'profile creation' else 'profile merge' end as profile_event,
    updates.triggering_event_type,
    updates.triggering_event_id
  from {{ ref('profiles_sync', 'id_graph_updates') }} as updates
) as changes
group by changes.hr, changes.profile_event, changes.triggering_event_type
order by changes.hr, changes.profile_event, changes.triggering_event_type
