import { build, type Metafile, type Plugin } from "esbuild"
import { readFileSync } from "node:fs"
import { cp, readFile, rm, writeFile } from "node:fs/promises"
import { isBuiltin } from "node:module"
import { dirname, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import undici from "undici"

const project = import.meta.dirname

/**
 * Bundles a program of this project into `outdir`, an absolute path: `main.js` and a few files beside it. They need
 * Node 24 and nothing else: no `node_modules`, no sources. To find and link a thousand small modules is most of a
 * start (SPEC 19).
 *
 * Fails when the bundle would look at run time for a package or a file that is not in it.
 */
export const bundle = async (entry: string, outdir: string): Promise<void> => {
  await rm(outdir, { recursive: true, force: true })
  const { metafile, warnings } = await build({
    absWorkingDir: project,
    entryPoints: { main: entry },
    outdir,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    // What is imported dynamically stays in a file of its own, and is read only when it is needed.
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "linked",
    // Stack traces need positions, not text.
    sourcesContent: false,
    // CommonJS packages call `require` for Node's own modules, and an ES module has none.
    banner: {
      js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
    },
    plugins: [ownSources(outdir), undiciByName],
    metafile: true,
    // What it has to say is in the error that it throws, and below.
    logLevel: "silent",
  })
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join("\n"))
  refuseMissing(metafile)
  await copyFilesOfPglite(metafile, outdir)
  // Without it Node reads each file twice to find out that it is an ES module.
  await writeFile(join(outdir, "package.json"), '{ "type": "module" }\n')
}

/** What the bundler does not do by itself for this project's modules. */
const ownSources = (outdir: string): Plugin => ({
  name: "own-sources",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      loader: "ts",
      contents: await withFilesBeside(unpackBarrels(await readFile(path, "utf8")), path, outdir),
    })),
})

/**
 * Reads `import { Effect } from "effect"` as `import * as Effect from "effect/Effect"`, which says the same. The
 * bundler drops what a namespace has and nobody uses, but not when the namespace comes out of a barrel. That is a
 * sixth of the time to start.
 */
const unpackBarrels = (text: string): string =>
  text.replace(
    /^import \{([^}]+)\} from "(effect(?:\/[\w-]+)?)"$/gm,
    (statement, names: string, barrel: string) =>
      // The lines that follow keep their numbers.
      unpacked(names.split(","), barrel) + statement.replace(/[^\n]/g, ""),
  )

const unpacked = (names: ReadonlyArray<string>, barrel: string): string => {
  const namespaces = namespacesOf(barrel)
  return names
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "))
    .map((name) => {
      const [original = name, local = original] = name.split(" as ")
      return namespaces.has(original)
        ? `import * as ${local} from "${barrel}/${original}"`
        : `import { ${name} } from "${barrel}"`
    })
    .join(";")
}

/** The modules that a barrel of the `effect` package exports, each as a namespace of its own name. */
const namespacesOf = (barrel: string): ReadonlySet<string> => {
  const known = namespaces.get(barrel)
  if (known !== undefined) return known
  const text = readFileSync(fileURLToPath(import.meta.resolve(barrel)), "utf8")
  const found = new Set(
    [...text.matchAll(/^export \* as (\w+) from "\.\/\1\.js"/gm)].map(([, name = ""]) => name),
  )
  namespaces.set(barrel, found)
  return found
}
const namespaces = new Map<string, ReadonlySet<string>>()

/**
 * Copies the files and folders that a module finds by `new URL("...", import.meta.url)`, each to its place in the
 * project but under `outdir`, and lets the module find the copies.
 */
const withFilesBeside = async (text: string, path: string, outdir: string): Promise<string> => {
  const beside = /new URL\("(\.[^"]*)", import\.meta\.url\)/g
  if (text.replace(beside, "").includes("import.meta")) {
    throw new Error(
      `${path} asks where it is, and in the bundle it is elsewhere. Only new URL("...", import.meta.url) is understood.`,
    )
  }
  const placeOf = (url: string) => relative(project, resolve(dirname(path), url))
  for (const [, url = ""] of text.matchAll(beside)) {
    await cp(join(project, placeOf(url)), join(outdir, placeOf(url)), { recursive: true })
  }
  return text.replace(beside, (_, url: string) => {
    const slash = url.endsWith("/") ? "/" : ""
    return `new URL("./${placeOf(url)}${slash}", import.meta.url)`
  })
}

/**
 * `@effect/platform-node` imports undici dynamically, through a module of its own that says `export *` of it. A module
 * in a file of its own has only the names that are written in it, and those of a CommonJS package are not: so they are
 * written here.
 */
const undiciByName: Plugin = {
  name: "undici-by-name",
  setup: ({ onLoad }) =>
    onLoad({ filter: /platform-node\/dist\/Undici\.js$/ }, () => ({
      contents: `import undici from "undici"
        export default undici
        export const { ${Object.keys(undici).join(", ")} } = undici`,
    })),
}

/** PGlite looks beside its own module, which the bundler puts into `outdir`, for what it is compiled to and starts from. */
const copyFilesOfPglite = async ({ inputs }: Metafile, outdir: string): Promise<void> => {
  if (!Object.keys(inputs).some((path) => path.includes("@electric-sql/pglite"))) return
  const folder = dirname(fileURLToPath(import.meta.resolve("@electric-sql/pglite")))
  await Promise.all(
    ["pglite.wasm", "pglite.data", "initdb.wasm"].map((name) => cp(join(folder, name), join(outdir, name))),
  )
}

/** Native accelerators of `ws`, which looks for them and does without. */
const optional = new Set(["bufferutil", "utf-8-validate"])

const refuseMissing = ({ outputs }: Metafile): void => {
  const imported = Object.values(outputs).flatMap(({ imports }) => imports)
  const missing = new Set(
    imported
      .filter(({ path, external }) => external === true && !isBuiltin(path) && !optional.has(path))
      .map(({ path }) => path),
  )
  if (missing.size > 0) throw new Error(`The bundle would look for ${[...missing].join(", ")} at run time.`)
}

if (import.meta.main) await bundle("src/main.ts", join(project, "dist"))
