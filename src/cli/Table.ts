/** Text that may come from anyone, without what would move the cursor of a terminal or turn its line around. */
export const printable = (text: string): string => text.replaceAll(/\p{C}/gu, "")

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
