import { assert, describe, it } from "@effect/vitest"
import { bearerToken, maxTokenLength, tokenHeader } from "../../src/auth/Token.ts"
import { Problem } from "../../src/http/Problems.ts"

const slugOf = (result: unknown): string => (result instanceof Problem ? result.slug : "accepted")

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")
const withHeader = (header: unknown): string => `${part(header)}.${part({})}.c2ln`

describe("the Authorization header", () => {
  const accepted: ReadonlyArray<readonly [name: string, rawHeaders: ReadonlyArray<string>]> = [
    ["the usual form", ["Host", "x", "Authorization", "Bearer a.b.c"]],
    ["a lower-case header name", ["authorization", "Bearer a.b.c"]],
    ["any case of the scheme (RFC 9110 section 11.1)", ["AUTHORIZATION", "bEaReR a.b.c"]],
    ["several blanks after the scheme", ["Authorization", "Bearer   a.b.c"]],
    [
      "a header whose value looks like its name",
      ["X-Name", "authorization", "Authorization", "Bearer a.b.c"],
    ],
  ]
  it.each(accepted)("accepts %s", (_, rawHeaders) => {
    assert.strictEqual(bearerToken(rawHeaders), "a.b.c")
  })

  const malformed: ReadonlyArray<readonly [name: string, rawHeaders: ReadonlyArray<string>]> = [
    ["two headers", ["Authorization", "Bearer a.b.c", "Authorization", "Bearer d.e.f"]],
    ["two equal headers", ["Authorization", "Bearer a.b.c", "authorization", "Bearer a.b.c"]],
    ["a second, empty header", ["Authorization", "Bearer a.b.c", "Authorization", ""]],
    ["a second header of another scheme", ["Authorization", "Bearer a.b.c", "Authorization", "Basic eDp5"]],
    ["another scheme", ["Authorization", "Basic eDp5"]],
    ["no scheme", ["Authorization", "a.b.c"]],
    ["no token", ["Authorization", "Bearer"]],
    ["an empty header", ["Authorization", ""]],
    ["a scheme that only begins like Bearer", ["Authorization", "BearerX a.b.c"]],
    ["another scheme first", ["Authorization", "Basic eDp5, Bearer a.b.c"]],
    ["a tab after the scheme", ["Authorization", "Bearer\ta.b.c"]],
    ["a token over the limit", ["Authorization", `Bearer ${"a".repeat(maxTokenLength + 1)}`]],
  ]
  it.each(malformed)("refuses %s as invalid-token-format", (_, rawHeaders) => {
    assert.strictEqual(slugOf(bearerToken(rawHeaders)), "invalid-token-format")
  })

  it("is missing: unauthorized, with a challenge that names no error (RFC 6750 section 3.1)", () => {
    const problem = bearerToken(["Host", "x"])
    assert.instanceOf(problem, Problem)
    assert.strictEqual(problem.slug, "unauthorized")
    assert.match(problem.headers?.["www-authenticate"] ?? "", /^Bearer realm="[^"]+"$/)
  })
})

describe("the token's form and header", () => {
  it("reads algorithm and key id", () => {
    assert.deepStrictEqual(tokenHeader(withHeader({ alg: "RS256", kid: "k1", typ: "JWT" })), {
      alg: "RS256",
      kid: "k1",
    })
  })

  it.each(["JWT", "jwt", "at+jwt", "application/at+jwt"])("accepts the type %s", (typ) => {
    assert.strictEqual(slugOf(tokenHeader(withHeader({ alg: "HS256", typ }))), "accepted")
  })

  const misshapen: ReadonlyArray<readonly [name: string, token: string]> = [
    ["nothing", ""],
    ["one part", "abc"],
    ["two parts", "abc.def"],
    ["an unsigned token", `${part({ alg: "none" })}.${part({})}.`],
    ["an encrypted token", "a.b.c.d.e"],
    [
      "two tokens joined by a comma",
      `${withHeader({ alg: "HS256" })}, Bearer ${withHeader({ alg: "HS256" })}`,
    ],
    ["a second scheme behind the token", `${withHeader({ alg: "HS256" })}, Basic eDp5`],
    ["standard base64", "a+b.c/d.e="],
    ["a header that is no JSON", "YWJj.e30.c2ln"],
    ["a header that is an array", `${part([])}.${part({})}.c2ln`],
    ["a line break behind the token", `${withHeader({ alg: "HS256" })}\n`],
  ]
  it.each(misshapen)("refuses %s as invalid-token-format", (_, token) => {
    assert.strictEqual(slugOf(tokenHeader(token)), "invalid-token-format")
  })

  const unacceptable: ReadonlyArray<readonly [name: string, header: unknown]> = [
    ["no algorithm", {}],
    ["an algorithm that is no string", { alg: ["HS256"] }],
    ["a critical extension", { alg: "HS256", crit: ["exp"], exp: 1 }],
    ["an empty list of critical extensions", { alg: "HS256", crit: [] }],
    ["the type of an id token's logout", { alg: "HS256", typ: "logout+jwt" }],
    ["a type that is no string", { alg: "HS256", typ: 1 }],
    ["a key id that is no string", { alg: "HS256", kid: { $ne: "" } }],
    ["a null key id", { alg: "HS256", kid: null }],
  ]
  it.each(unacceptable)("refuses %s as invalid-token", (_, header) => {
    assert.strictEqual(slugOf(tokenHeader(withHeader(header))), "invalid-token")
  })
})
