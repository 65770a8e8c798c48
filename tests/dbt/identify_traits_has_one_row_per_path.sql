-- A returned row means: an event has two rows for one path.
select event_no, raw_path
from {{ ref('identify_traits') }}
group by event_no, raw_path
having count(*) > 1
