package gateway.sandbox_routing_test

import data.gateway.examples_test as examples
import data.gateway.sandbox_routing

backend_of(request) := decision.obligations.target_backend if {
	decision := sandbox_routing.decision with input as request
	object.remove(decision, ["obligations"]) == {"allow": true, "reasons": []}
}

test_a_customer_who_pays_is_served_by_production if backend_of(examples.customer) == "production"

test_staff_are_served_by_production if backend_of(examples.staff) == "production"

test_a_trial_is_served_by_the_sandbox_also_when_it_has_ended if {
	backend_of(examples.trial) == "sandbox"
	backend_of(object.union(examples.trial, {"now": examples.later})) == "sandbox"
}

test_a_trial_on_pp_is_served_by_the_sandbox if {
	backend_of(object.union(examples.staff, {"trial": {"mode": true, "expires_at": null}})) == "sandbox"
}

test_a_trial_flag_that_is_missing_or_unreadable_never_reaches_production if {
	every value in [null, false, "false", 0, [], {}, {"mode": null}, {"mode": "false"}, {"mode": 0}, {"mode": [false]}] {
		backend_of(examples.with_field(examples.customer, "trial", value)) == "sandbox"
	}
	every request in examples.empty {
		backend_of(request) == "sandbox"
	}
}
