import { Fact } from "../http/Fact.ts"
import type { Middleware } from "./CustomerFlags.ts"
import type { Route } from "./FeatureFlags.ts"

/**
 * How the flags let a signed-in request go. `all` where they have no say: staff who belong to no customer, the
 * gateway's own routes, and trials who are not enrolled: nothing but the gateway keeps them from production. Established by `CustomerFlags`.
 */
export interface Enrolment {
  readonly _: unique symbol
}
export const Enrolment = new Fact<Enrolment, Route | "all">("gateway/flags/Enrolment")

/** Whether the request passes the layer. */
export const passes = (enrolment: Route | "all", layer: keyof Middleware): boolean =>
  enrolment === "all" || enrolment.middleware[layer]
