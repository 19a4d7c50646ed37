import type { Resolution } from "./Resolve.ts"
import type { Profile, Setting } from "./Setting.ts"
import { chapters, type Name, names, settingOf } from "./Settings.ts"
import type { Origin } from "./Sources.ts"
import { rules } from "./Rules.ts"

/** One line of `gateway config explain`. */
export interface Row {
  readonly setting: Name
  /** What is in force, as text; null when unset, `<redacted>` when it is a secret. */
  readonly value: string | null
  readonly origin: Origin
  readonly about: string
}

/** The effective configuration, one row a setting, in the order of the documentation. */
export const explain = ({ sources }: Pick<Resolution, "sources">): ReadonlyArray<Row> =>
  names.map((setting) => {
    const { origin, text } = sources.get(setting) ?? { origin: "default" as const, text: null }
    return { setting, value: text, origin, about: settingOf(setting).about }
  })

const defaultOf = (setting: Setting<unknown>): string => {
  const one = (profile: Profile) =>
    setting.mustBeStatedIn.includes(profile) ? "must be stated" : (setting.defaults[profile] ?? "unset")
  const [embedded, production] = [one("embedded"), one("production")]
  return embedded === production ? embedded : `${embedded}; production: ${production}`
}

const chapter = (title: string, settings: Readonly<Record<string, Setting<unknown>>>): string => {
  const rows = Object.entries(settings).map(
    ([name, setting]) =>
      `| \`${name}\` | ${setting.expects}${setting.secret ? " (secret)" : ""} | ${defaultOf(setting)} | ${setting.about} |`,
  )
  return [`## ${title}`, "", "| Variable | Value | Default | About |", "|---|---|---|---|", ...rows].join(
    "\n",
  )
}

/** The page `docs/configuration.md`. */
export const page = (): string => `# Configuration

The gateway is configured by environment variables alone. They are read once, at start. When any of them is wrong or
missing, the gateway does not start: it prints every fault, each with the variable, the problem and the fix, and exits
with code 2. An empty value counts as not set. \`gateway config check\` does the same without starting;
\`gateway config explain\` prints what is in force and where it came from.

This page is generated from the table in \`src/config/Settings.ts\`; a test keeps it current, and
\`vitest run test/config/documentation.test.ts -u\` writes it anew.

${chapters.map(([title, settings]) => chapter(title, settings)).join("\n\n")}

## What must hold between settings

${rules.map(({ about }) => `- ${about}`).join("\n")}
`
