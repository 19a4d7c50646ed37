package gateway.rbac_test

import data.gateway.examples_test as examples
import data.gateway.rbac
import data.gateway.tables

roles := {
	"admin",
	"subscription_manager",
	"agent_orchestrator",
	"infrastructure_engineer",
	"helpdesk_agent",
	"industry_manager",
	"viewer",
}

# The table of SPEC 4, written out by role: what each may do, which is everything for an admin alone.
may := {
	"subscription_manager": {
		"billing.manage",
		"billing.approve_credit",
		"subscription.create",
		"subscription.update",
		"subscription.cancel",
		"subscription.force_cancel",
		"customer.manage",
		"customer.view",
		"sla.view_breaches",
		"dashboard.view",
		"report.view",
		"agent.view",
		"signed-in",
	},
	"agent_orchestrator": {
		"agent.create",
		"agent.update",
		"agent.deploy",
		"agent.execute",
		"agent.approve",
		"task.create",
		"task.cancel",
		"dashboard.view",
		"report.view",
		"agent.view",
		"signed-in",
	},
	"infrastructure_engineer": {
		"infrastructure.deploy",
		"infrastructure.configure",
		"database.access",
		"monitoring.configure",
		"incident.create",
		"dashboard.view",
		"report.view",
		"agent.view",
		"signed-in",
	},
	"helpdesk_agent": {
		"customer.view",
		"ticket.create",
		"ticket.update",
		"ticket.resolve",
		"sla.view_breaches",
		"dashboard.view",
		"report.view",
		"agent.view",
		"signed-in",
	},
	"industry_manager": {
		"industry.manage",
		"agent.categorize",
		"dashboard.view",
		"report.view",
		"agent.view",
		"signed-in",
	},
	"viewer": {"dashboard.view", "report.view", "agent.view", "signed-in"},
}

admin_only := {"system.configure", "user.delete", "user.assign_role"}

permissions := union({admin_only, union({granted | some granted in may})})

expected contains [role, permission] if {
	some role, granted in may
	some permission in granted
}

expected contains ["admin", permission] if some permission in permissions

allowed(role, permission) if {
	decision := rbac.decision with input as object.union(examples.staff, {"roles": [role], "permission": permission})
	decision.allow == true
}

test_the_table_lists_the_permissions_of_the_spec if object.keys(tables.permission_roles) == permissions

test_every_role_has_exactly_its_permissions if {
	actual := {[role, permission] |
		some role in roles
		some permission in permissions
		allowed(role, permission)
	}
	actual == expected
}

test_a_permission_that_the_table_lacks_is_granted_to_nobody if {
	every permission in [null, "agent.explode", "*", "", 7] {
		not allowed("admin", permission)
	}
}

test_no_permission_at_all_is_denied if {
	nameless := [object.remove(examples.staff, ["permission"]), examples.with_field(examples.staff, "permission", 7)]
	every request in array.concat(examples.empty, nameless) {
		decision := rbac.decision with input as request
		decision == {
			"allow": false,
			"reasons": [{"code": "permission-denied", "permission": null, "required_roles": []}],
			"obligations": {},
		}
	}
}

test_a_denial_names_the_permission_and_the_roles_that_have_it if {
	decision := rbac.decision with input as object.union(examples.staff, {"permission": "customer.view"})
	decision == {
		"allow": false,
		"reasons": [{
			"code": "permission-denied",
			"permission": "customer.view",
			"required_roles": ["admin", "subscription_manager", "helpdesk_agent"],
		}],
		"obligations": {},
	}
}

test_any_of_several_roles_is_enough_and_the_highest_gives_the_level if {
	decision := rbac.decision with input as object.union(examples.staff, {
		"roles": ["viewer", "agent_orchestrator", "industry_manager"],
		"permission": "industry.manage",
	})
	decision == {"allow": true, "reasons": [], "obligations": {"role_level": 5}}
}

test_the_levels_are_those_of_the_spec if {
	levels := {role: level |
		some role in roles
		decision := rbac.decision with input as object.union(examples.staff, {"roles": [role]})
		level := decision.obligations.role_level
	}
	levels == {
		"admin": 7,
		"subscription_manager": 6,
		"agent_orchestrator": 5,
		"infrastructure_engineer": 4,
		"helpdesk_agent": 3,
		"industry_manager": 2,
		"viewer": 1,
	}
}

test_roles_that_are_no_list_grant_nothing if {
	every value in [null, "admin", {"role": "admin"}, {"admin"}, 7, [], [["admin"]], ["owner"]] {
		decision := rbac.decision with input as examples.with_field(examples.staff, "roles", value)
		decision.allow == false
	}
}

test_without_its_tables_everything_is_denied if {
	decision := rbac.decision with input as object.union(examples.staff, {"roles": ["admin"]})
		with data.gateway.tables as {}
	decision.allow == false
}
