import type { ConnectionOptions } from "node:tls"

/** A decoded `DATABASE_URL`. */
export interface PostgresAddress {
  /** A host; or the directory of a Unix socket, which begins with a slash. */
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string | undefined
  readonly database: string
  readonly ssl: false | ConnectionOptions
  readonly applicationName: string | undefined
  /** Settings of the session in the form of libpq's `options`, such as `-c search_path=gateway`. */
  readonly options: string | undefined
}

/** What each `sslmode` asks of the server's certificate, as libpq has it. */
const sslModes = new Map<string, false | ConnectionOptions>([
  ["disable", false],
  ["require", { rejectUnauthorized: false }],
  ["verify-ca", { checkServerIdentity: () => undefined }],
  ["verify-full", {}],
])

const parameters = new Set(["sslmode", "application_name", "host", "options"])

/**
 * Reads a `DATABASE_URL` (SPEC 1); or says in a sentence what is wrong with it, never quoting it, for it holds a
 * password.
 *
 * The form is `postgres://user:password@host:5432/database`, and after a question mark
 *
 * - `sslmode`: `disable` (the default), `require`, `verify-ca` or `verify-full`;
 * - `host`: the directory of a Unix socket, in place of the host before;
 * - `application_name` and `options`, as libpq has them.
 *
 * What is not understood is refused, because a parameter that is passed over may be the one that made it safe.
 */
export const readPostgresUrl = (text: string): PostgresAddress | string => {
  const url = URL.parse(text)
  if (url === null || url.hostname === "" || !/^postgres(ql)?:$/.test(url.protocol) || url.hash !== "") {
    return "It is not of the form postgres://user:password@host:5432/database, with other characters than letters and digits percent-encoded."
  }
  const port = url.port === "" ? 5432 : Number(url.port)
  if (port === 0) return "Its port is 0."
  const parts = [url.username, url.password, url.hostname, url.pathname.slice(1)].map(decoded)
  const [username, password, host, database] = parts
  if (username === undefined || password === undefined || host === undefined || database === undefined)
    return "Its user, password, host or database is not percent-encoded."
  if (username === "") return "It names no user."
  if (database === "" || url.pathname.includes("/", 1)) return "Its path is not one database."

  for (const name of url.searchParams.keys()) {
    if (!parameters.has(name)) return `Its parameter ${JSON.stringify(name)} is not understood.`
    if (url.searchParams.getAll(name).length > 1) return `Its parameter ${name} is there more than once.`
  }
  const parameter = (name: string) => url.searchParams.get(name) ?? undefined
  const directory = parameter("host")
  if (directory !== undefined && !directory.startsWith("/"))
    return "Its parameter host is not the directory of a Unix socket, which begins with a slash."
  const mode = parameter("sslmode")
  if (mode === "prefer" || mode === "allow")
    return `Its sslmode=${mode} leaves it to the network whether anything is encrypted. Say disable, require, verify-ca or verify-full.`
  const ssl = sslModes.get(mode ?? "disable")
  if (ssl === undefined) return "Its sslmode is not one of disable, require, verify-ca and verify-full."
  return {
    host: directory ?? host.replace(/^\[|\]$/g, ""),
    port,
    username,
    password: password === "" ? undefined : password,
    database,
    // PostgreSQL has no TLS there.
    ssl: directory === undefined ? ssl : false,
    applicationName: parameter("application_name"),
    options: parameter("options"),
  }
}

/** Undefined when it is not percent-encoded, or holds a NUL, which PostgreSQL cannot take. */
const decoded = (text: string): string | undefined => {
  if (!/^(?:[^%]|%[0-9a-fA-F]{2})*$/.test(text)) return undefined
  try {
    const plain = decodeURIComponent(text)
    return plain.includes("\0") ? undefined : plain
  } catch {
    return undefined
  }
}
