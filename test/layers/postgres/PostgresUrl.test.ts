import { assert, describe, it } from "@effect/vitest"
import { type PostgresAddress, readPostgresUrl } from "../../../layers/postgres/PostgresUrl.ts"

const plain: PostgresAddress = {
  host: "db",
  port: 5432,
  username: "gateway",
  password: "secret",
  database: "records",
  ssl: false,
  applicationName: undefined,
  options: undefined,
}

describe("a DATABASE_URL", () => {
  it.each([
    ["postgres://gateway:secret@db/records", {}],
    ["postgresql://gateway:secret@db:6000/records", { port: 6000 }],
    ["postgres://gateway@db/records", { password: undefined }],
    ["postgres://gateway:secret@[::1]:6000/records", { host: "::1", port: 6000 }],
    [
      "postgres://a%40b:p%2Fq%3F%23%25@db/my%20records",
      { username: "a@b", password: "p/q?#%", database: "my records" },
    ],
    [
      "postgres://gateway:secret@localhost/records?host=/cloudsql/project:region:instance&sslmode=require",
      { host: "/cloudsql/project:region:instance" },
    ],
    [
      "postgres://gateway:secret@db/records?application_name=gateway-7&options=-c%20search_path%3Dgateway",
      { applicationName: "gateway-7", options: "-c search_path=gateway" },
    ],
    ["postgres://gateway:secret@db/records?sslmode=disable", {}],
    ["postgres://gateway:secret@db/records?sslmode=verify-full", { ssl: {} }],
  ])("%s is read", (url, expected) => {
    assert.deepStrictEqual(readPostgresUrl(url), { ...plain, ...expected })
  })

  it.each([
    ["mysql://gateway:secret@db/records", /not of the form/],
    ["postgres:///records", /not of the form/],
    ["postgres://gateway:secret@/records?host=/tmp", /not of the form/],
    ["postgres://gateway:secret@one:5432,two:5432/records", /not of the form/],
    ["postgres://gateway:secret@db:65536/records", /not of the form/],
    ["postgres://gateway:sec#ret@db/records", /not of the form/],
    ["postgres://gateway:secret@db/records#1", /not of the form/],
    ["postgres://gateway:secret@db:0/records", /port is 0/],
    ["postgres://gateway:sec%ret@db/records", /not percent-encoded/],
    ["postgres://gateway:sec%ffret@db/records", /not percent-encoded/],
    ["postgres://gateway:sec%00ret@db/records", /not percent-encoded/],
    ["postgres://:secret@db/records", /names no user/],
    ["postgres://db/records", /names no user/],
    ["postgres://gateway:secret@db", /not one database/],
    ["postgres://gateway:secret@db/", /not one database/],
    ["postgres://gateway:secret@db/records/secret", /not one database/],
    ["postgres://gateway:secret@db/records?sslcert=secret.pem", /parameter "sslcert" is not understood/],
    [
      "postgres://gateway:secret@db/records?sslmode=require&sslmode=disable",
      /sslmode is there more than once/,
    ],
    ["postgres://gateway:secret@db/records?sslmode=prefer", /leaves it to the network/],
    ["postgres://gateway:secret@db/records?sslmode=allow", /leaves it to the network/],
    ["postgres://gateway:secret@db/records?sslmode=secret", /not one of disable, require/],
    ["postgres://gateway:secret@db/records?sslmode=", /not one of disable, require/],
    ["postgres://gateway:secret@db/records?host=secret", /not the directory of a Unix socket/],
  ])("%s is refused, and not quoted", (url, problem) => {
    const refused = readPostgresUrl(url)
    assert.match(String(refused), problem)
    assert.notInclude(String(refused).replace("user:password", ""), "secret")
  })
})
