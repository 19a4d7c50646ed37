package gateway.agent_budget_test

import data.gateway.agent_budget
import data.gateway.examples_test as examples

override_of(request) := decision.obligations.budget_override if {
	decision := agent_budget.decision with input as request
	object.remove(decision, ["obligations"]) == {"allow": true, "reasons": []}
}

with_override(changes) := object.union(examples.customer, {"approval": object.union(examples.override, changes)})

test_an_approved_override_frees_the_agent if override_of(with_override({})) == true

test_it_frees_the_agent_of_staff_without_a_customer_too if {
	override_of(object.union(examples.staff, {
		"agent_id": "agent-1",
		"approval": object.union(examples.override, {"customer_id": null}),
	})) == true
}

test_it_frees_this_customers_agent_only_and_only_while_it_lasts if {
	every change in [
		{"status": "pending"},
		{"customer_id": "customer-2"},
		{"resource": "agent-2"},
		{"action": "agent.create"},
		{"expires_at": examples.now},
	] {
		override_of(with_override(change)) == false
	}
}

test_nothing_is_freed_without_an_approval if override_of(examples.customer) == false

test_being_a_governor_frees_nothing if {
	override_of(object.union(examples.customer, {"is_governor": true})) == false
}

test_a_request_without_an_agent_has_nothing_to_free if {
	every id in [null, 7, ["agent-1"]] {
		override_of(object.union(with_override({"resource": id}), {"agent_id": id})) == false
	}
	override_of(object.remove(with_override({}), ["agent_id"])) == false
}

test_one_approval_does_not_pay_twice if {
	override_of(object.union(with_override({}), {"action": "budget.override"})) == false
}

test_another_sensitive_act_does_not_hinder_it if {
	override_of(object.union(with_override({}), {"action": "execution.external", "is_governor": true})) == true
}

test_an_input_that_says_nothing_frees_nothing if {
	every request in examples.empty {
		override_of(request) == false
	}
}
