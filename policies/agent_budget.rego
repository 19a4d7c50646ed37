# METADATA
# title: When an exhausted agent may go on (SPEC 7)
# description: |
#   The ledger says whether the agent's daily budget is used up. With the obligation `budget_override` it may let
#   this request pass all the same, and has to consume the approval when it does. The customer's and the
#   platform's caps are not lifted. Being a Governor is not enough: an override is always an approval on record.
package gateway.agent_budget

import data.gateway.approval

# One approval pays for one thing: where the act itself needs this approval, `governor_role` has it consumed.
decision := passed(true) if {
	approval.usable_for("budget.override", input.agent_id)
	not input.action == "budget.override"
} else := passed(false)

passed(override) := {
	"allow": true,
	"reasons": [],
	"obligations": {"budget_override": override},
}
