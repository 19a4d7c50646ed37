# METADATA
# title: The decision of a whole request
# description: |
#   Input, built by the gateway from the verified token and its route table; every field is required:
#
#     portal            "CP" or "PP"
#     subject           user id
#     customer_id       string; null only on PP
#     roles             known roles of the portal, at least one
#     is_governor       boolean
#     trial             {mode: boolean, expires_at: milliseconds since the epoch, or null}
#     method            string
#     route             the route's template
#     resource          what an approval is bound to: the canonical path
#     permission        the route's permission on PP ("signed-in" where any role will do), or null
#     action            the route's Governor action, or null
#     closed_to_trials  boolean
#     agent_id          the agent whose budget pays, or null
#     now               milliseconds since the epoch
#     approval          the record of `X-Approval-Id`, or null:
#                       {status, action, customer_id, resource, expires_at: milliseconds since the epoch}
#
#   Output, always one object with all of these fields:
#
#     allow           true when no policy objects
#     reasons         every objection, the one to answer with first; each has a `code`:
#                       malformed-input       fields: the ones that are missing or wrong
#                       permission-denied     permission, required_roles
#                       trial-expiry-missing
#                       trial-expired         expires_at
#                       trial-closed-route
#                       approval-required     action, approval: missing, for-another-request, not-approved, expired
#     obligations     what an allowed request owes; empty when it is denied:
#                       target_backend    "production" or "sandbox"
#                       consume_approval  true: it passes only if this approval can still be consumed
#                       budget_override   true: this approval lifts the agent's daily budget
#                       role_level        on PP the highest level of the caller's roles, else null
#     permission      the permission that was needed, or null
#     required_roles  the roles that have it, if the caller has none of them; else empty
#     cache           allowed: whether the decision holds for every request with the same cache key (SPEC 6)
#                     until:   when time alone may change it, milliseconds since the epoch, or null
package gateway.decision

import data.gateway.agent_budget
import data.gateway.governor_role
import data.gateway.rbac
import data.gateway.request
import data.gateway.sandbox_routing
import data.gateway.trial_mode

decision := {
	"allow": true,
	"reasons": [],
	"obligations": {
		"target_backend": sandbox_routing.decision.obligations.target_backend,
		"consume_approval": governor_role.decision.obligations.consume_approval,
		"budget_override": agent_budget.decision.obligations.budget_override,
		"role_level": object.get(portal_decision.obligations, "role_level", null),
	},
	"permission": input.permission,
	"required_roles": [],
	"cache": cache,
} if {
	request.well_formed
	portal_decision.allow == true
	governor_role.decision.allow == true
	sandbox_routing.decision.allow == true
	agent_budget.decision.allow == true
} else := {
	"allow": false,
	"reasons": [reason | some policy in policies; some reason in policy.reasons],
	"obligations": {},
	"permission": input.permission,
	"required_roles": required_roles,
	"cache": cache,
} if {
	request.well_formed
} else := {
	"allow": false,
	"reasons": [{"code": "malformed-input", "fields": request.faults}],
	"obligations": {},
	"permission": null,
	"required_roles": [],
	"cache": {"allowed": false, "until": null},
}

# In the order of precedence: nobody is asked to approve what could not pass anyway.
policies := [
	portal_decision,
	governor_role.decision,
	sandbox_routing.decision,
	agent_budget.decision,
]

portal_decision := trial_mode.decision if input.portal == "CP"

portal_decision := rbac.decision if input.portal == "PP"

default required_roles := []

required_roles := portal_decision.reasons[0].required_roles

# Nothing that an approval could change is cached. Neither is the denial of an ended trial: the cache key holds no
# expiry, so the denial would outlive an extension.
cache := {"allowed": true, "until": null} if {
	input.action == null
	input.approval == null
	input.trial.mode == false
} else := {"allowed": true, "until": input.trial.expires_at} if {
	input.action == null
	input.approval == null
	input.now < input.trial.expires_at
} else := {"allowed": false, "until": null}
