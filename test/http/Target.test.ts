import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { Problem } from "../../src/http/Problems.ts"
import { canonicalTarget, type Target } from "../../src/http/Target.ts"

const limit = 8192

const accepted = (rawUrl: string): Target => {
  const target = canonicalTarget(rawUrl, limit)
  if (target instanceof Problem) assert.fail(`${rawUrl}: ${target.message}`)
  return target
}
/** Slug and detail of the refusal. */
const refusal = (rawUrl: string, maxBytes = limit): string => {
  const target = canonicalTarget(rawUrl, maxBytes)
  return target instanceof Problem ? target.message : `${JSON.stringify(rawUrl)} was accepted`
}

describe("a clean target", () => {
  it.each([
    "/",
    "/health",
    "/api/v1/agents/a-1",
    "/.well-known/x",
    "/a/...",
    "/a/..b/.c/d..",
    "/a/b;v=1/c",
    "/a/x:y@z!$&'()*+,=",
    "/~user/a_b",
  ])("passes as it is: %s", (path) => {
    assert.deepStrictEqual(accepted(path), { path, search: "" })
  })

  it("keeps the query byte for byte, whatever is escaped in it", () => {
    for (const search of ["?", "?a=1&a=2", "?next=%2F..%2f&p=/../x//y", "?q=%zz%", "?f[]=1|2", "?a?b"]) {
      assert.deepStrictEqual(accepted(`/api/v1/agents${search}`), { path: "/api/v1/agents", search })
    }
  })
})

describe("the normal form", () => {
  it("has unreserved characters decoded and all other escapes in upper case", () => {
    assert.strictEqual(accepted("/%61pi/v%31/%7euser/a%2Db%5Fc").path, "/api/v1/~user/a-b_c")
    assert.strictEqual(accepted("/a%3ab/%c3%a9%20x").path, "/a%3Ab/%C3%A9%20x")
  })

  it("keeps a dot inside a name, however it is spelled", () => {
    assert.strictEqual(accepted("/a%2ejson/%2ewell-known/..%61b").path, "/a.json/.well-known/..ab")
  })

  it("keeps an encoded percent sign that starts no escape", () => {
    assert.strictEqual(accepted("/100%25/50%25off").path, "/100%25/50%25off")
  })
})

describe("what is not an absolute path is refused", () => {
  it.each(["", "*", "api/v1", "http://cp.waooaw.com/api/v1/agents", "cp.waooaw.com:443", "?a=1", "%2fapi"])(
    "%s",
    (rawUrl) => assert.match(refusal(rawUrl), /^bad-request: .*absolute path/),
  )
  it("a host in the place of the path", () =>
    assert.match(refusal("//evil.example/api"), /^bad-request: .*empty segment/))
})

describe("empty segments are refused", () => {
  it.each(["//", "/a//b", "/a/", "/a/b/?q=1", "/a//?q", "/%61//b"])("%s", (rawUrl) =>
    assert.match(refusal(rawUrl), /^bad-request: .*empty segment/),
  )
})

describe("dot segments are refused in any spelling", () => {
  it.each([
    "/.",
    "/..",
    "/a/../b",
    "/a/./b",
    "/a/..",
    "/a/..?q=1",
    "/a/%2e%2e/b",
    "/a/%2E%2e",
    "/a/.%2e/b",
    "/a/%2E./b",
    "/a/%2e/b",
    "/a/..;x/b",
    "/a/..;/b",
    "/a/.;x=1",
    "/a/%2e%2e;x/b",
    "/a/..%3bx/b",
    "/a/..%20/b",
    "/%61/../b",
  ])("%s", (rawUrl) => assert.match(refusal(rawUrl), /^bad-request: .*dot segment/))
})

describe("slashes, backslashes and control characters are refused in segments", () => {
  it.each(["/a%2fb", "/a%2Fb", "/..%2f..%2fetc"])("%s", (rawUrl) =>
    assert.match(refusal(rawUrl), /^bad-request: .*encoded slash/),
  )
  it.each(["/a\\b", "/a%5cb", "/a%5C..%5C", "/\\evil.example"])("%s", (rawUrl) =>
    assert.match(refusal(rawUrl), /^bad-request: .*backslash/),
  )
  it.each(["/a\0", "/a%00", "/a\r\nX: y", "/a%0d%0aX", "/a%1f", "/a\x7f", "/a%7F", "/a?q=\n", "/a?q=\x7f"])(
    "%j",
    (rawUrl) => assert.match(refusal(rawUrl), /^bad-request: .*control character/),
  )
})

