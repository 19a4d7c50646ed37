import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Bytes that may pass between two collections. */
const allowance = 16 * 1024 * 1024

let passed = 0
let collect: (() => void) | undefined

/**
 * Counts bytes of bodies that have passed, and has V8 collect its young generation for every 16 MiB of them.
 *
 * The buffers that bodies pass through are small objects to V8, whose bytes lie elsewhere. Left alone it lets dead
 * ones gather up to 64 MB, and then walks the whole heap; a large body so costs 100 MB and more than half of its
 * speed. A collection of the young generation takes about a millisecond.
 */
export const countPassed = (bytes: number): void => {
  passed += bytes
  if (passed < allowance) return
  passed = 0
  collect ??= makeCollect()
  collect()
}

/** Node gives its programs no other way to V8's own function, short of a flag on every command line. */
const makeCollect = (): (() => void) => {
  setFlagsFromString("--expose-gc")
  // The function that the flag puts into every new context (v8.dev, GCExtension).
  const gc = runInNewContext("gc") as (options: { readonly type: "minor" }) => void
  return () => gc({ type: "minor" })
}
