import { hash } from "node:crypto"
import { BoundedMemory } from "../primitives/BoundedMemory.ts"
import type { Identity } from "./ConstitutionalContext.ts"

/** What stands for a token in memory: never the token itself, so that a heap dump signs nobody in. */
export const tokenDigest = (token: string): string => hash("sha256", token, "base64")

/** The tokens whose signature and claims were verified (SPEC 3, speed). Bounded; kept by digest. */
export interface VerifiedTokens {
  /** Who the token speaks of, unless it was never verified, was forgotten, or its time is over. */
  readonly recall: (digest: string, now: number) => Identity | undefined
  /** `until`, like `now`, in milliseconds since the epoch. */
  readonly remember: (digest: string, identity: Identity, until: number) => void
  readonly forget: (digest: string) => void
}

export const makeVerifiedTokens = (capacity: number): VerifiedTokens => {
  const known = new BoundedMemory<{ readonly identity: Identity; readonly until: number }>(capacity)
  return {
    recall: (digest, now) => {
      const entry = known.get(digest)
      if (entry === undefined) return undefined
      if (now < entry.until) return entry.identity
      known.delete(digest)
      return undefined
    },
    remember: (digest, identity, until) => known.set(digest, { identity, until }),
    forget: (digest) => known.delete(digest),
  }
}
