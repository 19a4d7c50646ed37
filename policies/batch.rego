# METADATA
# title: The decisions of several requests in one query (SPEC 6)
# description: |
#   `input.requests` is an array of the inputs that decision.rego describes; the answer holds their decisions in the
#   same order. A malformed request is denied alone; anything but an array gets no decisions at all.
package gateway.batch

default decisions := []

decisions := [decision |
	some request in input.requests
	decision := data.gateway.decision.decision with input as request
] if {
	is_array(input.requests)
}
