import { Config, type Option, Result, type SchemaIssue } from "effect"
import type { Fault } from "./ConfigFaults.ts"
import type { Kind } from "./Kinds.ts"

/** A whole set of defaults: what a bare start gives, and what a real deployment needs. */
export type Profile = "embedded" | "production"

/** One environment variable: everything the gateway, its messages and its documentation know about it. */
export interface Setting<A> {
  readonly config: (name: string) => Config.Config<A>
  /** Text that stands in when the variable is not set, written as an operator would. */
  readonly defaults: Readonly<Partial<Record<Profile, string>>>
  readonly mustBeStatedIn: ReadonlyArray<Profile>
  readonly expects: string
  readonly example?: string
  readonly secret: boolean
  /** One sentence. */
  readonly about: string
}
/** What a setting decodes to. */
export type ValueOf<S> = S extends Setting<infer A> ? A : never

const profiles: ReadonlyArray<Profile> = ["embedded", "production"]

/** A setting that always has a value: its default, for all profiles or by profile; a profile without one must state it. */
export const setting = <A>(fields: {
  readonly kind: Kind<A>
  readonly default: string | Setting<A>["defaults"]
  readonly about: string
}): Setting<A> => {
  const { kind, about } = fields
  const defaults =
    typeof fields.default === "string"
      ? { embedded: fields.default, production: fields.default }
      : fields.default
  const mustBeStatedIn = profiles.filter((profile) => defaults[profile] === undefined)
  return { ...kind, defaults, mustBeStatedIn, about }
}

/** A setting that may stay unset. */
export const optional = <A>(fields: {
  readonly kind: Kind<A>
  readonly mustBeStatedIn?: Profile
  readonly about: string
}): Setting<Option.Option<A>> => ({
  ...fields.kind,
  config: (name) => Config.option(fields.kind.config(name)),
  defaults: {},
  mustBeStatedIn: fields.mustBeStatedIn === undefined ? [] : [fields.mustBeStatedIn],
  about: fields.about,
})

/** A comma list that may stay unset, which is the same as empty. */
export const list = <A>(fields: {
  readonly kind: Kind<ReadonlyArray<A>>
  readonly about: string
}): Setting<ReadonlyArray<A>> => ({
  ...fields.kind,
  config: (name) => fields.kind.config(name).pipe(Config.withDefault<ReadonlyArray<A>>([])),
  defaults: {},
  mustBeStatedIn: [],
  about: fields.about,
})

/** The text as it may be shown: on one line, not too long, and without a password that stands before a host. */
export const quoted = (text: string): string => {
  const open = text.replace(/^([a-z+-]+:\/\/)?.*@/is, "$1<redacted>@")
  return JSON.stringify(open.length > 80 ? `${open.slice(0, 77)}...` : open)
}

/** What the checks in `Kinds.ts` and its neighbours say, without the library's words for plain mismatches. */
const ownMessages = (issue: SchemaIssue.Issue): ReadonlyArray<string> => {
  if ("issues" in issue) return issue.issues.flatMap(ownMessages)
  if ("issue" in issue) return ownMessages(issue.issue)
  const message = issue._tag === "InvalidValue" ? issue.annotations?.message : undefined
  return typeof message === "string" ? [message] : []
}

/** The fix of every fault that has no better one. */
const setTo = (name: string, { expects, example }: Setting<unknown>): string =>
  `Set ${name} to ${expects}${example === undefined ? "" : `, such as ${example}`}.`

const wrong = (name: string, about: Setting<unknown>, text: string, error: Config.ConfigError): Fault => {
  const own = error.cause._tag === "SchemaError" ? ownMessages(error.cause.issue) : []
  const plain = `${about.secret ? "The value" : quoted(text)} is not ${about.expects}.`
  return { variable: name, problem: own.length === 0 ? plain : own.join(" "), fix: setTo(name, about) }
}

/**
 * Reads a setting without failing, so that all faults of an environment can be told at once.
 * `text` is what the variable or its default says; absent is a fault only where the profile wants a statement.
 */
export const reading = <A>(
  name: string,
  about: Setting<A>,
  text: string | undefined,
  profile: Profile,
): Config.Config<Result.Result<A, Fault>> => {
  if (text === undefined && about.mustBeStatedIn.includes(profile)) {
    const problem = `It is not set, and the ${profile} profile has no default for it.`
    return Config.succeed(Result.fail({ variable: name, problem, fix: setTo(name, about) }))
  }
  return about.config(name).pipe(
    Config.map((value) => Result.succeed(value)),
    Config.orElse((error) => Config.succeed(Result.fail(wrong(name, about, text ?? "", error)))),
  )
}