describe("double encoding is refused", () => {
  it.each([
    "/%252e%252e/a",
    "/a%252fb",
    "/a%255Cb",
    "/a%2500",
    "/a%25%32%65",
    "/a%25%32e",
    "/%25252e",
    "/a%2541",
  ])("%s", (rawUrl) => assert.match(refusal(rawUrl), /^bad-request: .*encoded twice/))
})

describe("what RFC 3986 does not allow is refused, not repaired", () => {
  it.each(["/a%", "/a%2", "/a%2/b", "/a%zz", "/%%32e", "/a%g0", "/a%u002e"])("%s", (rawUrl) =>
    assert.match(refusal(rawUrl), /^bad-request: .*two hexadecimal digits/),
  )
  it.each(["/%ff", "/%c3", "/%c3x%a9", "/%c0%ae", "/%c0%af", "/%ed%a0%80", "/%f5%80%80%80"])("%s", (rawUrl) =>
    assert.match(refusal(rawUrl), /^bad-request: .*not UTF-8/),
  )
  it.each(["/\u00e9", "/a?q=\u00e9", "/\u0100", "/a\u202e"])("%j", (rawUrl) =>
    assert.match(refusal(rawUrl), /^bad-request: .*outside ASCII/),
  )
  it.each(["/a#b", "/a?q#b"])("%s", (rawUrl) => assert.match(refusal(rawUrl), /^bad-request: .*fragment/))
  it.each(["/a b", "/a?q= b", '/a"b', "/a<b>", "/a|b", "/a^b", "/a`b", "/{id}", "/a[0]"])("%s", (rawUrl) =>
    assert.match(refusal(rawUrl), /^bad-request: .*must be percent-encoded/),
  )
})

describe("a target that is too long", () => {
  it("is 414, and one of just the limit passes", () => {
    assert.match(refusal("/abc?d=e", 7), /^uri-too-long: .* 7 bytes/)
    assert.deepStrictEqual(canonicalTarget("/abc?d=e", 8), { path: "/abc", search: "?d=e" })
  })
  it("is told from its length before anything else is read", () => {
    assert.match(refusal("http://x/\0%%%%%%%%%%%", 10), /^uri-too-long/)
  })
})

describe("bugs of other gateways", () => {
  it("fastify-reply-from GHSA-2q7r: %2E%2E does not climb out of the prefix", () =>
    assert.match(refusal("/api/v1/%2E%2E/%2E%2E/admin/db/tables"), /^bad-request: .*dot segment/))
  it("fastify-reply-from GHSA-2q7r: mixed spelling does not climb out either", () =>
    assert.match(refusal("/api/v1/.%2E/%2e./internal"), /^bad-request: .*dot segment/))
  it("Apache httpd CVE-2021-41773: .%2e is a dot segment", () =>
    assert.match(refusal("/cgi-bin/.%2e/.%2e/bin/sh"), /^bad-request: .*dot segment/))
  it("Apache httpd CVE-2021-42013: %%32%65 is no escape", () =>
    assert.match(refusal("/cgi-bin/%%32%65%%32%65/bin/sh"), /^bad-request: .*two hexadecimal digits/))
  it("Tomcat behind a proxy: ..;/ is a dot segment with a path parameter", () =>
    assert.match(refusal("/api/v1/agents/..;/manager/html"), /^bad-request: .*dot segment/))
  it("Envoy CVE-2021-29492: an encoded slash is no segment's end", () =>
    assert.match(refusal("/public%2f..%2fadmin"), /^bad-request: .*encoded slash/))
  it("nginx merge_slashes: a double slash is not merged", () =>
    assert.match(refusal("/api//v1/agents"), /^bad-request: .*empty segment/))
})

