import murmurhash from "murmurhash"

/** The steps of a rollout, each within the next (SPEC 11). */
export const cohorts = ["canary_5pct", "canary_25pct", "canary_50pct", "stable_100pct"] as const
export type Cohort = (typeof cohorts)[number]

/** The share of customers in each, in percent. */
export const percentOf: Readonly<Record<Cohort, number>> = {
  canary_5pct: 5,
  canary_25pct: 25,
  canary_50pct: 50,
  stable_100pct: 100,
}

/** Never changed: another would put every customer into another cohort. */
const group = "gateway"

const encoder = new TextEncoder()
/** Ids are encoded here, for every request does it and `murmurhash` would make a new encoder each time. */
const scratch = new Uint8Array(1024)

const utf8 = (text: string): Uint8Array => {
  const { read, written } = encoder.encodeInto(text, scratch)
  return read === text.length ? scratch.subarray(0, written) : encoder.encode(text)
}

/** From 1 to 100, all equally likely; the same id has the same in the same group, for ever. */
const bucketOf = (groupId: string, id: string): number =>
  (murmurhash.v3(utf8(`${groupId}:${id}`), 0) % 100) + 1

/**
 * Whether the id is among so many percent of the group, by the rule of Unleash's gradual rollout: the normalised
 * murmur3 (x86, 32 bits) of the UTF-8 bytes of `group:id`. Who is among 5 % is among 25 % too.
 */
export const isInRollout = (percent: number, groupId: string, id: string): boolean =>
  bucketOf(groupId, id) <= percent

/** The smallest cohort that the customer is in. */
export const cohortOf = (customerId: string): Cohort => {
  const bucket = bucketOf(group, customerId)
  return cohorts.find((cohort) => bucket <= percentOf[cohort]) ?? "stable_100pct"
}
