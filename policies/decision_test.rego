package gateway.decision_test

import data.gateway.decision as subject
import data.gateway.examples_test as examples

decision_of(request) := decision if {
	decision := subject.decision with input as request
}

codes_of(request) := [reason.code | some reason in decision_of(request).reasons]

malformed(fields) := {
	"allow": false,
	"reasons": [{"code": "malformed-input", "fields": fields}],
	"obligations": {},
	"permission": null,
	"required_roles": [],
	"cache": {"allowed": false, "until": null},
}

test_a_customer_who_pays_passes if {
	decision_of(examples.customer) == {
		"allow": true,
		"reasons": [],
		"obligations": {
			"target_backend": "production",
			"consume_approval": false,
			"budget_override": false,
			"role_level": null,
		},
		"permission": null,
		"required_roles": [],
		"cache": {"allowed": true, "until": null},
	}
}

test_a_running_trial_passes_to_the_sandbox_until_it_ends if {
	decision_of(examples.trial) == {
		"allow": true,
		"reasons": [],
		"obligations": {
			"target_backend": "sandbox",
			"consume_approval": false,
			"budget_override": false,
			"role_level": null,
		},
		"permission": null,
		"required_roles": [],
		"cache": {"allowed": true, "until": examples.later},
	}
}

test_staff_pass_with_their_level if {
	decision_of(examples.staff) == {
		"allow": true,
		"reasons": [],
		"obligations": {
			"target_backend": "production",
			"consume_approval": false,
			"budget_override": false,
			"role_level": 1,
		},
		"permission": "agent.view",
		"required_roles": [],
		"cache": {"allowed": true, "until": null},
	}
}

test_staff_without_the_permission_are_told_which_roles_have_it if {
	decision_of(object.union(examples.staff, {"permission": "sla.view_breaches"})) == {
		"allow": false,
		"reasons": [{
			"code": "permission-denied",
			"permission": "sla.view_breaches",
			"required_roles": ["admin", "subscription_manager", "helpdesk_agent"],
		}],
		"obligations": {},
		"permission": "sla.view_breaches",
		"required_roles": ["admin", "subscription_manager", "helpdesk_agent"],
		"cache": {"allowed": true, "until": null},
	}
}

test_a_route_without_a_permission_is_denied_to_admins_too if {
	codes_of(object.union(examples.staff, {"roles": ["admin"], "permission": null})) == ["permission-denied"]
}

test_a_sensitive_act_needs_an_approval_and_is_not_cached if {
	decision_of(examples.sensitive) == {
		"allow": false,
		"reasons": [{"code": "approval-required", "action": "agent.create", "approval": "missing"}],
		"obligations": {},
		"permission": null,
		"required_roles": [],
		"cache": {"allowed": false, "until": null},
	}
}

test_an_approved_act_passes_if_the_approval_can_be_consumed if {
	decision := decision_of(object.union(examples.sensitive, {"approval": examples.approval}))
	decision.allow == true
	decision.obligations.consume_approval == true
	decision.cache == {"allowed": false, "until": null}
}

test_a_sensitive_act_on_pp_needs_permission_and_approval if {
	request := object.union(examples.staff, {"permission": "agent.create", "action": "agent.create"})
	codes_of(request) == ["permission-denied", "approval-required"]
	codes_of(object.union(request, {"roles": ["agent_orchestrator"]})) == ["approval-required"]
}

test_all_objections_are_reasons_in_the_order_of_precedence if {
	request := object.union(examples.trial, {
		"now": examples.later,
		"closed_to_trials": true,
		"action": "billing.update",
	})
	decision_of(request).reasons == [
		{"code": "trial-expired", "expires_at": examples.later},
		{"code": "trial-closed-route"},
		{"code": "approval-required", "action": "billing.update", "approval": "missing"},
	]
}

test_an_approval_is_not_spent_on_a_request_that_is_denied_anyway if {
	decision := decision_of(object.union(examples.sensitive, {
		"approval": examples.approval,
		"trial": {"mode": true, "expires_at": examples.earlier},
	}))
	decision.allow == false
	decision.obligations == {}
}

