import type { Portal } from "./Portal.ts"

/** The platform staff's portal. Staff belong to no customer and are never in trial (SPEC 3). */
export const Pp: Portal = {
  id: "PP",
  prefix: "/pp",
  roles: new Map([
    ["viewer", 1],
    ["industry_manager", 2],
    ["helpdesk_agent", 3],
    ["infrastructure_engineer", 4],
    ["agent_orchestrator", 5],
    ["subscription_manager", 6],
    ["admin", 7],
  ]),
  trialModeWhenAbsent: false,
  customerRequired: false,
}
