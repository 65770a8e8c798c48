{#- Selective sync: which tables and columns get events, by periods of event numbers. A period is a mapping of `first` and `last` event
    number; `last` is none for one that has not ended. A table or column that is off keeps what it has. -#}

{#- Periods in which a table was switched off. -#}
{% macro periods_off(table) %}
  {%- set selections = profiles_sync.setting_periods('selective_sync') -%}
  {%- set off = [] -%}
  {%- for period in selections if not profiles_sync.is_selected(period.value, table) -%}
    {%- do off.append(period) -%}
  {%- endfor -%}
  {{- return(profiles_sync.joined_periods(off)) -}}
{% endmacro %}

{#- Periods in which columns of a table were switched off: column -> periods. -#}
{% macro columns_off(table) %}
  {%- set columns = {} -%}
  {%- for period in profiles_sync.setting_periods('selective_sync') -%}
    {%- set entry = ((period.value or {}).get('tables') or {}).get(table, {}) -%}
    {%- if entry is mapping -%}
      {%- for column, selected in (entry.get('columns') or {}).items() if not selected -%}
        {%- do columns.update({column: columns.get(column, []) + [period]}) -%}
      {%- endfor -%}
    {%- endif -%}
  {%- endfor -%}
  {%- for column in columns -%}
    {%- do columns.update({column: profiles_sync.joined_periods(columns[column])}) -%}
  {%- endfor -%}
  {{- return(columns) -}}
{% endmacro %}

{#- Registered columns without those that are off for all events of a slice; each of the others with its periods off as `gaps`. -#}
{% macro selected_columns(table, columns, slice) %}
  {%- set off = profiles_sync.columns_off(table) -%}
  {%- set selected = [] -%}
  {%- for column in columns -%}
    {%- set gaps = off.get(column.name, []) -%}
    {%- set covering = [] -%}
    {%- for gap in gaps if gap.first <= (1 if slice.fills else slice.after + 1) and (gap.last is none or gap.last >= slice.upto) -%}
      {%- do covering.append(gap) -%}
    {%- endfor -%}
    {%- do column.update({'gaps': gaps}) -%}
    {%- if not covering -%} {%- do selected.append(column) -%} {%- endif -%}
  {%- endfor -%}
  {{- return(selected) -}}
{% endmacro %}

{#- An expression that is NULL in periods of event numbers. -#}
{% macro null_within(periods, number, expression) %}
  {{- return('case when 1 = 1' ~ profiles_sync.outside_of(periods, number) ~ ' then ' ~ expression ~ ' end' if periods else expression) -}}
{% endmacro %}

{#- Condition for a test that holds tables against one another: met, unless one of them lacks events. A table of the present state lacks some
    while it is switched off, any other one for ever once it was. -#}
{% macro are_complete(tables) %}
  {%- set lacking = [] -%}
  {%- for table in tables -%}
    {%- set off = profiles_sync.periods_off(table) -%}
    {%- if off and (table not in profiles_sync.changes_of() or off[-1].last is none) -%} {%- do lacking.append(table) -%} {%- endif -%}
  {%- endfor -%}
  {{- return('1 = 0' if lacking else '1 = 1') -}}
{% endmacro %}

{#- Table of the present state to the table of changes that it stands for. -#}
{% macro changes_of() %}
  {{- return({
    'id_graph': 'id_graph_updates', 'profile_merges': 'id_graph_updates', 'external_id_mapping': 'external_id_mapping_updates',
    'user_identifiers': 'external_id_mapping_updates', 'profile_traits': 'profile_traits_updates', 'user_traits': 'profile_traits_updates',
  }) -}}
{% endmacro %}

{#- Whether a selection has a table switched on. A table of the present state is off with the table of changes that it stands for. -#}
{% macro is_selected(selection, table) %}
  {%- set selection = selection or {} -%}
  {%- set changes = profiles_sync.changes_of() -%}
  {%- set entry = (selection.get('tables') or {}).get(table) -%}
  {%- set own = entry if entry is boolean else (entry or {}).get('enabled') -%}
  {%- set own = selection.get('default', true) if own is none else own -%}
  {{- return(own and (table not in changes or profiles_sync.is_selected(selection, changes[table]))) -}}
{% endmacro %}

{#- A setting's values over time: a list of `first`, `last`, `value`. -#}
{% macro setting_periods(name) %}
  {%- set periods = [] -%}
  {%- if execute -%}
    {%- for version in profiles_sync.settings_periods() -%}
      {%- do periods.append({'first': version.first, 'last': version.last, 'value': version.settings.get(name)}) -%}
    {%- endfor -%}
  {%- endif -%}
  {{- return(periods) -}}
{% endmacro %}

{#- The settings over time: a list of `first`, `last`, `settings`. -#}
{% macro settings_periods() %}
  {%- set memory = profiles_sync.run_memory() -%}
  {%- if 'settings' not in memory -%}
    {%- set versions = profiles_sync.recorded_settings() -%}
    {%- set periods = [] -%}
    {%- for version in versions -%}
      {%- set first = version[1] | int -%}
      {%- set last = (versions[loop.index][1] | int) - 1 if not loop.last else none -%}
      {#- Changed twice between two events, only the last change counts. -#}
      {%- if last is none or last >= first -%}
        {%- do periods.append({'first': first, 'last': last, 'settings': fromjson(version[2])}) -%}
      {%- endif -%}
    {%- endfor -%}
    {%- do memory.update({'settings': periods}) -%}
  {%- endif -%}
  {{- return(memory.settings) -}}
{% endmacro %}

{#- The same periods, those that follow one another as one. -#}
{% macro joined_periods(periods) %}
  {%- set joined = [] -%}
  {%- for period in periods -%}
    {%- if joined and joined[-1].last is not none and joined[-1].last + 1 >= period.first -%}
      {%- do joined[-1].update({'last': period.last}) -%}
    {%- else -%}
      {%- do joined.append({'first': period.first, 'last': period.last}) -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return(joined) -}}
{% endmacro %}
