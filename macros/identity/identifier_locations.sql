{#- Where identifiers are read from, in the order that decides ties inside one type. Each is a mapping: `type`, `path` (keys of the payload)
    or `column` (of raw_events), and `condition` on the call (NULL: always). Arrays of `context.externalIds` come after all of them. -#}
{% macro identifier_locations(settings) %}
  {%- set rules = {} -%}
  {%- for rule in settings.identity_rules if rule.enabled and rule.external_id_type != 'group_id' -%}
    {%- do rules.update({rule.external_id_type: rule}) -%}
  {%- endfor -%}
  {%- set with_properties = "calls.type in ('track', 'page', 'screen')" -%}
  {%- set without_properties = "calls.type not in ('track', 'page', 'screen')" -%}
  {%- set found = [
    {'type': 'user_id', 'column': 'user_id'},
    {'type': 'anonymous_id', 'column': 'anonymous_id'},
    {'type': 'email', 'path': ['traits', 'email'], 'condition': "calls.type <> 'group'"},
  ] -%}
  {%- if settings.email_from_properties -%}
    {%- do found.append({'type': 'email', 'path': ['properties', 'email'], 'condition': with_properties}) -%}
  {%- endif -%}
  {%- do found.append({'type': 'email', 'path': ['context', 'traits', 'email']}) -%}
  {%- do found.append({'type': 'cross_domain_id', 'path': ['context', 'traits', 'crossDomainId']}) -%}
  {%- for platform in ['android', 'ios'] -%}
    {%- set on_platform = "calls.platform = '" ~ platform ~ "'" -%}
    {%- do found.append({'type': platform ~ '.id', 'path': ['context', 'device', 'id'], 'condition': on_platform}) -%}
    {%- do found.append({
      'type': platform ~ '.idfa', 'path': ['context', 'device', 'advertisingId'], 'condition': on_platform ~ ' and calls.ad_tracking = 1'
    }) -%}
    {%- do found.append({'type': platform ~ '.push_token', 'path': ['context', 'device', 'token'], 'condition': on_platform}) -%}
  {%- endfor -%}
  {%- do found.append({'type': 'ga_client_id', 'path': ['context', 'integrations', 'Google Analytics', 'clientId']}) -%}
  {%- do found.append({'type': 'braze_id', 'path': ['context', 'Braze', 'braze_id']}) -%}
  {%- set locations = [] -%}
  {%- for location in found if location.type in rules -%}
    {#- A type of these names that is declared custom is read as one. -#}
    {%- if not (rules[location.type].custom and location.type in ('cross_domain_id', 'braze_id')) -%}
      {%- do locations.append(location) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- for type, rule in rules.items() if rule.custom -%}
    {%- set keys = [type] -%}
    {%- set camel = profiles_sync.camel_case(type) -%}
    {%- if camel != type -%} {%- do keys.append(camel) -%} {%- endif -%}
    {%- set of_traits = without_properties ~ ('' if rule.from_group_traits else " and calls.type <> 'group'") -%}
    {%- for key in keys -%}
      {%- do locations.append({'type': type, 'path': ['traits', key], 'condition': of_traits}) -%}
    {%- endfor -%}
    {%- for key in keys -%}
      {%- do locations.append({'type': type, 'path': ['properties', key], 'condition': with_properties}) -%}
    {%- endfor -%}
    {%- for key in keys -%}
      {%- do locations.append({'type': type, 'path': ['context', 'traits', key]}) -%}
    {%- endfor -%}
  {%- endfor -%}
  {{- return(locations) -}}
{% endmacro %}

{#- `app_id` as `appId`. -#}
{% macro camel_case(name) %}
  {%- set parts = [] -%}
  {%- for part in name.split('_') -%}
    {%- do parts.append(part if loop.first else part[:1] | upper ~ part[1:]) -%}
  {%- endfor -%}
  {{- return(parts | join('')) -}}
{% endmacro %}

{#- Text of a JSON value as an identifier: a string as it is, an integer in decimal; everything else, and the empty string, is none. -#}
{% macro identifier_text(value) %}
  {{- return(
    "case " ~ profiles_sync.json_kind(value) ~ " when 'string' then " ~ profiles_sync.null_if_empty(profiles_sync.json_string(value)) ~ " when 'integer' then cast("
    ~ value ~ " as " ~ profiles_sync.column_type('text') ~ ") end"
  ) -}}
{% endmacro %}

{#- An identifier value as its type's rule wants it compared; blank afterwards is none. -#}
{% macro normalized_value(settings, type, value) %}
  {%- set out = namespace(value=value) -%}
  {%- for rule in settings.identity_rules if rule.external_id_type == type and rule.normalize -%}
    {%- for step in rule.normalize.split('|') -%}
      {%- set out.value = "trim(" ~ out.value ~ ")" if step == 'trim' else profiles_sync.ascii_lower(out.value) -%}
    {%- endfor -%}
    {%- set out.value = "nullif(" ~ out.value ~ ", '')" -%}
  {%- endfor -%}
  {{- return(out.value) -}}
{% endmacro %}
