import { Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { ApprovalView } from "../admin/Approvals.ts"
import { approvalStatuses } from "../policy/Approvals.ts"
import { adminFlags, limitFlag, printAnswer, reasonFlag } from "./AdminCommand.ts"
import { printable, table } from "./Table.ts"

type View = typeof ApprovalView.Type

const list = Command.make(
  "list",
  {
    ...adminFlags,
    status: Flag.Literals("status", approvalStatuses).pipe(
      Flag.withDescription("Only those with this status"),
      Flag.optional,
    ),
    limit: limitFlag,
  },
  ({ status, limit, ...said }) =>
    printAnswer(
      said,
      ({ approvals }) =>
        approvals.list({ query: { limit, ...(Option.isSome(status) ? { status: status.value } : {}) } }),
      ({ approvals }) =>
        approvals.length === 0
          ? "There is no such approval."
          : table(
              ["ID", "STATUS", "ACTION", "CUSTOMER", "RESOURCE", "REQUESTED BY", "REQUESTED", "EXPIRES"],
              approvals.map((approval) => [
                approval.id,
                statusOf(approval),
                approval.action,
                approval.customer_id,
                approval.resource,
                approval.requested_by,
                approval.requested_at,
                approval.expires_at,
              ]),
            ),
    ),
).pipe(Command.withDescription("Print what customers have asked Governors to approve, the newest first"))

const statusOf = ({ status, expired }: View): string => (expired ? `${status}, expired` : status)

const deciding = (name: "approve" | "deny", about: string) =>
  Command.make(
    name,
    {
      id: Argument.String("id").pipe(Argument.withDescription("The approval's id")),
      reason: reasonFlag,
      ...adminFlags,
    },
    ({ id, reason, ...said }) =>
      printAnswer(
        said,
        ({ approvals }) => approvals[name]({ params: { id }, payload: { reason } }),
        ({ status, action, customer_id, resource }) =>
          printable(`${id} is ${status}: ${action} of ${resource} by ${customer_id}.`),
      ),
  ).pipe(Command.withDescription(about))

/** `gateway approvals ...` */
export const approvalsCommand = Command.make("approvals").pipe(
  Command.withDescription("Decide what needs a Governor's approval"),
  Command.withSubcommands([
    list,
    deciding("approve", "Approve an act, as a Governor who did not ask for it"),
    deciding("deny", "Deny an act, as a Governor who did not ask for it"),
  ]),
)
