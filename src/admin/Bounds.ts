/*
 * What the admin API takes, and how that is called. Apart from its schemas, which take long to load: the command line
 * holds what is said to it against the same bounds, and says so in the same words.
 */

interface Text {
  readonly pattern: RegExp
  readonly expected: string
}
interface Whole {
  readonly minimum: number
  readonly maximum: number
}

/** Why somebody does something, for the record. */
export const reason: Text = {
  pattern: /^(?=.*\S)\P{Cc}{1,500}$/u,
  expected: "one line of 1 to 500 characters that says why",
}

/** What a token can name, and whatever else a row written by hand may be called. */
export const customerId: Text = {
  pattern: /^(?!\s)\P{Cc}{1,256}(?<!\s)$/u,
  expected: "the id of a customer: 1 to 256 characters, none of control, and no blank at either end",
}

/** What a customer's row may be labelled with for reports. */
export const cohortLabel: Text = {
  pattern: /^\P{Cc}{1,100}$/u,
  expected: "one line of 1 to 100 characters",
}

/** How much of a list is asked for at once. */
export const listed: Whole = { minimum: 1, maximum: 200 }

/** How long an operator's word over a circuit breaker can hold, in minutes. */
export const forcedMinutes: Whole = { minimum: 1, maximum: 1440 }
