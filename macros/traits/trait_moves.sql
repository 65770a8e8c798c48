{#- Subquery with the profiles that a merge of this slice moves to another one: `event_no`, `profile_no`, `canonical_no`. Profiles that the
    loser had absorbed before are rows of their own. -#}
{% macro trait_moves(slice) %}
  (
    select event_no, profile_no, canonical_no
    from {{ profiles_sync.contract_relation('identity_graph_log') }}
    where event_no > {{ slice.after }} and event_no <= {{ slice.upto }} and profile_no <> canonical_no
  )
{% endmacro %}
