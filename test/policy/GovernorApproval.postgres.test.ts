import { describeLive } from "../Live.ts"
import { governorApproval } from "./GovernorApproval.ts"

await describeLive("Governor approvals", "TEST_DATABASE_URL", (url) => {
  governorApproval("kept in PostgreSQL", { POSTGRES_LAYER: "pg", DATABASE_URL: url })
})
