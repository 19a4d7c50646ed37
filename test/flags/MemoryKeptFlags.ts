import { Effect, Layer, Option } from "effect"
import { KeptFlags, type KnownFlags } from "../../src/flags/KeptFlags.ts"

/** What outlives the processes of a machine. */
export interface MemoryDisk {
  kept: { readonly known: KnownFlags; readonly confirmedAt: number } | undefined
}

/** As one process has it. */
const open = (disk: MemoryDisk): KeptFlags["Service"] => {
  let own: KnownFlags | undefined
  return {
    load: Effect.sync(() => {
      own ??= disk.kept?.known
      return Option.fromUndefinedOr(disk.kept)
    }),
    save: (known, confirmedAt) =>
      Effect.sync(() => {
        own = known
        disk.kept = { known, confirmedAt }
      }),
    confirm: (confirmedAt) =>
      Effect.sync(() => {
        const isOutdone = own !== undefined && (disk.kept?.known.revision ?? 0) > own.revision
        if (own !== undefined && !isOutdone) disk.kept = { known: own, confirmedAt }
      }),
  }
}

/** `KeptFlags` on a disk in memory, where only what the contract says happens. */
export const MemoryKeptFlags = {
  open,
  /** On a disk of its own. */
  layer: Layer.sync(KeptFlags, () => open({ kept: undefined })),
}
