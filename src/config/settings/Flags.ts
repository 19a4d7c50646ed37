import { httpOrigin } from "../Addresses.ts"
import { atLeast, flag, oneOf, seconds, share, text, whole } from "../Kinds.ts"
import { optional, setting } from "../Setting.ts"

/** Rollback tier 2: who goes through the gateway (SPEC 11). */
export const flagSettings = {
  FLAGS_DEFAULT_ENABLED: setting({
    kind: flag,
    default: { embedded: "true" },
    about:
      "Whether customers go through the gateway for whom no row and no cohort rule says otherwise; else to PLANT_DIRECT_URL.",
  }),
  ROLLOUT_STEP_SECONDS: setting({
    kind: seconds(1, 2_592_000),
    default: "3600",
    about: "Seconds for which a step of a rollout must go well before an automatic rollout takes the next.",
  }),
  ROLLOUT_ANALYSIS_SECONDS: setting({
    kind: seconds(0.1, 60),
    default: "5",
    about: "Seconds between two judgements of a rollout.",
  }),
  ROLLOUT_MIN_SAMPLE: setting({
    kind: whole(30, 1_000_000),
    default: "100",
    about: "Requests of a group below which a rollout concludes nothing from it.",
  }),
  ROLLOUT_ERROR_MARGIN: setting({
    kind: share,
    default: "0.02",
    about: "How much larger than the control's the canary's share of 5xx answers may be.",
  }),
  ROLLOUT_ERROR_CEILING: setting({
    kind: share,
    default: "0.05",
    about:
      "The share of 5xx answers that a canary may have at most while there is no control to compare with.",
  }),
  ROLLOUT_LATENCY_FACTOR: setting({
    kind: atLeast(1),
    default: "1.5",
    about: "How many times the control's p95 latency the canary's may be.",
  }),
}

/** What must outlast the process. */
export const keptSettings = {
  STATE_DIR: setting({
    kind: text("a directory that the gateway may write to", "/var/lib/gateway"),
    default: { embedded: ".gateway", production: "/var/lib/gateway" },
    about:
      "Where this machine keeps what must survive a restart while PostgreSQL is away: the last known flags. Not used with POSTGRES_LAYER=embedded.",
  }),
  OBJECT_STORE_LAYER: setting({
    kind: oneOf(["fs", "gcs"]),
    default: "fs",
    about: "Where exported tables are kept: files, or a bucket of Google Cloud Storage.",
  }),
  OBJECT_STORE_DIR: setting({
    kind: text("a directory that the gateway may write to", "/var/lib/gateway/objects"),
    default: { embedded: ".gateway/objects", production: "/var/lib/gateway/objects" },
    about: "The directory, for OBJECT_STORE_LAYER=fs.",
  }),
  OBJECT_STORE_BUCKET: optional({
    kind: text("the name of a bucket", "gateway-exports"),
    about: "The bucket, for OBJECT_STORE_LAYER=gcs.",
  }),
  OBJECT_STORE_ENDPOINT: optional({
    kind: httpOrigin("http://127.0.0.1:4443"),
    about:
      "Where Google Cloud Storage is, for OBJECT_STORE_LAYER=gcs; Google's own when unset, an emulator for tests.",
  }),
}
