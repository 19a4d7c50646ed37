import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { cohortLabel, customerId } from "../admin/Bounds.ts"
import type { ChangedView, CustomerView, FlagsEvent, FlagsRow } from "../admin/FlagViews.ts"
import { adminFlags, limitFlag, printAnswer, reasonFlag } from "./AdminCommand.ts"
import { printable, table } from "./Table.ts"

type Row = typeof FlagsRow.Type
type Values = Pick<Row, "gateway_enabled" | "middleware" | "rollout_cohort">

const customer = Argument.String("customer").pipe(
  Argument.withDescription("The id of the customer"),
  Argument.filter(
    (id) => customerId.pattern.test(id),
    () => customerId.expected,
  ),
)

const status = Command.make("status", adminFlags, (said) =>
  printAnswer(
    said,
    ({ flags }) => flags.status(),
    ({ state, revision, rows, confirmed_at, age_seconds, default_enabled }) =>
      [
        `The flags of the instance that answers are ${state}.`,
        confirmed_at === null
          ? "The database has never confirmed any."
          : `The database confirmed them ${age_seconds} seconds ago, at ${confirmed_at}: revision ${revision}.`,
        `${rows === 1 ? "One customer has a row of their own." : `${rows} customers have rows of their own.`}`,
        `Where neither a row nor a rollout says otherwise, customers go ${way(default_enabled)}.`,
      ].join("\n"),
  ),
).pipe(Command.withDescription("Print how well one instance knows the flags"))

const list = Command.make(
  "list",
  {
    ...adminFlags,
    after: Flag.String("after").pipe(
      Flag.withDescription("Only customers whose ids come after this one"),
      Flag.optional,
    ),
    limit: limitFlag,
  },
  ({ after, limit, ...said }) =>
    printAnswer(
      said,
      ({ flags }) =>
        flags.list({ query: { limit, ...(Option.isSome(after) ? { after: after.value } : {}) } }),
      ({ flags, next }) =>
        [
          flags.length === 0
            ? "No customer has a row here, so the rollout decides for all."
            : table(
                ["CUSTOMER", "GOES", "WITHOUT", "COHORT", "UPDATED", "BY"],
                flags.map((row) => [
                  row.customer_id,
                  way(row.gateway_enabled),
                  without(row.middleware).join(", "),
                  row.rollout_cohort ?? "",
                  row.updated_at,
                  row.updated_by,
                ]),
              ),
          ...(next === null ? [] : [printable(`There are more: go on with --after ${JSON.stringify(next)}`)]),
        ].join("\n"),
    ),
).pipe(Command.withDescription("Print the customers that have rows of their own"))

const get = Command.make("get", { customer, ...adminFlags }, ({ customer: customer_id, ...said }) =>
  printAnswer(
    said,
    ({ flags }) => flags.read({ query: { customer_id } }),
    ({ row, row_known, holds }) =>
      printable(
        row_known
          ? row === null
            ? `${customer_id} has no row.`
            : `${customer_id} has a row: ${valuesText(row)}; by ${row.updated_by} at ${row.updated_at}.`
          : `Whether ${customer_id} has a row cannot be read now: the database is away.`,
      ) + `\n${holdsText(holds)}`,
  ),
).pipe(Command.withDescription("Print a customer's row, and where the customer's requests go now"))

const yesNo = (name: string, about: string) =>
  Flag.ChoiceWithValue(name, [
    ["true", true],
    ["false", false],
  ]).pipe(Flag.withDescription(about))
const stage = (name: string) =>
  Flag.optional(yesNo(name, `Whether the customer's requests pass the ${name} stage`))

const set = Command.make(
  "set",
  {
    customer,
    enabled: yesNo(
      "enabled",
      "Whether the customer goes through the gateway; else to the direct integration",
    ),
    rbac: stage("rbac"),
    policy: stage("policy"),
    budget: stage("budget"),
    cohort: Flag.String("cohort").pipe(
      Flag.withDescription("A label for reports, which decides nothing; empty for none"),
      Flag.filter(
        (label) => label === "" || cohortLabel.pattern.test(label),
        () => cohortLabel.expected,
      ),
      Flag.optional,
    ),
    reason: reasonFlag,
    ...adminFlags,
  },
  ({ customer: customer_id, enabled, rbac, policy, budget, cohort, reason, ...said }) =>
    printAnswer(
      said,
      Effect.fnUntraced(function* ({ flags }) {
        const query = { customer_id }
        const { row } = yield* flags.read({ query })
        const middleware = { rbac, policy, budget }
        return yield* flags.write({
          query,
          payload: {
            gateway_enabled: enabled,
            middleware: { ...row?.middleware, ...sayings(middleware) },
            rollout_cohort: Option.match(cohort, {
              onNone: () => row?.rollout_cohort ?? null,
              onSome: (label) => (label === "" ? null : label),
            }),
            reason,
            version: row?.version ?? null,
          },
        })
      }),
      changedText,
    ),
).pipe(
  Command.withDescription(
    "Write a customer's row, which decides whatever the rollout; what is not said stays",
  ),
)

