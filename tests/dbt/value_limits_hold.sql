-- A returned row means: a profile holds more identifiers of a type than any version of the rules ever allowed. Types whose limit ever slid
-- or was unlimited are left out.
-- depends_on: {{ ref('identity_resolution') }}
-- depends_on: {{ profiles_sync.rule_seed('identity_rules') }}
-- depends_on: {{ profiles_sync.rule_seed('blocked_values') }}
{%- set limits, loose = {}, [] %}
{%- for version in profiles_sync.settings_versions() %}
{%- for rule in version.settings.identity_rules %}
{%- if rule.value_limit is none or rule.limit_window != 'ever' %} {%- do loose.append(rule.external_id_type) %}
{%- else %} {%- do limits.update({rule.external_id_type: [rule.value_limit, limits.get(rule.external_id_type, 0)] | max}) %}
{%- endif %}
{%- endfor %}
{%- endfor %}
select canonical_segment_id, external_id_type, count(*) as identifiers
from {{ ref('external_id_mapping') }}
group by canonical_segment_id, external_id_type
having count(*) > case external_id_type
  {%- for type, limit in limits.items() if type not in loose %}
  when {{ profiles_sync.text_literal(type) }} then {{ limit }}
  {%- endfor %}
  when '' then 0
end
