# METADATA
# title: What a member of staff may do (SPEC 4)
# description: |
#   Each permission lists its roles; `admin` is the only wildcard and no role inherits another's permissions.
#   A permission that the table lacks is granted to nobody, admin included.
package gateway.rbac

import data.gateway.tables

decision := {
	"allow": true,
	"reasons": [],
	"obligations": {"role_level": role_level},
} if {
	granted
} else := {
	"allow": false,
	"reasons": [{
		"code": "permission-denied",
		"permission": permission,
		"required_roles": required_roles,
	}],
	"obligations": {},
}

granted if {
	is_array(input.roles)
	roles := tables.permission_roles[input.permission]
	some role in input.roles
	included(role, roles)
}

included(role, _) if role == "admin"

included(role, roles) if role in roles

role_level := max([level |
	levels := tables.staff_role_levels
	some role in input.roles
	level := levels[role]
])

default permission := null

permission := input.permission if is_string(input.permission)

default required_roles := []

required_roles := array.concat(["admin"], tables.permission_roles[input.permission])
