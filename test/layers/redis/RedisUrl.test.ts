import { assert, describe, it } from "@effect/vitest"
import { readRedisUrl, type RedisAddress } from "../../../layers/redis/RedisUrl.ts"

const plain: RedisAddress = {
  kind: "single",
  tls: false,
  username: undefined,
  password: undefined,
  db: 0,
  endpoints: [{ host: "h", port: 6379 }],
  masterName: undefined,
}

const good: ReadonlyArray<readonly [url: string, address: Partial<RedisAddress>]> = [
  ["redis://h", {}],
  ["redis://h/", {}],
  ["redis://h:7000/3", { endpoints: [{ host: "h", port: 7000 }], db: 3 }],
  ["rediss://h", { tls: true }],
  ["redis://:p%40ss@h", { password: "p@ss" }],
  ["redis://user:p%2Fw@h", { username: "user", password: "p/w" }],
  ["redis://user@h", { username: "user" }],
  ["redis://[::1]:7000", { endpoints: [{ host: "::1", port: 7000 }] }],
  [
    "redis-sentinel://a,b:26380/main",
    {
      kind: "sentinel",
      masterName: "main",
      endpoints: [
        { host: "a", port: 26379 },
        { host: "b", port: 26380 },
      ],
    },
  ],
  [
    "rediss-sentinel://:pw@h/main/2",
    {
      kind: "sentinel",
      tls: true,
      password: "pw",
      masterName: "main",
      db: 2,
      endpoints: [{ host: "h", port: 26379 }],
    },
  ],
  [
    "redis-cluster://u:p@a,b:7001",
    {
      kind: "cluster",
      username: "u",
      password: "p",
      endpoints: [
        { host: "a", port: 6379 },
        { host: "b", port: 7001 },
      ],
    },
  ],
  ["redis-cluster://h/0", { kind: "cluster" }],
]

const bad = [
  "",
  "h:6379",
  "http://h",
  "redis:/h",
  "redis://",
  "redis://a,b",
  "redis://h:0",
  "redis://h:65536",
  "redis://h:port",
  "redis://h/db",
  "redis://h/1/2",
  "redis://h?db=1",
  "redis://:p%zz@h",
  "redis://::1",
  "redis-sentinel://h",
  "redis-sentinel://h/",
  "redis-cluster://h/1",
  "redis-cluster://a,,b",
]

describe("REDIS_URL", () => {
  it.each(good)("%s is understood", (url, address) => {
    assert.deepStrictEqual(readRedisUrl(url), { ...plain, ...address })
  })

  it.each(bad)("%j is refused with a sentence", (url) => {
    const fault = readRedisUrl(url)
    if (typeof fault !== "string") return assert.fail("accepted")
    assert.match(fault, /\.$/)
  })

  it("is never quoted, for it holds a password", () => {
    for (const url of ["redis://:secret-word@a,b", "redis://:secret-word%zz@h", "secret-word"]) {
      assert.notInclude(String(readRedisUrl(url)), "secret-word")
    }
  })
})
