{#- Subquery with the row of `profile_trait_changes` that held for each path of some profiles at the start of a slice. `owners` is a query of
    their `owner_no`. Every row there is newer than those before it, so the last one counts. -#}
{% macro trait_state(changes, slice, owners) %}
  (
    select aged.*
    from (
      select held.*, row_number() over (partition by held.owner_no, held.raw_path order by held.event_no desc) as age
      from {{ changes }} as held
      inner join (select distinct touched.owner_no from ({{ owners }}) as touched) as touched on touched.owner_no = held.owner_no
      where held.event_no <= {{ slice.after }}
    ) as aged
    where aged.age = 1
  )
{% endmacro %}
