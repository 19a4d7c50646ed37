# METADATA
# title: The shape of a request
# description: |
#   What a request must say before any policy reads it (decision.rego describes the input). `well_formed` is what
#   every request pays for; `faults` names the fields that are missing or wrong once it has failed.
#
#   Every check here is positive: a field passes because it was seen to be right. (`not is_string(input.x)` would
#   hold for a wrong type, but not for a missing field.)
package gateway.request

import data.gateway.tables

well_formed if {
	portal(input.portal)
	text(input.subject)
	customer(input.portal, input.customer_id)
	known_roles(input.portal, input.roles)
	is_boolean(input.is_governor)
	is_boolean(input.trial.mode)
	nullable_number(input.trial.expires_at)
	text(input.method)
	text(input.route)
	text(input.resource)
	nullable_text(input.permission)
	nullable_action(input.action)
	is_boolean(input.closed_to_trials)
	nullable_text(input.agent_id)
	is_number(input.now)
	nullable_approval(input.approval)
}

# Sorted, because the compiled policy writes a set in no particular order.
faults := sort(fields - readable)

fields := {
	"portal",
	"subject",
	"customer_id",
	"roles",
	"is_governor",
	"trial.mode",
	"trial.expires_at",
	"method",
	"route",
	"resource",
	"permission",
	"action",
	"closed_to_trials",
	"agent_id",
	"now",
	"approval",
}

readable contains "portal" if portal(input.portal)

readable contains "subject" if text(input.subject)

readable contains "customer_id" if customer(input.portal, input.customer_id)

readable contains "roles" if known_roles(input.portal, input.roles)

readable contains "is_governor" if is_boolean(input.is_governor)

readable contains "trial.mode" if is_boolean(input.trial.mode)

readable contains "trial.expires_at" if nullable_number(input.trial.expires_at)

readable contains "method" if text(input.method)

readable contains "route" if text(input.route)

readable contains "resource" if text(input.resource)

readable contains "permission" if nullable_text(input.permission)

readable contains "action" if nullable_action(input.action)

readable contains "closed_to_trials" if is_boolean(input.closed_to_trials)

readable contains "agent_id" if nullable_text(input.agent_id)

readable contains "now" if is_number(input.now)

readable contains "approval" if nullable_approval(input.approval)

portal("CP")

portal("PP")

customer(_, id) if text(id)

# Staff may belong to no customer; a customer always is one.
customer("PP", null)

known_roles("CP", roles) if {
	is_array(roles)
	count(roles) > 0
	known := tables.customer_roles
	every role in roles {
		role in known
	}
}

known_roles("PP", roles) if {
	is_array(roles)
	count(roles) > 0
	levels := tables.staff_role_levels
	every role in roles {
		levels[role]
	}
}

text(value) if {
	is_string(value)
	value != ""
}

nullable_text(null)

nullable_text(value) if text(value)

nullable_number(null)

nullable_number(value) if is_number(value)

# An act that the table does not name could not be approved by anyone.
nullable_action(null)

nullable_action(action) if action in tables.approval_actions

nullable_approval(null)

nullable_approval(approval) if {
	text(approval.status)
	text(approval.action)
	text(approval.resource)
	nullable_text(approval.customer_id)
	is_number(approval.expires_at)
}
