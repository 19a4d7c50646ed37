package gateway.trial_mode_test

import data.gateway.examples_test as examples
import data.gateway.trial_mode

reasons_of(request) := decision.reasons if {
	decision := trial_mode.decision with input as request
	consistent(decision)
}

consistent(decision) if {
	decision.allow == true
	count(decision.reasons) == 0
}

consistent(decision) if {
	decision.allow == false
	count(decision.reasons) > 0
}

trial(fields) := object.union(examples.trial, fields)

test_a_running_trial_passes if {
	decision := trial_mode.decision with input as examples.trial
	decision == {"allow": true, "reasons": [], "obligations": {}}
}

test_a_trial_ends_at_its_expiry_and_not_a_millisecond_later if {
	reasons_of(trial({"now": examples.later - 1})) == []
	reasons_of(trial({"now": examples.later})) == [{"code": "trial-expired", "expires_at": examples.later}]
}

test_a_denial_has_no_obligations if {
	decision := trial_mode.decision with input as trial({"now": examples.later})
	decision.obligations == {}
}

test_an_expiry_that_is_missing_or_unreadable_is_denied if {
	every value in [null, "2026-06-01T00:00:00Z", true, [], {}] {
		reasons_of(examples.with_field(examples.trial, "trial", {"mode": true, "expires_at": value})) == [{"code": "trial-expiry-missing"}]
	}
	reasons_of(examples.with_field(examples.trial, "trial", {"mode": true})) == [{"code": "trial-expiry-missing"}]
}

test_a_clock_that_is_missing_or_unreadable_is_denied if {
	every value in [null, false, "0", []] {
		reasons_of(examples.with_field(examples.trial, "now", value)) == [{"code": "trial-expired", "expires_at": examples.later}]
	}
	reasons_of(object.remove(examples.trial, ["now"])) == [{"code": "trial-expired", "expires_at": examples.later}]
}

test_a_closed_route_is_denied_to_trials_only if {
	reasons_of(trial({"closed_to_trials": true})) == [{"code": "trial-closed-route"}]
	reasons_of(object.union(examples.customer, {"closed_to_trials": true})) == []
}

test_a_route_counts_as_closed_unless_it_says_otherwise if {
	every value in [null, "false", 0, []] {
		reasons_of(examples.with_field(examples.trial, "closed_to_trials", value)) == [{"code": "trial-closed-route"}]
	}
	reasons_of(object.remove(examples.trial, ["closed_to_trials"])) == [{"code": "trial-closed-route"}]
}

test_two_objections_are_two_reasons if {
	reasons_of(trial({"closed_to_trials": true, "now": examples.later + 1})) == [
		{"code": "trial-expired", "expires_at": examples.later},
		{"code": "trial-closed-route"},
	]
}

test_the_expiry_of_a_customer_who_pays_does_not_matter if {
	every value in [null, examples.earlier] {
		reasons_of(examples.with_field(examples.customer, "trial", {"mode": false, "expires_at": value})) == []
	}
}

test_a_trial_flag_that_is_missing_or_unreadable_is_denied if {
	every value in [null, "false", 0, [], {}, {"mode": null}, {"mode": "false"}, {"mode": 0}] {
		reasons_of(examples.with_field(examples.customer, "trial", value)) == [{"code": "malformed-input", "fields": ["trial.mode"]}]
	}
	every request in examples.empty {
		reasons_of(request) == [{"code": "malformed-input", "fields": ["trial.mode"]}]
	}
}
