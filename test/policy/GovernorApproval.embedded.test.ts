import { governorApproval } from "./GovernorApproval.ts"

governorApproval("Governor approvals, kept in the embedded PostgreSQL", {})