test_an_approved_override_is_an_obligation_and_is_not_cached if {
	decision := decision_of(object.union(examples.customer, {"approval": examples.override}))
	decision.allow == true
	decision.obligations.budget_override == true
	decision.obligations.consume_approval == false
	decision.cache == {"allowed": false, "until": null}
}

test_what_a_governor_may_do_is_not_cached_for_others if {
	decision := decision_of(object.union(examples.sensitive, {"roles": ["governor"], "is_governor": true}))
	decision.allow == true
	decision.cache == {"allowed": false, "until": null}
}

test_a_trial_that_ended_is_not_cached_because_it_may_be_extended if {
	decision := decision_of(object.union(examples.trial, {"now": examples.later}))
	decision.cache == {"allowed": false, "until": null}
}

test_a_trial_without_expiry_is_denied_and_not_cached if {
	decision := decision_of(object.union(examples.trial, {"trial": {"mode": true, "expires_at": null}}))
	decision.reasons == [{"code": "trial-expiry-missing"}]
	decision.cache == {"allowed": false, "until": null}
}

test_a_closed_route_is_cached_until_the_trial_ends if {
	decision := decision_of(object.union(examples.trial, {"closed_to_trials": true}))
	decision.reasons == [{"code": "trial-closed-route"}]
	decision.cache == {"allowed": true, "until": examples.later}
}

test_trial_rules_do_not_bind_staff_but_the_sandbox_does if {
	decision := decision_of(object.union(examples.staff, {
		"trial": {"mode": true, "expires_at": null},
		"closed_to_trials": true,
	}))
	decision.allow == true
	decision.obligations.target_backend == "sandbox"
	decision.cache == {"allowed": false, "until": null}
}

test_a_malformed_request_is_denied_whatever_else_it_says if {
	decision_of(object.union(examples.customer, {"is_governor": "yes"})) == malformed(["is_governor"])
	decision_of(object.union(examples.staff, {"roles": ["admin", "owner"]})) == malformed(["roles"])
	decision_of(object.remove(examples.trial, ["now", "trial"])) == malformed(["now", "trial.expires_at", "trial.mode"])
}

test_an_input_that_says_nothing_is_denied if {
	every request in examples.empty {
		codes_of(request) == ["malformed-input"]
	}
}

test_a_query_without_input_is_denied if subject.decision.allow == false

test_without_its_tables_everything_is_denied if {
	every request in [examples.customer, examples.staff] {
		decision := subject.decision with input as request with data.gateway.tables as {}
		decision == malformed(["roles"])
	}
}

test_an_approval_decides_nothing_for_other_requests_of_a_trial if {
	every change in [{"action": "agent.create"}, {"approval": examples.approval}] {
		decision_of(object.union(examples.trial, change)).cache == {"allowed": false, "until": null}
	}
}

# The policies that never deny today would be heard if they did, whatever obligations they name.
test_every_policy_can_deny if {
	obligations := {"target_backend": "production", "consume_approval": true, "budget_override": true}
	denial := {"allow": false, "reasons": [{"code": "example"}], "obligations": obligations}
	trial := subject.decision with input as examples.customer with data.gateway.trial_mode.decision as denial
	denied_by_example(trial)
	rbac := subject.decision with input as examples.staff with data.gateway.rbac.decision as denial
	denied_by_example(rbac)
	governor := subject.decision with input as examples.customer with data.gateway.governor_role.decision as denial
	denied_by_example(governor)
	sandbox := subject.decision with input as examples.customer with data.gateway.sandbox_routing.decision as denial
	denied_by_example(sandbox)
	budget := subject.decision with input as examples.customer with data.gateway.agent_budget.decision as denial
	denied_by_example(budget)
}

denied_by_example(decision) if {
	decision.allow == false
	decision.reasons == [{"code": "example"}]
	decision.obligations == {}
}
