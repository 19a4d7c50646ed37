# METADATA
# title: The requests that the tests start from
# description: Each passes every policy; a test changes what it is about.
package gateway.examples_test

now := 1780000000000

later := now + 60000

earlier := now - 60000

# A customer who pays, on a route without an action.
customer := {
	"portal": "CP",
	"subject": "user-1",
	"customer_id": "customer-1",
	"roles": ["customer"],
	"is_governor": false,
	"trial": {"mode": false, "expires_at": null},
	"method": "POST",
	"route": "/api/v1/agents/{id}/execute",
	"resource": "/api/v1/agents/agent-1/execute",
	"permission": null,
	"action": null,
	"closed_to_trials": false,
	"agent_id": "agent-1",
	"now": now,
	"approval": null,
}

trial := object.union(customer, {"trial": {"mode": true, "expires_at": later}})

# A customer about to do something that a Governor has to approve.
sensitive := object.union(customer, {
	"action": "agent.create",
	"route": "/api/v1/agents",
	"resource": "/api/v1/agents",
	"agent_id": null,
})

# The approval of exactly that.
approval := {
	"status": "approved",
	"action": "agent.create",
	"customer_id": "customer-1",
	"resource": "/api/v1/agents",
	"expires_at": later,
}

# The approval of one request beyond the daily budget of agent-1.
override := {
	"status": "approved",
	"action": "budget.override",
	"customer_id": "customer-1",
	"resource": "agent-1",
	"expires_at": later,
}

# A member of staff on a route that every role may use.
staff := {
	"portal": "PP",
	"subject": "staff-1",
	"customer_id": null,
	"roles": ["viewer"],
	"is_governor": false,
	"trial": {"mode": false, "expires_at": null},
	"method": "GET",
	"route": "/api/v1/agents",
	"resource": "/api/v1/agents",
	"permission": "agent.view",
	"action": null,
	"closed_to_trials": false,
	"agent_id": null,
	"now": now,
	"approval": null,
}

# Inputs that say nothing.
empty := [null, 0, "", "text", true, [], {}]

with_field(request, name, value) := object.union(object.remove(request, [name]), {name: value})
