import { describe } from "@effect/vitest"
import { startedPglite } from "../layers/postgres/StartedPglite.ts"
import { migrationsContract } from "./Migrations.ts"

describe("Migrations of the embedded PostgreSQL", () => {
  migrationsContract(startedPglite)
})
