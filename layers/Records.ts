import { Effect, Layer, Option } from "effect"
import { GatewayConfig } from "../src/config/GatewayConfig.ts"
import { Approvals } from "../src/policy/Approvals.ts"
import * as PostgresApprovals from "./postgres/Approvals.ts"
import * as Database from "./postgres/Database.ts"

/** What is kept in PostgreSQL; nothing where no database is named, which a start allows if no stage keeps anything. */
export const layer = Layer.unwrap(
  Effect.map(GatewayConfig, ({ postgres }) =>
    postgres.layer === "pg" && Option.isNone(postgres.url)
      ? Approvals.layerOff
      : PostgresApprovals.layer.pipe(Layer.provide(Database.layer)),
  ),
)
