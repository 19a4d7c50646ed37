import { Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { RolloutEventView, RolloutStatus, RolloutView } from "../admin/Rollout.ts"
import { cohorts } from "../flags/Cohort.ts"
import { adminFlags, limitFlag, printAnswer, reasonFlag } from "./AdminCommand.ts"
import { table } from "./Table.ts"

type View = typeof RolloutView.Type
type Status = typeof RolloutStatus.Type
type Assessment = NonNullable<Status["assessment"]>
type Check = Assessment["checks"][number]

const status = Command.make("status", adminFlags, (said) =>
  printAnswer(said, ({ rollout }) => rollout.read(), page),
).pipe(Command.withDescription("Print how far the rollout is, and how the canary does against the control"))

const advance = Command.make(
  "advance",
  {
    reason: reasonFlag,
    to: Flag.Literals("to", cohorts).pipe(
      Flag.withDescription("Go to this cohort at once, else to the next"),
      Flag.optional,
    ),
    automatic: Flag.ChoiceWithValue("automatic", [
      ["true", true],
      ["false", false],
    ]).pipe(
      Flag.withDescription("Whether a step that goes well is followed by the next by itself; else as before"),
      Flag.optional,
    ),
    ...adminFlags,
  },
  ({ reason, to, automatic, ...said }) =>
    printAnswer(
      said,
      ({ rollout }) =>
        rollout.advance({
          payload: {
            reason,
            ...(Option.isSome(to) ? { to: to.value } : {}),
            ...(Option.isSome(automatic) ? { automatic: automatic.value } : {}),
          },
        }),
      ({ rollout }) => stands(rollout),
    ),
).pipe(Command.withDescription("Take the next step of the rollout, or start one"))

const steering = (name: "pause" | "resume", about: string) =>
  Command.make(name, { reason: reasonFlag, ...adminFlags }, ({ reason, ...said }) =>
    printAnswer(
      said,
      ({ rollout }) => rollout[name]({ payload: { reason } }),
      ({ rollout }) => stands(rollout),
    ),
  ).pipe(Command.withDescription(about))

const abort = Command.make("abort", { reason: reasonFlag, ...adminFlags }, ({ reason, ...said }) =>
  printAnswer(
    said,
    ({ rollout }) => rollout.abort({ payload: { reason } }),
    ({ rollout, stored }) =>
      stored
        ? stands(rollout)
        : `${stands(rollout)}\nThe database is away: the instance that was asked obeys already, the others once it is back.`,
  ),
).pipe(Command.withDescription("Enrol nobody by cohort any more; customers with rows of their own keep them"))

const history = Command.make("history", { ...adminFlags, limit: limitFlag }, ({ limit, ...said }) =>
  printAnswer(
    said,
    ({ rollout }) => rollout.history({ query: { limit } }),
    ({ events }) =>
      events.length === 0
        ? "There never was a rollout."
        : table(["AT", "ACTION", "STATE", "PERCENT", "BY", "REASON"], events.map(historyLine)),
  ),
).pipe(Command.withDescription("Print what became of the rollout and why, the newest first"))

const historyLine = ({ at, action, after, by, reason }: typeof RolloutEventView.Type) => [
  at,
  action,
  after.state,
  `${after.percent} %`,
  by,
  reason,
]

const page = ({ rollout, assessment, customers_with_rows, default_enabled }: Status): string =>
  [
    rollout === null
      ? `There never was a rollout. Customers go ${default_enabled ? "through the gateway" : "to the direct integration"}: FLAGS_DEFAULT_ENABLED says so.`
      : `${stands(rollout)}\n\n${table(["", ""], facts(rollout)).trimStart()}`,
    `${customers_with_rows === 1 ? "One customer has a row of their own, which decides" : `${customers_with_rows} customers have rows of their own, which decide`} whatever becomes of the rollout.`,
    ...(assessment === null ? ["Nothing is compared."] : assessed(assessment)),
  ].join("\n\n")

const stands = ({ state, percent, cohort, step }: View): string =>
  `The rollout is ${state} at ${percent} %${cohort === null ? "" : ` (${cohort})`}, step ${step}.`

const facts = (rollout: View): ReadonlyArray<ReadonlyArray<string>> => [
  ["Step since", rollout.step_started_at],
  ["Last change", `${rollout.updated_at} by ${rollout.updated_by}`],
  ["Reason", rollout.reason],
  ["Next step", rollout.automatic ? "by itself, once this one went well" : "when an operator takes it"],
]

const verdicts = {
  good: "The canary does well",
  broken: "The canary does badly",
  insufficient: "Too little was seen to say how the canary does",
} as const

const assessed = ({
  verdict,
  scope,
  since,
  until,
  requests,
  errors,
  checks,
}: Assessment): ReadonlyArray<string> => [
  `${verdicts[verdict]}, ${scope === "all" ? "on all instances" : "on the instance that answers alone, because the database is away"}, from ${since} to ${until}.`,
  table(
    ["CHECK", "CANARY", "CONTROL", "LIMIT", "VERDICT"],
    checks.map((check) => [
      check.metric,
      ...[check.canary, check.control, check.limit].map((value) => measured(check.metric, value)),
      check.verdict,
    ]),
  ),
  table(
    ["SAMPLE", "CANARY", "CONTROL"],
    [
      ["requests", String(requests.canary), String(requests.control)],
      ["errors", String(errors.canary), String(errors.control)],
    ],
  ),
]

const measured = (metric: Check["metric"], value: number | null): string =>
  value === null
    ? "-"
    : metric === "error-ratio"
      ? `${(value * 100).toFixed(2)} %`
      : `${Math.round(value * 1000)} ms`

/** `gateway rollout ...` */
export const rolloutCommand = Command.make("rollout").pipe(
  Command.withDescription("Steer which share of the customers goes through the gateway"),
  Command.withSubcommands([
    status,
    advance,
    steering("pause", "Stay at this step, and go on watching it"),
    steering("resume", "Go on after a pause"),
    abort,
    history,
  ]),
)
