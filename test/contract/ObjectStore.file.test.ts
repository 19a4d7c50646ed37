import { describe } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { join } from "node:path"
import * as FileObjectStore from "../../layers/file/ObjectStore.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"
import { objectStoreContract } from "./ObjectStore.ts"

describe("Objects in files", () => {
  objectStoreContract(
    Layer.unwrap(
      Effect.map(temporaryFolder, (folder) => FileObjectStore.layer(join(folder, "not/there/yet"))),
    ),
  )
})
