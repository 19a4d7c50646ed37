import { readFileSync } from "node:fs"

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

/** The Dockerfile, each instruction on one line and without comments. */
export const instructions: ReadonlyArray<string> = read("Dockerfile")
  .replace(/^#.*\n/gm, "")
  .replace(/\\\n\s*/g, "")
  .split("\n")
  .filter((line) => line !== "")

/** The command of an instruction in exec form, such as ENTRYPOINT. */
export const commandOf = (instruction: string): ReadonlyArray<string> => {
  const line = instructions.find((each) => each.startsWith(`${instruction} `)) ?? ""
  return JSON.parse(line.slice(line.indexOf("[")))
}

export const composeFile: string = read("deploy/compose.yaml")
export const dockerIgnore: ReadonlyArray<string> = read(".dockerignore").trim().split("\n")
export const packageFile: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
  read("package.json"),
)
