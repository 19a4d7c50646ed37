import { ByteSize, Config, Option, Redacted, Schema, SchemaGetter, SchemaTransformation } from "effect"

/** What the text of a variable may be: how it is decoded, and the words that tell an operator so. */
export interface Kind<A> {
  /** Reads the named variable. Messages of its own checks are shown as they are, so they never quote a secret. */
  readonly config: (name: string) => Config.Config<A>
  /** Completes "is not ..." and "Set it to ...", units included. */
  readonly expects: string
  /** A likely value, where the words alone leave doubt. */
  readonly example?: string
  readonly secret: boolean
}

const open = <A>(expects: string, config: Kind<A>["config"], example?: string): Kind<A> => ({
  config,
  expects,
  secret: false,
  ...(example === undefined ? {} : { example }),
})

/** The same kind, and no one gets to see the value. */
export const secretly = <A>(kind: Kind<A>): Kind<Redacted.Redacted<A>> => ({
  ...kind,
  config: (name) => kind.config(name).pipe(Config.map((value) => Redacted.make(value))),
  secret: true,
})

/** The items of a comma list, without the space around them and without repetition. */
const items = (text: string): ReadonlyArray<string> => [
  ...new Set(
    text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== ""),
  ),
]

/** Text for which `problem` finds no fault. A problem is a sentence that names the faulty part. */
export const checked = (
  expects: string,
  example: string | undefined,
  problem: (text: string) => string | undefined,
): Kind<string> => {
  const codec = Schema.String.check(Schema.makeFilter(problem))
  return open(expects, (name) => Config.schema(codec, name), example)
}

/** A comma list; every faulty item is reported. */
export const checkedList = (
  expects: string,
  example: string,
  problem: (item: string) => string | undefined,
): Kind<ReadonlyArray<string>> => {
  const problems = (text: string) => items(text).flatMap((item) => problem(item) ?? [])
  const codec = Schema.String.check(Schema.makeFilter(problems))
  return open(expects, (name) => Config.schema(codec, name).pipe(Config.map(items)), example)
}

/** A whole number within bounds, both included. */
export const whole = (minimum: number, maximum: number): Kind<number> => {
  const codec = Schema.Int.check(Schema.isBetween({ minimum, maximum }))
  return open(`a whole number from ${minimum} to ${maximum}`, (name) => Config.schema(codec, name))
}

/** 0 takes any free port, which tests and demos want. */
export const port: Kind<number> = { ...whole(0, 65_535), expects: "a port number from 0 to 65535" }

/** Seconds within bounds, both included; fractions are allowed. */
export const seconds = (minimum: number, maximum: number): Kind<number> => {
  const codec = Schema.Finite.check(Schema.isBetween({ minimum, maximum }))
  return open(`a number of seconds from ${minimum} to ${maximum}`, (name) => Config.schema(codec, name))
}

/** How many times something, fractions included. */
export const atLeast = (minimum: number): Kind<number> =>
  open(`a number of ${minimum} or more`, (name) =>
    Config.schema(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(minimum)), name),
  )

/** A share of a whole. */
export const share: Kind<number> = open("a number from 0 to 1", (name) =>
  Config.schema(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })), name),
)

const byteCount = (text: string): number | undefined =>
  ByteSize.fromString(/^\d+$/.test(text) ? `${text} B` : text).pipe(
    Option.flatMap(ByteSize.toNumber),
    Option.getOrUndefined,
  )

/** A number of bytes within bounds, alone or with a unit. */
export const bytes = (
  smallest: `${number} ${"B" | "KiB"}`,
  largest: `${number} ${"MiB" | "TiB"}`,
): Kind<number> => {
  const bounds = { minimum: byteCount(smallest) ?? Number.NaN, maximum: byteCount(largest) ?? Number.NaN }
  const codec = Schema.String.pipe(
    Schema.decodeTo(Schema.Finite.check(Schema.isBetween(bounds)), {
      // Text that is no size becomes NaN, which is not finite and so refused.
      decode: SchemaGetter.transform((text: string) => byteCount(text) ?? Number.NaN),
      encode: SchemaGetter.transform(String),
    }),
  )
  const expects = `a size from ${smallest} to ${largest}, in bytes or with a unit such as KiB or MiB`
  return open(expects, (name) => Config.schema(codec, name))
}

export const flag: Kind<boolean> = open("true or false", Config.Boolean)

const spelled = <const L extends string>(literals: ReadonlyArray<L>) => {
  const canonical = (text: string) =>
    literals.find((literal) => literal.toLowerCase() === text.toLowerCase()) ?? text
  return Schema.String.pipe(
    Schema.decode({ decode: SchemaGetter.transform(canonical), encode: SchemaGetter.passthrough() }),
    Schema.decodeTo(Schema.Literals(literals), SchemaTransformation.passthroughSupertype<L, string>()),
  )
}

/** One of the words, whatever the case of its letters. */
export const oneOf = <const L extends string>(literals: ReadonlyArray<L>): Kind<L> => {
  const codec = spelled(literals)
  return open(`one of ${literals.join(", ")}`, (name) => Config.schema(codec, name))
}

/** A comma list of the words. */
export const someOf = <const L extends string>(literals: ReadonlyArray<L>): Kind<ReadonlyArray<L>> => {
  const codec = Schema.String.pipe(
    Schema.decodeTo(Schema.Array(spelled(literals)), {
      decode: SchemaGetter.transform(items),
      encode: SchemaGetter.transform((words: ReadonlyArray<string>) => words.join(",")),
    }),
  )
  return open(`a comma list of ${literals.join(", ")}`, (name) => Config.schema(codec, name))
}

/** Space at the ends of a value is a line break that came with a file more often than it is meant. */
export const spaced = (text: string): string | undefined =>
  text.trim() === text ? undefined : "The value starts or ends with white space."

/** Free text without white space at its ends. */
export const text = (expects: string, example: string): Kind<string> => checked(expects, example, spaced)
