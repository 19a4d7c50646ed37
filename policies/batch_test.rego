package gateway.batch_test

import data.gateway.batch
import data.gateway.decision
import data.gateway.examples_test as examples

decisions_of(document) := decisions if {
	decisions := batch.decisions with input as document
}

alone(request) := result if {
	result := decision.decision with input as request
}

test_the_decisions_are_those_of_each_request_alone_in_the_same_order if {
	requests := [
		examples.staff,
		examples.customer,
		object.union(examples.staff, {"permission": "user.delete"}),
		examples.sensitive,
		examples.trial,
		object.union(examples.sensitive, {"approval": examples.approval}),
		examples.customer,
	]
	decisions_of({"requests": requests}) == [alone(request) | some request in requests]
}

test_a_malformed_request_is_denied_alone if {
	requests := array.concat(array.concat([examples.staff], examples.empty), [examples.customer])
	allowed := [result.allow | some result in decisions_of({"requests": requests})]
	allowed == [true, false, false, false, false, false, false, false, true]
}

test_a_request_without_a_decision_keeps_its_place if {
	batch.decisions == [null, null] with input as {"requests": [examples.staff, examples.customer]}
		with data.gateway.decision as {}
}

test_the_revision_is_that_of_the_data if {
	batch.revision == "revision-1" with data.gateway.revision as "revision-1"
}

test_what_is_no_list_of_requests_gets_no_decisions if {
	every requests in [null, examples.staff, {examples.staff}, "requests", 1] {
		decisions_of({"requests": requests}) == []
	}
	every document in examples.empty {
		decisions_of(document) == []
	}
	batch.decisions == []
}
