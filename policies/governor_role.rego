# METADATA
# title: What a Governor has to approve (SPEC 5)
# description: |
#   A sensitive act passes for a Governor, and for anybody else with an approval that counts (approval.rego),
#   which the gateway then has to consume.
package gateway.governor_role

import data.gateway.approval
import data.gateway.tables

decision := passed(false) if {
	input.action == null
} else := passed(false) if {
	input.action in tables.approval_actions
	input.is_governor == true
} else := passed(true) if {
	input.action in tables.approval_actions
	approval.usable_for(input.action, input.resource)
} else := {
	"allow": false,
	"reasons": [{
		"code": "approval-required",
		"action": action,
		"approval": approval_state,
	}],
	"obligations": {},
}

passed(consume) := {
	"allow": true,
	"reasons": [],
	"obligations": {"consume_approval": consume},
}

default action := null

action := input.action if is_string(input.action)

# Why the approval that was sent, if any, did not count.
default approval_state := "missing"

approval_state := "expired" if {
	approval.bound_to(input.action, input.resource)
	input.approval.status == "approved"
} else := "not-approved" if {
	approval.bound_to(input.action, input.resource)
} else := "for-another-request" if {
	is_object(input.approval)
}
