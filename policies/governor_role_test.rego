package gateway.governor_role_test

import data.gateway.examples_test as examples
import data.gateway.governor_role
import data.gateway.tables

# The acts of SPEC 5.
actions := [
	"agent.create",
	"agent.delete",
	"execution.external",
	"budget.override",
	"system.configuration",
	"customer.delete",
	"data.export",
	"billing.update",
	"subscription.change",
]

decision_of(request) := decision if {
	decision := governor_role.decision with input as request
}

passed(consume) := {"allow": true, "reasons": [], "obligations": {"consume_approval": consume}}

denied(action, approval) := {
	"allow": false,
	"reasons": [{"code": "approval-required", "action": action, "approval": approval}],
	"obligations": {},
}

with_approval(changes) := object.union(examples.sensitive, {"approval": object.union(examples.approval, changes)})

test_the_table_lists_the_acts_of_the_spec if tables.approval_actions == actions

test_an_ordinary_act_needs_nobody if decision_of(examples.customer) == passed(false)

test_a_sensitive_act_needs_an_approval if {
	every action in actions {
		decision_of(object.union(examples.sensitive, {"action": action})) == denied(action, "missing")
	}
}

test_a_governor_passes_without_one if {
	every action in actions {
		decision_of(object.union(examples.sensitive, {"action": action, "is_governor": true})) == passed(false)
	}
}

test_an_approval_lets_pass_and_is_consumed if decision_of(with_approval({})) == passed(true)

test_an_approval_that_a_governor_sends_is_not_spent if {
	decision_of(object.union(with_approval({}), {"is_governor": true})) == passed(false)
}

test_an_approval_that_does_not_count_says_why if {
	decision_of(with_approval({"expires_at": examples.now})) == denied("agent.create", "expired")
	decision_of(with_approval({"status": "pending"})) == denied("agent.create", "not-approved")
	decision_of(with_approval({"customer_id": "customer-2"})) == denied("agent.create", "for-another-request")
	decision_of(with_approval({"action": "agent.delete"})) == denied("agent.create", "for-another-request")
	decision_of(with_approval({"resource": "/api/v1/agents/1"})) == denied("agent.create", "for-another-request")
}

test_without_a_resource_an_approval_is_for_another_request if {
	decision_of(object.remove(with_approval({}), ["resource"])) == denied("agent.create", "for-another-request")
}

test_an_approval_that_is_no_record_counts_as_none if {
	every value in ["approval-1", 1, true, []] {
		decision_of(object.union(examples.sensitive, {"approval": value})) == denied("agent.create", "missing")
	}
}

test_only_true_makes_a_governor if {
	every value in [null, "true", 1, [true]] {
		decision_of(object.union(examples.sensitive, {"is_governor": value})) == denied("agent.create", "missing")
	}
	decision_of(object.remove(examples.sensitive, ["is_governor"])) == denied("agent.create", "missing")
}

test_an_act_that_the_table_does_not_name_passes_for_nobody if {
	request := object.union(with_approval({"action": "agent.explode"}), {"action": "agent.explode", "is_governor": true})
	decision_of(request).allow == false
}

test_an_act_that_is_missing_or_unreadable_is_denied if {
	every value in [7, true, [], {}] {
		decision_of(examples.with_field(examples.customer, "action", value)) == denied(null, "missing")
	}
	every request in examples.empty {
		decision_of(request) == denied(null, "missing")
	}
}

test_without_its_tables_every_sensitive_act_is_denied if {
	decision := governor_role.decision with input as object.union(examples.sensitive, {"is_governor": true})
		with data.gateway.tables as {}
	decision.allow == false
}
