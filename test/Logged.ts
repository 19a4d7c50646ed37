import { Logger } from "effect"

/** Has what is logged written here, a line each, such as `Warn: Redis does not answer.`, and nowhere else. */
export const loggedIn = (lines: Array<string>) =>
  Logger.layer([
    Logger.make<unknown, void>(({ logLevel, message }) => {
      const [text] = [message].flat()
      lines.push(`${logLevel}: ${String(text)}`)
    }),
  ])
