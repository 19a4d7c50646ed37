import { Effect, Layer, Option } from "effect"
import * as GcpObjectStore from "../../layers/gcp/ObjectStore.ts"
import { ownBucket } from "../layers/gcp/OwnBucket.ts"
import { describeLive } from "../Live.ts"
import { objectStoreContract } from "./ObjectStore.ts"

await describeLive("Objects in Google Cloud Storage", "TEST_GCS_URL", (url) => {
  objectStoreContract(
    Layer.unwrap(
      Effect.map(ownBucket(url), (bucket) => GcpObjectStore.layerBucket(bucket, Option.some(url))),
    ),
  )
})
