# METADATA
# title: What a trial may do (SPEC 5)
# description: |
#   A trial passes only while its expiry is known and ahead, and only on routes that are open to trials.
#   How many tasks it has left today is not decided here: the gateway counts them atomically in Redis.
package gateway.trial_mode

decision := {
	"allow": true,
	"reasons": [],
	"obligations": {},
} if {
	count(reasons) == 0
} else := {
	"allow": false,
	"reasons": reasons,
	"obligations": {},
}

reasons := [] if {
	input.trial.mode == false
} else := array.concat(expiry_reasons, route_reasons) if {
	input.trial.mode == true
} else := [{"code": "malformed-input", "fields": ["trial.mode"]}]

# The types are checked because Rego orders null before every number and a string after it.
expiry_reasons := [] if {
	is_number(input.now)
	is_number(input.trial.expires_at)
	input.now < input.trial.expires_at
} else := [{"code": "trial-expired", "expires_at": input.trial.expires_at}] if {
	is_number(input.trial.expires_at)
} else := [{"code": "trial-expiry-missing"}]

route_reasons := [] if {
	input.closed_to_trials == false
} else := [{"code": "trial-closed-route"}]
