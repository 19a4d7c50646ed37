import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"

/** Makes an empty bucket at an emulator, and gives its name. The emulator forgets it when it stops. */
export const ownBucket = (url: string) =>
  Effect.promise(async () => {
    const name = `gateway-${randomUUID()}`
    const answer = await fetch(new URL("/storage/v1/b?project=test", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name }),
    })
    assert.isTrue(answer.ok, await answer.text())
    return name
  })
