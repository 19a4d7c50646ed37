/** So many of so many requests. */
export interface Share {
  readonly of: number
  readonly part: number
}

/**
 * How much likelier what was seen must be under the best explanation than under any harmless one, as a natural
 * logarithm: 12 is 160,000 times, what 4.9 standard deviations are. So much because a rollout is looked at each few seconds
 * for hours, over several spans, and a single look that errs aborts it. `docs/decisions/0019-rollout.md` has what that
 * costs and brings.
 */
const sure = 12

/** Whether the share behind what was seen is certainly more than this. */
export const isSurelyOver = (seen: Share, ratio: number): boolean =>
  ratioOf(seen) > ratio && surprise(seen, ratio) >= sure

/**
 * Whether the share behind `seen` is certainly more than the one behind `other` and `margin` together. That of `other`
 * is not known either, so the one is looked for with which both are least surprising: the likelihood ratio test.
 */
export const isSurelyMore = (seen: Share, other: Share, margin: number): boolean => {
  let low = ratioOf(other)
  let high = ratioOf(seen) - margin
  if (high <= low) return false
  // The surprise is convex in the share of `other`, and its least lies between the two.
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2
    if (slope(seen, middle + margin) + slope(other, middle) > 0) high = middle
    else low = middle
  }
  const ratio = (low + high) / 2
  return surprise(seen, ratio + margin) + surprise(other, ratio) >= sure
}

const ratioOf = ({ of, part }: Share): number => part / of

/** How much likelier what was seen is with its own ratio than with this one, as a natural logarithm. */
const surprise = ({ of, part }: Share, ratio: number): number =>
  timesLog(part, part / of / ratio) + timesLog(of - part, (1 - part / of) / (1 - ratio))

const timesLog = (count: number, quotient: number): number => (count === 0 ? 0 : count * Math.log(quotient))

/** How `surprise` grows with the ratio. */
const slope = ({ of, part }: Share, ratio: number): number => (of * ratio - part) / (ratio * (1 - ratio))
