package gateway.approval_test

import data.gateway.approval
import data.gateway.examples_test as examples

usable(record, now) if {
	request := object.union(examples.sensitive, {"approval": record, "now": now})
	approval.usable_for("agent.create", "/api/v1/agents") with input as request
}

test_an_approved_unexpired_approval_of_this_very_request_counts if usable(examples.approval, examples.now)

test_it_counts_until_it_expires if {
	usable(examples.approval, examples.later - 1)
	not usable(examples.approval, examples.later)
}

test_it_counts_only_when_approved if {
	every status in ["pending", "denied", "consumed", "Approved", "", null, true] {
		not usable(object.union(examples.approval, {"status": status}), examples.now)
	}
}

test_it_counts_for_the_same_customer_action_and_resource_only if {
	every change in [
		{"customer_id": "customer-2"},
		{"customer_id": null},
		{"action": "agent.delete"},
		{"resource": "/api/v1/agents/agent-1"},
	] {
		not usable(object.union(examples.approval, change), examples.now)
	}
}

test_it_counts_only_with_all_its_fields if {
	every field in object.keys(examples.approval) {
		not usable(object.remove(examples.approval, [field]), examples.now)
	}
}

test_an_expiry_that_is_no_number_has_passed if {
	every value in [null, true, "9999999999999", []] {
		not usable(examples.with_field(examples.approval, "expires_at", value), examples.now)
	}
}

test_a_clock_that_is_no_number_is_past_every_expiry if {
	every now in [null, false, "0"] {
		not usable(examples.approval, now)
	}
}

test_no_resource_is_bound_to_nothing if {
	request := object.union(examples.sensitive, {"approval": object.union(examples.approval, {"resource": null})})
	not approval.usable_for("agent.create", null) with input as request
}
