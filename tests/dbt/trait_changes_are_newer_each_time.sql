-- A returned row means: a row of the ledger is not newer than the one before it, or two have one key.
select changes.owner_no, changes.raw_path, changes.event_no
from (
  select
    owner_no,
    raw_path,
    event_no,
    write_key,
    lag(write_key) over (partition by owner_no, raw_path order by event_no) as write_key_before,
    lag(event_no) over (partition by owner_no, raw_path order by event_no) as event_no_before
  from {{ ref('profile_trait_changes') }}
) as changes
where {{ profiles_sync.bytewise('changes.write_key') }} <= {{ profiles_sync.bytewise('changes.write_key_before') }}
  or changes.event_no = changes.event_no_before