/** Paths of pieces that mean something to one server or another. */
const pieces = Schema.Literals([
  ..."/.;%?#\\ ab2eE5cCfF0\0~-_:@",
  ..."%2e %2E %2f %5c %00 %25 %32 %65 %61 %c3%a9 %C3 %3b %7e .. //".split(" "),
])
const piecewise = Arbitrary.array(Arbitrary.schema(pieces), { maxLength: 12 }).pipe(
  Arbitrary.map((parts) => `/${parts.join("")}`),
)
/** Targets that mostly pass: the interesting properties are of what is accepted. */
const plausible = Arbitrary.array(
  Arbitrary.schema(
    Schema.Literals([
      "/a",
      "/b.",
      "/.c",
      "/..d",
      "/%61",
      "/x%3a",
      "/%c3%a9",
      "%2e",
      "%7E",
      "%20",
      "%25",
      "z",
      ";v",
    ]),
  ),
  { maxLength: 10 },
).pipe(Arbitrary.map((parts) => `/p${parts.join("")}`))

const runs = { arbitrary: { runs: 3000 } }

/** As a lenient server decodes: what is no escape stays. */
const decoded = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))

const assertHarmless = (path: string): void => {
  let segments = path.split("/").slice(1)
  for (let times = 0; times <= 2; times++) {
    for (const segment of segments) {
      const name = segment.split(";", 1).join()
      assert.isFalse(name === "." || name === "..", `dot segment in ${path} decoded ${times} times`)
      assert.notMatch(segment, /[/\\]/, `slash in ${path} decoded ${times} times`)
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      assert.notMatch(segment, /[\0-\x1f\x7f]/, `control in ${path} decoded ${times} times`)
    }
    segments = segments.map(decoded)
  }
}

describe("for every target", () => {
  for (const [name, targets] of Object.entries({ piecewise, plausible })) {
    it.prop(
      `reading it twice is reading it once (${name})`,
      [targets],
      ([rawUrl]) => {
        const target = canonicalTarget(rawUrl, limit)
        if (target instanceof Problem) return
        assert.deepStrictEqual(canonicalTarget(target.path + target.search, limit), target)
      },
      runs,
    )
    it.prop(
      `an accepted path is harmless, decoded never, once or twice (${name})`,
      [targets],
      ([rawUrl]) => {
        const target = canonicalTarget(rawUrl, limit)
        if (!(target instanceof Problem)) assertHarmless(target.path)
      },
      runs,
    )
    it.prop(
      `an accepted path means what was sent (${name})`,
      [targets],
      ([rawUrl]) => {
        const target = canonicalTarget(rawUrl, limit)
        if (target instanceof Problem) return
        assert.strictEqual(
          decodeURIComponent(target.path) + target.search,
          decodeURIComponent(rawUrl.split("?", 1).join()) +
            rawUrl.slice(rawUrl.length - target.search.length),
        )
      },
      runs,
    )
  }

  it.prop(
    "one path has one spelling: escaping unreserved characters changes nothing",
    [plausible, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))],
    ([rawUrl, at]) => {
      const target = canonicalTarget(rawUrl, limit)
      if (target instanceof Problem || at >= target.path.length) return
      if (!/[A-Za-z0-9._~-]/.test(target.path.charAt(at)) || /%.?$/.test(target.path.slice(0, at))) return
      const code = target.path.charCodeAt(at).toString(16)
      const respelled = `${target.path.slice(0, at)}%${code}${target.path.slice(at + 1)}`
      assert.deepStrictEqual(canonicalTarget(respelled, limit), { path: target.path, search: "" })
    },
    runs,
  )

  it.prop(
    "any string gets an answer",
    [Schema.String],
    ([text]) => {
      const target = canonicalTarget(text, limit)
      if (!(target instanceof Problem)) assertHarmless(target.path)
    },
    runs,
  )

  it.effect("the generators reach what they are for", () =>
    Effect.gen(function* () {
      const samples = yield* Arbitrary.sampleEffect(plausible, { count: 300, size: 10 })
      const outcomes = samples.map((rawUrl) => canonicalTarget(rawUrl, limit))
      const paths = outcomes.flatMap((target) => (target instanceof Problem ? [] : [target.path]))
      assert.isAbove(paths.filter((path, index) => path !== samples[index]).length, 50)
      assert.isAbove(paths.filter((path) => path.includes("%")).length, 50)
      const wild = yield* Arbitrary.sampleEffect(piecewise, { count: 300, size: 10 })
      const refusals = wild.filter((rawUrl) => canonicalTarget(rawUrl, limit) instanceof Problem)
      assert.isAbove(refusals.length, 50)
      assert.isBelow(refusals.length, 300)
    }),
  )
})