const sayings = (said: Readonly<Record<string, Option.Option<boolean>>>): Readonly<Record<string, boolean>> =>
  Object.fromEntries(
    Object.entries(said).flatMap(([name, value]) => (Option.isSome(value) ? [[name, value.value]] : [])),
  )

const disable = Command.make(
  "disable",
  { customer, reason: reasonFlag, ...adminFlags },
  ({ customer: customer_id, reason, ...said }) =>
    printAnswer(
      said,
      ({ flags }) => flags.disable({ query: { customer_id }, payload: { reason } }),
      changedText,
    ),
).pipe(Command.withDescription("Take a customer off the gateway now, whoever has changed the row meanwhile"))

const remove = Command.make(
  "remove",
  { customer, reason: reasonFlag, ...adminFlags },
  ({ customer: customer_id, reason, ...said }) =>
    printAnswer(
      said,
      Effect.fnUntraced(function* ({ flags }) {
        const query = { customer_id }
        const { row, row_known, holds } = yield* flags.read({ query })
        if (row === null && row_known) return { customer_id, before: null, row, holds }
        return yield* flags.remove({ query, payload: { reason, version: row?.version ?? "" } })
      }),
      changedText,
    ),
).pipe(Command.withDescription("Remove a customer's row, so that the rollout decides again"))

const history = Command.make(
  "history",
  {
    customer: Argument.optional(customer),
    ...adminFlags,
    limit: limitFlag,
  },
  ({ customer: of, limit, ...said }) =>
    printAnswer(
      said,
      ({ flags }) =>
        flags.history({ query: { limit, ...(Option.isSome(of) ? { customer_id: of.value } : {}) } }),
      ({ events }) =>
        events.length === 0 ? "No row was ever changed here." : table(historyHead, events.map(historyLine)),
    ),
).pipe(Command.withDescription("Print who changed rows and why, the newest first; of one customer or of all"))

const historyHead = ["AT", "CUSTOMER", "BY", "BEFORE", "AFTER", "REASON"]
const historyLine = ({ at, customer_id, by, before, after, reason }: typeof FlagsEvent.Type) => [
  at,
  customer_id,
  by,
  before === null ? "no row" : valuesText(before),
  after === null ? "no row" : valuesText(after),
  reason ?? "",
]

const way = (enabled: boolean): string => (enabled ? "through the gateway" : "direct")

const without = (middleware: Row["middleware"]): ReadonlyArray<string> =>
  Object.entries(middleware).flatMap(([name, on]) => (on ? [] : [name]))

/** Such as `through the gateway, without policy, cohort canary_25pct`. */
const valuesText = ({ gateway_enabled, middleware, rollout_cohort }: Values): string =>
  [
    way(gateway_enabled),
    ...(without(middleware).length === 0 ? [] : [`without ${without(middleware).join(" and ")}`]),
    ...(rollout_cohort === null ? [] : [`cohort ${rollout_cohort}`]),
  ].join(", ")

const changedText = ({ customer_id, before, row, holds }: typeof ChangedView.Type): string => {
  const [was, is] = [before, row].map((each) => (each === null ? "no row" : valuesText(each)))
  const what =
    was === is ? `${customer_id} still has: ${is}.` : `${customer_id} had: ${was}. It has now: ${is}.`
  return `${printable(what)}\n${holdsText(holds)}`
}

const holdsText = (holds: (typeof CustomerView.Type)["holds"]): string => {
  if (holds === null) return "Nobody can say now where its requests go, so they are refused."
  const off = holds.to === "gateway" ? without(holds.middleware) : []
  const stages = off.length === 0 ? "" : `, without ${off.join(" and ")}`
  return `Its requests go ${way(holds.to === "gateway")}${stages}: ${becauses[holds.because]}.`
}

const becauses = {
  row: "its row says so",
  cohort: "the rollout says so",
  default: "FLAGS_DEFAULT_ENABLED says so",
} as const

/** `gateway flags ...` */
export const flagsCommand = Command.make("flags").pipe(
  Command.withDescription("Read and change which customers go through the gateway"),
  Command.withSubcommands([status, list, get, set, disable, remove, history]),
)
