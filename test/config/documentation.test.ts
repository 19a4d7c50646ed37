import { expect, it } from "@effect/vitest"
import { page } from "../../src/config/Explain.ts"

// `expect` because its file snapshots can be written anew with `-u`.
it("docs/configuration.md is what the settings table says", async () => {
  await expect(page()).toMatchFileSnapshot("../../docs/configuration.md")
})
