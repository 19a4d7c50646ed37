import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Problem } from "../../src/http/Problems.ts"
import { findRoute } from "../../src/http/Routes.ts"
import { canonicalTarget } from "../../src/http/Target.ts"
import { pinBody, pinPath, pinQuery } from "../../src/http/TenantPin.ts"

const json = "application/json"
const loneSurrogate = "c-\ud800"

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const pinnedText = (text: string, customerId = "mine", contentType = json): string => {
  const pinned = pinBody(bytesOf(text), contentType, customerId)
  if (pinned instanceof Problem) assert.fail(`${text}: ${pinned.message}`)
  return new TextDecoder().decode(pinned)
}
/** Slug and detail of the refusal. */
const refusal = (answer: unknown): string =>
  answer instanceof Problem ? answer.message : `accepted: ${answer}`

describe("the query of a pinned route", () => {
  it.each([
    ["", "?customer_id=mine"],
    ["?", "?customer_id=mine"],
    ["?customer_id=theirs", "?customer_id=mine"],
    ["?a=1&b=2", "?a=1&b=2&customer_id=mine"],
    ["?a=1&customer_id=theirs&b=2", "?a=1&b=2&customer_id=mine"],
    ["?customer_id=theirs&customer_id=others&b=2", "?b=2&customer_id=mine"],
    ["?a=1&customer_id", "?a=1&customer_id=mine"],
    ["?customer%5Fid=theirs", "?customer_id=mine"],
    ["?%63%75stomer_i%64=theirs", "?customer_id=mine"],
    ["?customer_id[]=theirs", "?customer_id=mine"],
    ["?customer_id%5B%5D=theirs&customer_id[0]=theirs", "?customer_id=mine"],
    ["?a=1;customer_id=theirs", "?a=1&customer_id=mine"],
    ["?a=1&customer_id=theirs;b=2", "?a=1&b=2&customer_id=mine"],
    ["?a=1;b=2", "?a=1;b=2&customer_id=mine"],
    ["??customer_id=theirs&?a=1", "??a=1&customer_id=mine"],
    ["?&&a==&&", "?&&a==&&&customer_id=mine"],
    [
      "?customer_ids=x&xcustomer_id=y&a=customer_id",
      "?customer_ids=x&xcustomer_id=y&a=customer_id&customer_id=mine",
    ],
    ["?q=%zz%5&r=%41+b", "?q=%zz%5&r=%41+b&customer_id=mine"],
  ])("%s becomes %s", (search, expected) => {
    assert.strictEqual(pinQuery(search, "mine"), expected)
  })

  it("has the customer escaped, so that it stays one value", () => {
    assert.strictEqual(pinQuery("?a=1", "m&x=1#é"), "?a=1&customer_id=m%26x%3D1%23%C3%A9")
  })

  it("cannot carry a customer without a UTF-8 form", () => {
    assert.match(refusal(pinQuery("?a=1", loneSurrogate)), /^bad-request: .*cannot be written/)
  })
})

describe("the path of a pinned route", () => {
  const template = "/api/v1/customers/{id}/data/export"

  it("names the token's customer in the place of the client's", () => {
    assert.strictEqual(
      pinPath("/api/v1/customers/theirs/data/export", template, "id", "mine"),
      "/api/v1/customers/mine/data/export",
    )
    assert.strictEqual(
      pinPath("/x/theirs/theirs", "/x/{a}/{customer_id}", "customer_id", "m e"),
      "/x/theirs/m%20e",
    )
    assert.strictEqual(pinPath("/x/theirs/y/z", "/x/{customer_id}/**", "customer_id", "mine"), "/x/mine/y/z")
  })

  it.each(["", ".", "..", "..;x", "a/b", "a\\b", "a\0", "../../admin", "%2e%2e", "%2f", loneSurrogate])(
    "refuses a customer that is no path segment: %j",
    (customerId) => {
      const path = pinPath("/api/v1/customers/x/data/export", template, "id", customerId)
      assert.match(refusal(path), /^bad-request: .*cannot be written/)
    },
  )

  it("fails rather than leave the client's customer when the template has no such parameter", () => {
    assert.throws(() => pinPath("/api/v1/customers/theirs", "/api/v1/customers/{id}", "customer_id", "mine"))
    assert.throws(() => pinPath("/a", "/a/{id}", "id", "mine"))
  })
})

