/**
 * Makes `compiled/` from the Rego sources and `data.json`, or checks that it is still what they make.
 *
 * `node policies/build.ts` needs the `opa` program: `$TEST_OPA_BIN`, else the one on the path.
 * `node policies/build.ts --check` always compares hashes, so a stale file is found without `opa`; with an `opa` of
 * the version that built the files it also builds them again and compares every byte. Under `TEST_LIVE=1` a check
 * that cannot do that fails.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** What the gateway and the tests know of a compiled policy without opening it. */
interface Manifest {
  /** Names the sources: it changes when any byte of them does, and the decision cache is emptied with it. */
  readonly revision: string
  /** The version of `opa` that built the files. */
  readonly opa: string
  /** SHA-256 by file name. */
  readonly sources: Readonly<Record<string, string>>
  readonly artifacts: Readonly<Record<string, string>>
}

const policies = import.meta.dirname
const compiled = join(policies, "compiled")
/** In the order of their entry point ids, 0 and 1. */
const entryPoints = ["gateway/decision/decision", "gateway/batch/decisions"]

class Refusal extends Error {}

const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex")

/** Runs a program in the policies' folder and returns what it printed. */
const run = (program: string, ...args: ReadonlyArray<string>): Buffer => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: policies, maxBuffer: 2 ** 26 })
  if (error !== undefined) throw new Refusal(`Cannot run ${program}: ${error.message}`)
  if (status !== 0) throw new Refusal(`${program} ${args.join(" ")} failed:\n${stderr}`)
  return stdout
}

const rego = readdirSync(policies)
  .filter((name) => name.endsWith(".rego") && !name.endsWith("_test.rego"))
  .toSorted()

const hashSources = (): Record<string, string> =>
  Object.fromEntries([...rego, "data.json"].map((name) => [name, sha256(readFileSync(join(policies, name)))]))

const revisionOf = (sources: Readonly<Record<string, string>>): string =>
  sha256(JSON.stringify(sources)).slice(0, 16)

/** `data.json` with the revision in its place, so that every engine can say which policy it holds. */
const compileData = (revision: string): Buffer => {
  const parts = readFileSync(join(policies, "data.json"), "utf8").split('"uncompiled"')
  if (parts.length !== 2)
    throw new Refusal('policies/data.json must say "uncompiled" once, for its revision.')
  return Buffer.from(parts.join(JSON.stringify(revision)))
}

/** Runs where the sources are and names them without a folder: the names end up in the compiled file. */
const compileWasm = (opa: string): Buffer => {
  const scratch = mkdtempSync(join(tmpdir(), "gateway-policies-"))
  try {
    const bundle = join(scratch, "bundle.tar.gz")
    const entries = entryPoints.flatMap((entry) => ["--entrypoint", entry])
    run(opa, "build", "--target", "wasm", ...entries, "--output", bundle, ...rego, "data.json")
    return run("tar", "-xzOPf", bundle, "/policy.wasm")
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

const versionOf = (opa: string): string => {
  const version = /^Version: (\S+)$/m.exec(run(opa, "version").toString())?.[1]
  if (version === undefined) throw new Refusal(`${opa} does not say its version.`)
  return version
}

const build = (opa: string): { readonly manifest: Manifest; readonly files: Record<string, Buffer> } => {
  const sources = hashSources()
  const revision = revisionOf(sources)
  const files = { "policy.wasm": compileWasm(opa), "data.json": compileData(revision) }
  const artifacts = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)]))
  return { manifest: { revision, opa: versionOf(opa), sources, artifacts }, files }
}

const write = (opa: string): string => {
  const { manifest, files } = build(opa)
  mkdirSync(compiled, { recursive: true })
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(compiled, name), bytes)
  writeFileSync(join(compiled, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`)
  return `Compiled revision ${manifest.revision} with OPA ${manifest.opa}.`
}

const readCompiled = (name: string): Buffer => {
  try {
    return readFileSync(join(compiled, name))
  } catch {
    throw new Refusal(`policies/compiled/${name} is missing. Run: node policies/build.ts`)
  }
}

const check = (opa: string | undefined): string => {
  // Every member is compared with what it should be before it is used.
  const manifest = JSON.parse(readCompiled("manifest.json").toString()) as Manifest
  const sources = hashSources()
  const revision = revisionOf(sources)
  if (manifest.revision !== revision || JSON.stringify(manifest.sources) !== JSON.stringify(sources)) {
    throw new Refusal(
      `policies/compiled is stale: the sources are revision ${revision}, it was made from ` +
        `${manifest.revision}. Run: node policies/build.ts`,
    )
  }
  for (const name of ["policy.wasm", "data.json"]) {
    if (sha256(readCompiled(name)) !== manifest.artifacts[name]) {
      throw new Refusal(
        `policies/compiled/${name} is not the file that the manifest describes. Build it again.`,
      )
    }
  }
  const current = `policies/compiled is current (revision ${revision})`
  const why = whyNotRebuilt(opa, manifest)
  if (why !== undefined && process.env["TEST_LIVE"] === "1") throw new Refusal(`Cannot build again: ${why}.`)
  if (opa === undefined || why !== undefined) return `${current}; by its hashes only: ${why}.`
  for (const [name, bytes] of Object.entries(build(opa).files)) {
    if (!bytes.equals(readCompiled(name))) {
      throw new Refusal(`policies/compiled/${name} is not what its sources make. Run: node policies/build.ts`)
    }
  }
  return `${current}, byte for byte.`
}

const whyNotRebuilt = (opa: string | undefined, manifest: Manifest): string | undefined => {
  if (opa === undefined) return "there is no opa program"
  const version = versionOf(opa)
  return version === manifest.opa ? undefined : `OPA is ${version}, the files were built with ${manifest.opa}`
}

const findOpa = (): string | undefined => {
  const named = process.env["TEST_OPA_BIN"]
  if (named !== undefined && named !== "") return named
  return spawnSync("opa", ["version"]).status === 0 ? "opa" : undefined
}

const main = (args: ReadonlyArray<string>): string => {
  const opa = findOpa()
  if (args.length === 1 && args[0] === "--check") return check(opa)
  if (args.length > 0) throw new Refusal("Usage: node policies/build.ts [--check]")
  if (opa === undefined) {
    throw new Refusal(
      "Building the policies needs the opa program: set TEST_OPA_BIN, or put opa on the path.",
    )
  }
  return write(opa)
}

try {
  process.stdout.write(`${main(process.argv.slice(2))}\n`)
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
