import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real processes and sockets: a crowd of workers would measure the machine, not the gateway.
    maxWorkers: 2,
    // What the gateway logs is read where a test fails, and is noise where it passes.
    silent: "passed-only",
  },
})
