import { describe } from "@effect/vitest"
import { Layer } from "effect"
import * as Approvals from "../../layers/postgres/Approvals.ts"
import { startedDatabase } from "../layers/postgres/StartedPglite.ts"
import { approvalsContract } from "./Approvals.ts"

describe("Approvals in the embedded PostgreSQL", () => {
  approvalsContract(Layer.provide(Approvals.layer, startedDatabase))
})
