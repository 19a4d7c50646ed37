import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Objects from "../../layers/Objects.ts"
import { ObjectStore } from "../../src/objects/ObjectStore.ts"
import { configured } from "../auth/World.ts"

describe("OBJECT_STORE_LAYER chooses where objects are:", () => {
  const places = {
    "gs://gateway-exports/a/b": { OBJECT_STORE_LAYER: "gcs", OBJECT_STORE_BUCKET: "gateway-exports" },
    "/var/lib/objects/a/b": { OBJECT_STORE_LAYER: "fs", OBJECT_STORE_DIR: "/var/lib/objects" },
  }
  for (const [place, env] of Object.entries(places))
    it.effect(place, () =>
      ObjectStore.use(({ locate }) => Effect.sync(() => assert.strictEqual(locate("a/b"), place))).pipe(
        Effect.provide(Layer.provide(Objects.layer, configured(env))),
      ),
    )
})