describe("the body of a pinned route", () => {
  it.each([
    ["{}", '{"customer_id":"mine"}'],
    [" { } ", '{"customer_id":"mine"}'],
    ['{"customer_id":"theirs"}', '{"customer_id":"mine"}'],
    ['{"a":1,"customer_id":"theirs","b":[true,null]}', '{"a":1,"b":[true,null],"customer_id":"mine"}'],
    ['{"customer_id":"theirs","a":1,"customer_id":"others"}', '{"a":1,"customer_id":"mine"}'],
    ['{"customer\\u005fid":"theirs"}', '{"customer_id":"mine"}'],
    ['{ "customer_id" :\n{"customer_id":"theirs"} , "a":{}}', '{ "a":{},"customer_id":"mine"}'],
    ['{"nested":{"customer_id":"theirs"}}', '{"nested":{"customer_id":"theirs"},"customer_id":"mine"}'],
    [
      '{"a":"\\",\\"customer_id\\":\\"","b":"}\\\\"}',
      '{"a":"\\",\\"customer_id\\":\\"","b":"}\\\\","customer_id":"mine"}',
    ],
    ['\n{"a" : "é\\u00e9\\ud800"\t} ', '{"a" : "é\\u00e9\\ud800"\t,"customer_id":"mine"}'],
    [
      '{"customer_ids":1,"Customer_id":2,"":3}',
      '{"customer_ids":1,"Customer_id":2,"":3,"customer_id":"mine"}',
    ],
    ['{"a":1,"2":[[],{"b":","}],"a":2}', '{"a":1,"2":[[],{"b":","}],"a":2,"customer_id":"mine"}'],
  ])("%s becomes %s", (text, expected) => {
    assert.strictEqual(pinnedText(text), expected)
  })

  it("keeps the spelling of every number", () => {
    const numbers = "[12345678901234567890,1.0,-0,1e999,0.1000000000000000055511151231257827,1E+2]"
    assert.strictEqual(pinnedText(`{"n":${numbers}}`), `{"n":${numbers},"customer_id":"mine"}`)
  })

  it("nodejs/node#63785: a key that another body had before does not take the place of an escaped one", () => {
    pinnedText('{"caf\\\\":1}')
    pinnedText('{"a":1,"\\\\":1}')
    assert.strictEqual(pinnedText('{"caf\\u00e9":1}'), '{"caf\\u00e9":1,"customer_id":"mine"}')
    assert.strictEqual(pinnedText('{"a":1,"\\n":1}'), '{"a":1,"\\n":1,"customer_id":"mine"}')
  })

  it("takes __proto__ and constructor for the data that they are", () => {
    const members =
      '"__proto__":{"customer_id":"theirs","polluted":1},"constructor":{"prototype":{"polluted":1}}'
    assert.strictEqual(pinnedText(`{${members}}`), `{${members},"customer_id":"mine"}`)
    assert.isFalse("polluted" in {})
  })

  it("carries any customer as a string", () => {
    assert.strictEqual(pinnedText("{}", '"},{"x":"'), '{"customer_id":"\\"},{\\"x\\":\\""}')
    assert.strictEqual(pinnedText("{}", "__proto__"), '{"customer_id":"__proto__"}')
  })

  it.each([
    json,
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/merge-patch+json",
  ])("is JSON as %s", (contentType) => {
    assert.strictEqual(pinnedText("{}", "mine", contentType), '{"customer_id":"mine"}')
  })

  it.each([
    undefined,
    "",
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonx",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=utf-8; charset=utf-7",
    "application/json\ntext/plain",
    "xapplication/json",
  ])("is refused as %j, which is not JSON in UTF-8", (contentType) => {
    assert.match(refusal(pinBody(bytesOf("{}"), contentType, "mine")), /^bad-request: .*Content-Type/)
  })

  it.each(["", " ", "null", "1", "1.5e3", '"customer_id"', "true", "[]", '[{"customer_id":"theirs"}]'])(
    "is refused when it is no object: %s",
    (text) => assert.match(refusal(pinBody(bytesOf(text), json, "mine")), /^bad-request: .*one JSON object/),
  )

  it.each(["{", "{'a':1}", '{"a":1,}', '{"a":1}{}', '{"a":01}', '{"a":NaN}', "\ufeff{}", '{"a":"\n"}'])(
    "is refused when it is no JSON: %j",
    (text) => assert.match(refusal(pinBody(bytesOf(text), json, "mine")), /^bad-request: .*one JSON object/),
  )

  it("is refused when it is no UTF-8", () => {
    for (const bytes of [[0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d], [...Buffer.from("{}", "utf16le")]]) {
      assert.match(refusal(pinBody(Uint8Array.from(bytes), json, "mine")), /^bad-request: .*one JSON object/)
    }
  })

  it("may be nested as deeply as the size limit lets it be", () => {
    const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
    assert.strictEqual(pinnedText(`{"a":${nested}}`), `{"a":${nested},"customer_id":"mine"}`)
  })
})

