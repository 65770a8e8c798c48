{#- The events that the model being built has not processed: after its own watermark, up to identity's. Read once, when the model is
    rendered, and carried to the materialization in the statement's first comment (`slice_header`), so that the rows written and the
    watermark moved cannot differ. Returns
    `after`, `upto`: event numbers, after < event_no <= upto; `known`: the table has a watermark;
    `off`: the table is switched off, and nothing is to be done; `gaps`: periods of event numbers whose events it does not get;
    `received_from`: no event that was received before has a row (none: no limit); `filled_from`: the same, of the rows that are there;
    `fills`: older events are to be added, since the limit went back; `partial`: rows and events of the slice differ for such reasons.

    A table with no news for weeks need not look through the weeks: `after` is raised to just below the first event that landed for it
    since (`landed_tables`), when `landed_as` names it there: an event table, which alone has a limit. A table made of another incremental
    table names that one in `made_of`: it does not go further than that one has come. -#}
{% macro event_slice(landed_as=none, made_of=none) %}
  {%- set slice = {
    'after': 0, 'upto': 0, 'known': false, 'off': false, 'gaps': [], 'received_from': none, 'filled_from': none, 'fills': false,
    'partial': false,
  } -%}
  {#- Outside of `execute`, for dbt to see the dependency when it parses. -#}
  {%- set resolution = ref('profiles_sync', 'identity_resolution') -%}
  {%- if execute -%}
    {%- set table = profiles_sync.table_name(this) -%}
    {%- set name = profiles_sync.text_literal(table) -%}
    {%- set states = profiles_sync.contract_relation('table_state') -%}
    {%- set limits = profiles_sync.contract_relation('backfill_boundaries') -%}
    {%- set found = run_query(
      'select (select max(state.last_event_no) from ' ~ states ~ ' as state where state.table_name = ' ~ name ~ ') as after_no, '
      ~ (
        '(select max(state.last_event_no) from ' ~ states ~ ' as state where state.table_name = ' ~ profiles_sync.text_literal(made_of) ~ ')'
        if made_of else '(select max(done.to_event_no) from ' ~ resolution ~ ' as done)'
      ) ~ ' as upto_no, (select min(state.received_from) from ' ~ states ~ ' as state where state.table_name = ' ~ name ~ ') as filled_from, '
      ~ '(select min(wanted.received_from) from ' ~ limits ~ " as wanted where wanted.table_name in ('', " ~ name ~ ')) as received_from'
    ).rows[0] -%}
    {%- do slice.update({'known': found[0] is not none, 'after': (found[0] or 0) | int, 'upto': (found[1] or 0) | int}) -%}
    {%- if landed_as -%}
      {%- do slice.update({
        'received_from': found[3] | string if found[3] is not none else none,
        'filled_from': found[2] | string if found[2] is not none else none,
        'fills': found[2] is not none and found[3] is not none and found[3] < found[2],
      }) -%}
    {%- endif -%}
    {%- if landed_as and slice.upto > slice.after -%}
      {%- set first = run_query(
        'select min(landed.first_event_no) from ' ~ profiles_sync.contract_relation('landed_tables') ~ ' as landed where landed.table_name = '
        ~ profiles_sync.text_literal(landed_as) ~ ' and landed.last_event_no > ' ~ slice.after
      ).rows[0][0] -%}
      {%- do slice.update({'after': [slice.after, (first | int) - 1 if first is not none else slice.upto] | max}) -%}
    {%- endif -%}
    {%- if this.schema == profiles_sync.space_schema() -%}
      {%- set gaps = profiles_sync.periods_off(table) -%}
      {#- A table of the present state has no gaps: it stands still while it is off, and then catches up. -#}
      {%- if model.config.materialized == 'current_state' -%}
        {%- do slice.update({'off': gaps | length > 0 and gaps[-1].last is none}) -%}
      {%- else -%}
        {%- do slice.update({'gaps': gaps}) -%}
        {%- for gap in gaps if gap.last is none and gap.first <= slice.after + 1 -%}
          {%- do slice.update({'off': true}) -%}
        {%- endfor -%}
      {%- endif -%}
      {%- if slice.off -%} {%- do slice.update({'upto': slice.after, 'fills': false}) -%} {%- endif -%}
      {%- for gap in slice.gaps if gap.first <= slice.upto and (gap.last is none or gap.last > slice.after) -%}
        {%- do slice.update({'partial': true}) -%}
      {%- endfor -%}
    {%- endif -%}
    {%- if slice.fills -%} {%- do slice.update({'partial': true}) -%} {%- endif -%}
  {%- endif -%}
  {{- return(slice) -}}
{% endmacro %}

{#- Condition: an event of the slice that the table gets. `events` is an alias with `event_no`, and with `received_at` for an event table. -#}
{% macro in_slice(slice, events) %}
  {%- set number, received = events ~ '.event_no', events ~ '.received_at' -%}
  {%- set fresh = number ~ ' > ' ~ slice.after ~ ' and ' ~ number ~ ' <= ' ~ slice.upto -%}
  {%- if slice.received_from -%}
    {%- set since = ' and ' ~ received ~ ' >= ' ~ profiles_sync.timestamp_literal(slice.received_from) -%}
    {%- set fresh = fresh ~ since -%}
    {%- if slice.fills -%}
      {%- set older = number ~ ' <= ' ~ slice.after ~ since ~ ' and ' ~ received ~ ' < ' ~ profiles_sync.timestamp_literal(slice.filled_from) -%}
      {%- set fresh = '((' ~ fresh ~ ') or (' ~ older ~ '))' -%}
    {%- endif -%}
  {%- endif -%}
  {{- return(fresh ~ profiles_sync.outside_of(slice.gaps, number)) -}}
{% endmacro %}

{#- Further conditions: an event number lies in none of some periods. -#}
{% macro outside_of(periods, number) %}
  {%- set conditions = [] -%}
  {%- for period in periods -%}
    {%- do conditions.append(
      ' and ' ~ (number ~ ' < ' ~ period.first if period.last is none else '(' ~ number ~ ' < ' ~ period.first ~ ' or ' ~ number ~ ' > ' ~ period.last ~ ')')
    ) -%}
  {%- endfor -%}
  {{- return(conditions | join('')) -}}
{% endmacro %}

{#- Condition: an event table has the row of an event by now. `events` is an alias with `event_no` and `received_at`. -#}
{% macro is_due(table, events) %}
  {%- set state = profiles_sync.contract_relation('table_state') -%}
  {%- set own = ' from ' ~ state ~ ' as state where state.table_name = ' ~ profiles_sync.text_literal(table) ~ ')' -%}
  {{- return(
    events ~ '.event_no <= (select max(state.last_event_no)' ~ own ~ ' and ' ~ events ~ '.received_at >= coalesce((select min(state.received_from)'
    ~ own ~ ', ' ~ profiles_sync.timestamp_literal('1970-01-01 00:00:00') ~ ')'
    ~ profiles_sync.outside_of(profiles_sync.periods_off(table), events ~ '.event_no')
  ) -}}
{% endmacro %}

{#- First line of an incremental model's statement: the slice; the columns that the table may lack (name -> logical type); and the names of
    all columns of the statement where the table may have more of them (none: the same). -#}
{% macro slice_header(slice, columns={}, names=none) %}
  {{- return('/* profiles_sync ' ~ tojson({'slice': slice, 'columns': columns, 'names': names}) ~ ' */') -}}
{% endmacro %}

{#- The header of a rendered statement as a mapping. -#}
{% macro read_slice_header(statement) %}
  {%- set found = modules.re.search('/\\* profiles_sync (.*?) \\*/', statement) -%}
  {%- if not found -%}
    {{ exceptions.raise_compiler_error(model.name ~ ' must begin with profiles_sync.slice_header(slice)') }}
  {%- endif -%}
  {{- return(fromjson(found.group(1))) -}}
{% endmacro %}

{#- Whether a slice leaves something to do. -#}
{% macro has_work(slice) %}
  {{- return(slice.upto > slice.after or slice.fills) -}}
{% endmacro %}
