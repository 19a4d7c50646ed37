# METADATA
# title: When an approval counts
# description: |
#   The approval is the record that the gateway looked up for `X-Approval-Id`. It counts only while it is
#   approved, unexpired, and bound to the same customer, action and resource as the request (SPEC 5).
package gateway.approval

bound_to(action, resource) if {
	is_string(resource)
	input.approval.action == action
	input.approval.resource == resource
	input.approval.customer_id == input.customer_id
}

unexpired if {
	is_number(input.now)
	is_number(input.approval.expires_at)
	input.now < input.approval.expires_at
}

usable_for(action, resource) if {
	input.approval.status == "approved"
	bound_to(action, resource)
	unexpired
}
