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
    {%- set own = profiles_sync.table_state(table) -%}
    {%- do slice.update({
      'known': own.last_event_no is not none,
      'after': own.last_event_no or 0,
      'upto': (
        profiles_sync.table_state(made_of).last_event_no if made_of
        else profiles_sync.resolved_upto(resolution)
      ) | int,
    }) -%}
    {%- if landed_as -%}
      {%- set wanted = namespace(since=none) -%}
      {%- for name in ['', table] -%}
        {%- set since = profiles_sync.table_facts().get(name, {}).get('wanted_from') -%}
        {%- if since is not none and (wanted.since is none or since < wanted.since) -%} {%- set wanted.since = since -%} {%- endif -%}
      {%- endfor -%}
      {%- do slice.update({
        'received_from': wanted.since | string if wanted.since is not none else none,
        'filled_from': own.received_from | string if own.received_from is not none else none,
        'fills': own.received_from is not none and wanted.since is not none and wanted.since < own.received_from,
      }) -%}
    {%- endif -%}
    {%- if landed_as and slice.upto > slice.after -%}
      {%- set first = profiles_sync.table_facts().get(landed_as, {}).get('first_landed') -%}
      {%- do slice.update({'after': [slice.after, first - 1 if first is not none else slice.upto] | max}) -%}
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

{#- Greatest event number that identity has committed. Where this run resolves, `identity_resolution` left it in the run's memory. -#}
{% macro resolved_upto(resolution) %}
  {%- set memory = profiles_sync.run_memory() -%}
  {{- return(
    memory.resolved_upto if 'resolved_upto' in memory
    else profiles_sync.remembered_rows('select max(done.to_event_no) as upto_no from ' ~ resolution ~ ' as done')[0][0]
  ) -}}
{% endmacro %}

{#- Watermark of a table: `last_event_no`, `received_from`; both none where it has none. -#}
{% macro table_state(table) %}
  {{- return(profiles_sync.table_facts().get(table, {'last_event_no': none, 'received_from': none})) -}}
{% endmacro %}

{#- What is known of each table, by name; none where there is nothing:
    `last_event_no`, `received_from`: its watermark, and since when its events were received;
    `first_landed`: the first event number that landed for it after its watermark;
    `wanted_from`: since when its events are wanted. The name of the limit of all tables is blank. -#}
{% macro table_facts() %}
  {%- set memory = profiles_sync.run_memory() -%}
  {%- if 'table_facts' not in memory -%}
    {%- set state = profiles_sync.contract_relation('table_state') -%}
    {%- set no_number = 'cast(null as ' ~ profiles_sync.column_type('bigint') ~ ')' -%}
    {%- set no_moment = profiles_sync.timestamp_literal(none) -%}
    {%- set facts = {} -%}
    {%- for row in run_query(
      'select known.table_name, max(known.last_event_no) as last_event_no, min(known.received_from) as received_from,'
      ~ ' min(known.first_landed) as first_landed, min(known.wanted_from) as wanted_from from ('
      ~ 'select table_name, last_event_no, received_from, ' ~ no_number ~ ' as first_landed, ' ~ no_moment ~ ' as wanted_from from ' ~ state
      ~ ' union all select landed.table_name, ' ~ no_number ~ ' as last_event_no, ' ~ no_moment ~ ' as received_from,'
      ~ ' landed.first_event_no as first_landed, ' ~ no_moment ~ ' as wanted_from from '
      ~ profiles_sync.contract_relation('landed_tables') ~ ' as landed left join (select table_name, max(last_event_no) as last_event_no from '
      ~ state ~ ' group by table_name) as done on done.table_name = landed.table_name'
      ~ ' where landed.last_event_no > coalesce(done.last_event_no, 0)'
      ~ ' union all select table_name, ' ~ no_number ~ ' as last_event_no, ' ~ no_moment ~ ' as received_from, ' ~ no_number
      ~ ' as first_landed, received_from as wanted_from from ' ~ profiles_sync.contract_relation('backfill_boundaries')
      ~ ') as known group by known.table_name'
    ).rows -%}
      {%- do facts.update({row[0]: {
        'last_event_no': row[1] | int if row[1] is not none else none,
        'received_from': row[2],
        'first_landed': row[3] | int if row[3] is not none else none,
        'wanted_from': row[4],
      }}) -%}
    {%- endfor -%}
    {%- do memory.update({'table_facts': facts}) -%}
  {%- endif -%}
  {{- return(memory.table_facts) -}}
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
