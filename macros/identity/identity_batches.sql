{#- The batches of this run, mappings: `after` < number <= `upto`, the `version` of the settings, the `settings` (the newest for all with the
    variable `with_current_rules`, and after such a rebuild those of its time for all before it), and whether it `ends_with_actions`. The numbers
    above `after` up to `last` are cut where other `versions` come into force, and after each run of `actions` (numbers, ascending): what one
    takes away is gone for every event after it. -#}
{% macro identity_batches(versions, after, last, actions) %}
  {%- set batches = [] -%}
  {%- if var('with_current_rules', false) -%}
    {%- set versions = versions[-1:] -%}
  {%- endif -%}
  {%- set first = namespace(index=0) -%}
  {%- for version in versions -%}
    {%- if version.origin.endswith(':rebuild') -%} {%- set first.index = loop.index0 -%} {%- endif -%}
  {%- endfor -%}
  {%- set versions = versions[first.index:] -%}
  {%- set is_action, cuts = {}, [] -%}
  {%- for number in actions -%} {%- do is_action.update({number: true}) -%} {%- endfor -%}
  {%- for number in actions if number + 1 not in is_action -%} {%- do cuts.append(number) -%} {%- endfor -%}
  {%- set state = namespace(after=after) -%}
  {%- for version in versions -%}
    {%- set upto = last if loop.last else [last, loop.nextitem.from_event_no - 1] | min -%}
    {%- set ends = [] -%}
    {%- for cut in cuts if cut < upto -%} {%- do ends.append(cut) -%} {%- endfor -%}
    {%- for end in ends + [upto] if end > state.after -%}
      {%- do batches.append({
        'after': state.after, 'upto': end, 'version': version.version, 'settings': version.settings, 'ends_with_actions': end in is_action
      }) -%}
      {%- set state.after = end -%}
    {%- endfor -%}
  {%- endfor -%}
  {{- return(batches) -}}
{% endmacro %}
