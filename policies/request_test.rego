package gateway.request_test

import data.gateway.examples_test as examples
import data.gateway.request

faults_of(input_document) := faults if {
	faults := request.faults with input as input_document
}

well_formed(input_document) if request.well_formed with input as input_document

all_examples := [
	examples.customer,
	examples.trial,
	examples.sensitive,
	object.union(examples.sensitive, {"approval": examples.approval}),
	examples.staff,
	object.union(examples.staff, {"customer_id": "customer-1", "roles": ["admin", "viewer"]}),
]

# Values that the field of the name may not have. The trial is tested by its parts, below.
wrong := {
	"portal": [null, "", "cp", "BOTH", 1],
	"subject": [null, "", 1],
	"customer_id": ["", 1],
	"roles": [null, "customer", [], ["owner"], ["customer", "viewer", "owner"], [1], [null], {"customer"}, {"a": "viewer"}],
	"is_governor": [null, "true", 1],
	"method": [null, "", 1],
	"route": [null, "", 1],
	"resource": [null, "", 1],
	"permission": ["", 1],
	"action": ["", 1, "agent.explode"],
	"closed_to_trials": [null, "false", 0],
	"agent_id": ["", 1],
	"now": [null, "", "1780000000000"],
	"approval": ["", "approval-1", 1],
}

# Values that no field may have.
wrong_for_all := [[[]], {"a": "b"}]

test_the_examples_are_well_formed if {
	every example in all_examples {
		well_formed(example)
		faults_of(example) == []
	}
}

test_each_field_that_is_wrong_is_named if {
	every example in [examples.customer, examples.staff] {
		every name, values in wrong {
			every value in array.concat(values, wrong_for_all) {
				document := examples.with_field(example, name, value)
				not well_formed(document)
				name in faults_of(document)
				object.subset({name, "customer_id", "roles"}, {fault | some fault in faults_of(document)})
			}
		}
	}
}

test_each_field_that_is_missing_is_named if {
	every name in object.keys(wrong) {
		document := object.remove(examples.customer, [name])
		not well_formed(document)
		name in faults_of(document)
	}
}

test_a_wrong_portal_leaves_customer_and_roles_unreadable if {
	faults_of(object.union(examples.staff, {"portal": "XX"})) == ["customer_id", "portal", "roles"]
}

test_the_trial_is_named_by_its_parts if {
	every value in [null, 1, "", [], {}, true, {"mode": null, "expires_at": "soon"}] {
		trial(value) == ["trial.expires_at", "trial.mode"]
	}
	trial({"mode": true}) == ["trial.expires_at"]
	trial({"mode": false, "expires_at": "2026-06-01T00:00:00Z"}) == ["trial.expires_at"]
	trial({"mode": "false", "expires_at": null}) == ["trial.mode"]
}

trial(value) := faults_of(document) if {
	document := examples.with_field(examples.customer, "trial", value)
	not well_formed(document)
}

test_a_customer_on_cp_is_somebody if {
	faults_of(examples.with_field(examples.customer, "customer_id", null)) == ["customer_id"]
}

test_a_role_of_the_other_portal_is_unknown if {
	faults_of(object.union(examples.customer, {"roles": ["viewer"]})) == ["roles"]
	faults_of(object.union(examples.customer, {"roles": ["customer", "admin"]})) == ["roles"]
	faults_of(object.union(examples.staff, {"roles": ["viewer", "governor"]})) == ["roles"]
}

test_an_approval_is_readable_only_with_all_its_fields if {
	every name in object.keys(examples.approval) {
		every value in [7, "", [], {}] {
			not well_formed(with_approval(object.remove(examples.approval, [name])))
			not well_formed(with_approval(examples.with_field(examples.approval, name, wrong_in_approval(name, value))))
		}
	}
}

wrong_in_approval("expires_at", 7) := null

wrong_in_approval(name, value) := value if [name, value] != ["expires_at", 7]

with_approval(approval) := object.union(examples.sensitive, {"approval": approval})

test_an_input_that_says_nothing_lacks_every_field if {
	every document in examples.empty {
		not well_formed(document)
		faults_of(document) == [
			"action", "agent_id", "approval", "closed_to_trials", "customer_id", "is_governor", "method", "now",
			"permission", "portal", "resource", "roles", "route", "subject", "trial.expires_at", "trial.mode",
		]
	}
}

test_without_its_tables_no_request_is_well_formed if {
	well_formed_examples := [example |
		some example in all_examples
		request.well_formed with input as example with data.gateway.tables as {}
	]
	well_formed_examples == []
}
