import { assert, describe, it } from "@effect/vitest"
import { type Name, names, settingOf } from "../../src/config/Settings.ts"
import { commandOf, composeFile, dockerIgnore, instructions, packageFile } from "./Image.ts"

const seconds = (name: Name) => Number(settingOf(name).defaults.production)

describe("the image", () => {
  it("has the Node that the project is tested with", () => {
    const image = instructions.find((line) => line.startsWith("ARG NODE_IMAGE="))
    assert.strictEqual(image, `ARG NODE_IMAGE=node:${packageFile.dependencies["node"]}-bookworm-slim`)
  })

  it("is built from files that .dockerignore lets through", () => {
    const copied = instructions
      .filter((line) => line.startsWith("COPY ") && !line.startsWith("COPY --from="))
      .flatMap((line) => line.split(" ").slice(1, -1))
    assert.sameMembers(
      dockerIgnore.filter((line) => line.startsWith("!")),
      copied.map((path) => `!${path}`),
    )
  })

  it("runs one process, not as root, and lets it drain", () => {
    assert.deepStrictEqual([...commandOf("ENTRYPOINT"), ...commandOf("CMD")], ["node", "main.js", "serve"])
    assert.include(instructions, "USER 1000:1000")
    assert.include(instructions, "STOPSIGNAL SIGTERM")
    assert.include(instructions, "ENV GATEWAY_PROFILE=production")
    assert.include(instructions, `VOLUME ${settingOf("STATE_DIR").defaults.production}`)
    assert.include(instructions, `EXPOSE ${settingOf("PORT").defaults.production}`)
  })
})

describe("the compose file", () => {
  it("gives a drain the time that it may take", () => {
    const grace = /gateway:\n[^]*?stop_grace_period: (\d+)s/.exec(composeFile)?.[1]
    assert.isAbove(Number(grace), seconds("DRAIN_DELAY_SECONDS") + seconds("DRAIN_TIMEOUT_SECONDS"))
  })

  it("passes on what must be stated in production, and only what the gateway reads", () => {
    const [, environment = ""] = /gateway:\n[^]*?environment:\n([^]*?)\n\n/.exec(composeFile) ?? []
    const passed = [...environment.matchAll(/^ +([A-Z_]+):/gm)].map(([, name]) => name)
    assert.includeMembers(
      passed,
      names.filter((name) => settingOf(name).mustBeStatedIn.includes("production")),
    )
    assert.includeMembers([...names], passed)
  })
})
