import { Context, Effect, Layer } from "effect"
import * as FileKeptFlags from "../../../layers/file/KeptFlags.ts"
import { KeptFlags } from "../../../src/flags/KeptFlags.ts"

/** `KeptFlags` in a directory, as one process has it until the scope closes. */
export const keptFlagsOf = (directory: string) =>
  Effect.map(Layer.build(Layer.fresh(FileKeptFlags.layerDirectory(directory))), (context) =>
    Context.get(context, KeptFlags),
  )
