import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { loadWasmPolicy } from "../../../layers/wasm/CompiledPolicy.ts"
import { engineOf } from "../../../layers/wasm/PolicyEngine.ts"
import { PolicyUnavailable } from "../../../src/policy/PolicyEngine.ts"
import { describeLive } from "../../Live.ts"
import { temporaryFolder } from "../../TemporaryFolder.ts"
import { customer } from "../../policy/Requests.ts"

/** Another policy than ours: it decides, says nothing, says nonsense or breaks off, as the subject wants it. */
const source = `package gateway.decision

denial := {
	"allow": false,
	"reasons": [{"code": "trial-closed-route"}],
	"obligations": {},
	"permission": null,
	"required_roles": [],
	"cache": {"allowed": false, "until": null},
}

subject := object.get(input, "subject", "none")

decision := denial if not subject in {"nothing", "nonsense", "break"}

decision := "nonsense" if subject == "nonsense"

# Half a character: reading it breaks the evaluation off.
decision := json.unmarshal(half) if subject == "break"

half := concat("", ["\\"", "\\\\", "ud800\\""])
`

const build = Effect.tap(temporaryFolder, (folder) =>
  Effect.sync(() => {
    const run = (program: string, ...args: ReadonlyArray<string>) => {
      const { status, stderr, stdout } = spawnSync(program, args, { cwd: folder, encoding: "utf8" })
      assert.strictEqual(status, 0, stdout + stderr)
    }
    writeFileSync(join(folder, "policy.rego"), source)
    writeFileSync(join(folder, "data.json"), '{"gateway":{"revision":"another"}}')
    const opa = process.env["TEST_OPA_BIN"] ?? "opa"
    run(opa, "build", "--target", "wasm", "--entrypoint", "gateway/decision/decision", "policy.rego")
    run("tar", "-xzPf", "bundle.tar.gz", "/policy.wasm", "--transform", "s,^/,,")
  }),
)

const asking = (subject: string) => ({ ...customer, subject })

await describeLive("An engine with a policy of its own", "TEST_OPA_URLS", () => {
  const engine = Effect.map(Effect.flatMap(build, loadWasmPolicy), engineOf)

  it.live("has its revision and its decisions", () =>
    Effect.gen(function* () {
      const { decide, revision } = yield* engine
      assert.strictEqual(revision(), "another")
      assert.deepStrictEqual((yield* decide(customer)).reasons, [{ code: "trial-closed-route" }])
    }),
  )

  const failures = [
    ["yields nothing", "nothing", "undefined"],
    ["yields what is no decision", "nonsense", "unreadable"],
    ["breaks off", "break", "unreadable"],
  ] as const
  it.live.each(failures)("fails where the policy %s, and decides the next request", ([, subject, reason]) =>
    Effect.gen(function* () {
      const { decide } = yield* engine
      const failure = yield* Effect.flip(decide(asking(subject)))
      assert.instanceOf(failure, PolicyUnavailable)
      assert.strictEqual(failure.reason, reason)
      assert.isFalse((yield* decide(customer)).allow)
    }),
  )

  // What breaks off leaves its stack where it was, and one instance has room for about a thousand.
  it.live("decides however often the policy broke off", () =>
    Effect.gen(function* () {
      const { decide } = yield* engine
      for (let i = 0; i < 2000; i++) yield* Effect.flip(decide(asking("break")))
      assert.isFalse((yield* decide(customer)).allow)
    }),
  )
})
