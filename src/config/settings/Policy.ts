import { httpOrigins, httpUrl } from "../Addresses.ts"
import { oneOf, seconds, share, text, whole } from "../Kinds.ts"
import { list, optional, setting } from "../Setting.ts"

/** Who decides, and what is done while nobody can (SPEC 5 and 6). */
export const policySettings = {
  OPA_LAYER: setting({
    kind: oneOf(["http", "wasm"]),
    default: { embedded: "wasm", production: "http" },
    about: "Where policies are evaluated: on OPA servers, or compiled in this process.",
  }),
  OPA_URLS: list({
    kind: httpOrigins("http://opa-1:8181,http://opa-2:8181"),
    about: "The OPA servers, for OPA_LAYER=http.",
  }),
  OPA_TIMEOUT_MS: setting({
    kind: whole(10, 5000),
    default: "500",
    about: "Milliseconds that one OPA server has to answer; then the other is asked.",
  }),
  OPA_BATCH_MAX: setting({
    kind: whole(1, 10),
    default: "10",
    about: "Decisions that are asked for in one query.",
  }),
  OPA_HEALTH_SECONDS: setting({
    kind: seconds(0.1, 3600),
    default: "10",
    about: "Seconds between two health checks of an OPA server.",
  }),
  OPA_FALLBACK: setting({
    kind: oneOf(["none", "wasm"]),
    default: "none",
    about: "Who decides while no OPA server does and no decision is remembered; `none` answers 503.",
  }),
  OPA_CACHE_TTL_SECONDS: setting({
    kind: seconds(0, 86_400),
    default: "300",
    about: "Seconds for which a decision is used again; 0 remembers none.",
  }),
  OPA_CACHE_STALE_SECONDS: setting({
    kind: seconds(0, 86_400),
    default: "1800",
    about: "Seconds for which a decision is used again while the policy service is away.",
  }),
  POLICY_SHADOW_DIR: optional({
    kind: text("a directory with a compiled policy", "/etc/gateway/policies-next"),
    about: "A second policy that is evaluated beside the active one and decides nothing.",
  }),
  POLICY_SHADOW_SAMPLE: setting({
    kind: share,
    default: "0.1",
    about: "The share of decisions that the second policy is asked too.",
  }),
  TRIAL_TASK_LIMIT_PER_DAY: setting({
    kind: whole(0, 1_000_000),
    default: "10",
    about: "Tasks a trial customer may create in a UTC day.",
  }),
  UPGRADE_URL: setting({
    kind: httpUrl("https://waooaw.com/upgrade"),
    default: "https://waooaw.com/upgrade",
    about: "Where a trial customer upgrades; problem documents link there.",
  }),
  APPROVAL_UI_URL: setting({
    kind: httpUrl("https://pp.waooaw.com/approvals"),
    default: "https://pp.waooaw.com/approvals",
    about: "Where a Governor approves; problem documents link there.",
  }),
  APPROVAL_TTL_SECONDS: setting({
    kind: seconds(60, 2_592_000),
    default: "86400",
    about: "Seconds for which an approval can be given and used.",
  }),
}

/** Rollback tier 3: what is not asked any more when it fails. */
export const breakerSettings = {
  CIRCUIT_BREAKER_FAIL_MAX: setting({
    kind: whole(1, 1000),
    default: "5",
    about: "Consecutive failures of a dependency after which it is not asked any more.",
  }),
  CIRCUIT_BREAKER_OPEN_SECONDS: setting({
    kind: seconds(0.1, 3600),
    default: "30",
    about: "Seconds after which one probe finds out whether it is back.",
  }),
}
