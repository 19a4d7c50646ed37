import { Effect, Option } from "effect"
import { once } from "node:events"
import { bringUp, takeDown } from "../../../layers/postgres/MigrationRunner.ts"
import { clientOf, steps } from "./MigrationWorld.ts"

/** A process that takes all steps down, or brings them up, as soon as it is told so: `down`, a URL and a folder. */
const [told] = await once(process.stdin.setEncoding("utf8"), "data")
const [direction = "", url = "", folder = ""] = String(told).trim().split(" ")
const work =
  direction === "down"
    ? takeDown(steps, { to: Option.some(0), dryRun: false })
    : bringUp(steps, { to: Option.none(), dryRun: false, withoutData: false })
await Effect.runPromise(Effect.provide(work, clientOf(url, folder)))
process.exit()
