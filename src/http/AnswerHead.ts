import { Fact } from "./Fact.ts"

/** When the upstream's answer began, for who asks for it by putting one of these there. */
export interface Head {
  /** On the monotonic clock, in nanoseconds; undefined before. */
  at: bigint | undefined
}
export interface AnswerHead {
  readonly _: unique symbol
}
export const AnswerHead = new Fact<AnswerHead, Head>("gateway/http/AnswerHead")