/** Queries of pieces, half of which spell the customer somehow. */
const pieces = [
  ..."customer_id customer%5fid %63ustomer_id customer_id[] customer_id%5B0%5D theirs".split(" "),
  ..."&&&;;===[]?%+a0",
]
const queries = Arbitrary.array(Arbitrary.schema(Schema.Literals(pieces)), { maxLength: 12 }).pipe(
  Arbitrary.map((parts) => `?${parts.join("")}`),
)

const runs = { arbitrary: { runs: 2000 } }

describe("for every request", () => {
  it.prop(
    "a query names the token's customer once, for every kind of parser, and pinning it again changes nothing",
    [queries],
    ([search]) => {
      const pinned = String(pinQuery(search, "mine"))
      assert.deepStrictEqual(new URLSearchParams(pinned).getAll("customer_id"), ["mine"])
      const names = pinned
        .slice(1)
        .split(/[&;]/)
        .map((part) => [...new URLSearchParams(part).keys()].join())
      assert.deepStrictEqual(
        names.filter((name) => name.startsWith("customer_id") && !/^customer_id[^[]/.test(name)),
        ["customer_id"],
      )
      assert.strictEqual(pinQuery(pinned, "mine"), pinned)
    },
    runs,
  )

  it.prop(
    "a query without the customer stays byte for byte, with the customer behind it",
    [queries],
    ([search]) => {
      const without = search.replaceAll(/customer_id|customer%5fid|%63ustomer_id/g, "x")
      if (without === "?") return
      assert.strictEqual(pinQuery(without, "mine"), `${without}&customer_id=mine`)
    },
    runs,
  )

  it.prop(
    "a pinned path is canonical and finds the same route with the token's customer, or is refused",
    [Schema.String],
    ([customerId]) => {
      const template = "/api/v1/customers/{id}/erase"
      const path = pinPath("/api/v1/customers/theirs/erase", template, "id", customerId)
      if (path instanceof Problem) return
      assert.deepStrictEqual(canonicalTarget(path, path.length), { path, search: "" })
      const match = findRoute("CP", "DELETE", path)
      if (match instanceof Problem) assert.fail(match.message)
      assert.strictEqual(match.route.template, template)
      assert.strictEqual(decodeURIComponent(match.params["id"] ?? ""), customerId)
    },
    runs,
  )

  it.prop(
    "a body keeps all its other members, and has the token's customer",
    [Schema.Record(Schema.String, Schema.Json), Schema.Record(Schema.String, Schema.Json), Schema.String],
    ([before, after, customerId]) => {
      const [first, second] = [before, after].map((members) => {
        const { customer_id: _, ...others } = members
        return JSON.stringify(others).slice(1, -1)
      })
      const parts = [first, '"customer_id":"theirs"', second].filter((part) => part !== "")
      const kept = [first, second, `"customer_id":${JSON.stringify(customerId)}`].filter(
        (part) => part !== "",
      )
      assert.strictEqual(pinnedText(`{${parts.join(",")}}`, customerId), `{${kept.join(",")}}`)
    },
    runs,
  )

  it.prop(
    "bytes of any kind are pinned or refused",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))],
    ([bytes]) => {
      const pinned = pinBody(Uint8Array.from(bytes), json, "mine")
      if (pinned instanceof Problem) assert.strictEqual(pinned.slug, "bad-request")
      else assert.strictEqual(JSON.parse(new TextDecoder().decode(pinned)).customer_id, "mine")
    },
    runs,
  )
})
