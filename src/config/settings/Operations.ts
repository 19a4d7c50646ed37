import { httpUrl } from "../Addresses.ts"
import { flag, oneOf } from "../Kinds.ts"
import { optional, setting } from "../Setting.ts"

/** What it says about itself. */
export const telemetrySettings = {
  LOG_LEVEL: setting({
    kind: oneOf(["Debug", "Info", "Warn", "Error"]),
    default: "Info",
    about: "Least severe messages that are logged.",
  }),
  LOG_FORMAT: setting({
    kind: oneOf(["json", "pretty"]),
    default: "json",
    about: "How they are written: `json` is one object a line, `pretty` is for a terminal.",
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional({
    kind: httpUrl("http://collector:4318"),
    about: "Where traces and metrics are sent by OTLP over HTTP; nowhere when unset.",
  }),
}

const enable = (middleware: string, byDefault: "true" | "false") =>
  setting({
    kind: flag,
    default: byDefault,
    about: `Whether the ${middleware} middleware is in the pipeline; false puts its pass-through there.`,
  })

/** Tier 1 of the rollback (SPEC 11). */
export const switchSettings = {
  ENABLE_AUTH_MIDDLEWARE: enable("auth", "true"),
  ENABLE_RBAC_MIDDLEWARE: enable("RBAC", "true"),
  ENABLE_POLICY_MIDDLEWARE: enable("policy", "true"),
  ENABLE_BUDGET_MIDDLEWARE: enable("budget", "true"),
  ENABLE_AUDIT_MIDDLEWARE: enable("audit", "true"),
  ENABLE_ERROR_MIDDLEWARE: enable("error", "true"),
  ENABLE_WEBSOCKET_MIDDLEWARE: enable("WebSocket", "false"),
}
