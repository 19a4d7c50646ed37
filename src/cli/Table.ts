/** Text that may come from anyone, without what would move the cursor of a terminal or turn its line around. */
export const printable = (text: string): string => text.replaceAll(/[\p{C}\u2028\u2029]/gu, "")

/** The same of several lines. */
export const printableLines = (text: string): string => text.split("\n").map(printable).join("\n")

/** JSON that says the same, and shows a terminal nothing of the kind. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value, null, 2).replaceAll(/[^\P{C}\n]|[\u2028\u2029]/gu, (text) =>
    Array.from(
      { length: text.length },
      (_, n) => `\\u${text.charCodeAt(n).toString(16).padStart(4, "0")}`,
    ).join(""),
  )

/** Rows under a head, in columns as wide as they need. */
export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const lines = [head, ...rows].map((line) => line.map(printable))
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}
