# METADATA
# title: The decisions of several requests in one query (SPEC 6)
# description: |
#   `input.requests` is an array of the inputs that decision.rego describes; `decisions` holds their decisions in the
#   same order, null where the policies yield none. A malformed request is denied alone; anything but an array gets no
#   decisions at all.
#
#   The whole package answers one query: the decisions, and the revision of the policy that made them.
package gateway.batch

default decisions := []

decisions := [decision |
	some request in input.requests
	made := [each | each := data.gateway.decision.decision with input as request]
	decision := array.concat(made, [null])[0]
] if {
	is_array(input.requests)
}

revision := data.gateway.revision
