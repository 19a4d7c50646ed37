# METADATA
# title: Where a request goes (SPEC 5)
# description: Only a request that is plainly no trial goes to production; everything else goes to the sandbox.
package gateway.sandbox_routing

decision := routed_to("production") if {
	input.trial.mode == false
} else := routed_to("sandbox")

routed_to(backend) := {
	"allow": true,
	"reasons": [],
	"obligations": {"target_backend": backend},
}
