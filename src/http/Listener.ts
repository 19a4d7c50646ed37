import { Cause, Context, Effect, Exit, Fiber } from "effect"
import { HttpServerError, HttpServerResponse } from "effect/http"
import { type IncomingMessage, type Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { writeAnswer, writeFailure } from "./Answer.ts"
import { closeGently } from "./CloseGently.ts"
import { type Connections, responseOn } from "./Connections.ts"
import { Exchange, type ExchangeShape } from "./Exchange.ts"
import type { Problem } from "./Problems.ts"
import type { Application, Response } from "./Stage.ts"
import { leaveUnreadBody } from "./UnreadBody.ts"

/**
 * Answers the requests of Node's server by an application, one fiber each. A client that goes away interrupts its
 * fiber, marked as `isClientAbort` tells.
 *
 * It is written for a request that is only passed on: such a one costs a context with the exchange in it, a fiber, and
 * a listener (docs/decisions/0009).
 */
export const answerRequests = Effect.fnUntraced(function* (
  server: Server,
  { prepare }: Connections["Service"],
  { read, answer }: Application,
) {
  const services = yield* Effect.context<never>()
  const run = Effect.runForkWith(services)
  const answering = Effect.catchCause(answer, bareAnswer)
  const running = new Map<Fiber.Fiber<Response>, Socket>()

  const finish = (exchange: ExchangeShape, exit: Exit.Exit<Response>): void => {
    try {
      writeAnswer(exchange, Exit.isSuccess(exit) ? exit.value : failed)
    } catch (defect) {
      fail(exchange.response, defect)
    }
  }
  const fail = (response: ServerResponse, defect: unknown): void => {
    run(Effect.logError("A request could not be answered", Cause.die(defect)))
    writeFailure(response)
  }

  const begin = (exchange: ExchangeShape): void => {
    const fiber = Effect.runForkWith(Context.add(services, Exchange, exchange))(answering, uninterruptible)
    const atOnce = fiber.pollUnsafe()
    if (atOnce !== undefined) return finish(exchange, atOnce)
    const { response } = exchange
    running.set(fiber, exchange.request.socket)
    fiber.addObserver((exit) => {
      running.delete(fiber)
      finish(exchange, exit)
    })
    response.on("close", () => {
      if (!response.writableEnded) interrupt(fiber)
    })
  }

  /**
   * Node does not follow a socket that it has given away: it neither reads on, nor ends the requests that were sent
   * ahead when the client goes.
   */
  const follow = (socket: Socket): void => {
    socket
      .on("error", () => {})
      .on("end", () => socket.destroy())
      .on("close", () => {
        for (const [fiber, its] of running) if (its === socket) interrupt(fiber)
      })
      .resume()
  }

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    prepare(response)
    leaveUnreadBody(request, response, run)
    try {
      begin(read(request, response))
    } catch (defect) {
      fail(response, defect)
    }
  }

  const onUpgrade = (request: IncomingMessage, socket: Socket): void => {
    follow(socket)
    const before = responseOn(socket)
    // The answer to a request that was sent ahead is on its way; after it the connection ends, as it may at any time.
    if (before !== undefined) return void before.once("close", () => run(closeGently(socket)))
    const response = new ServerResponse(request)
    response.assignSocket(socket)
    response.once("finish", () => run(closeGently(socket)))
    onRequest(request, response)
  }

  server
    .on("request", onRequest)
    .on("checkContinue", onRequest)
    .on("upgrade", onUpgrade)
    // What is answered is `refuseTunnel`'s to say.
    .on("connect", (_, socket: Socket) => follow(socket))

  return {
    /** Takes no new connections, lets requests in flight finish for as many seconds, and interrupts what is left. */
    drain: Effect.fnUntraced(function* (atMostSeconds: number) {
      const closed = yield* Effect.forkChild(closeOf(server))
      yield* Effect.timeoutOption(Fiber.await(closed), `${atMostSeconds} seconds`)
      yield* Fiber.interruptAll([...running.keys()])
      // Closing would wait for whoever is still there.
      server.closeAllConnections()
      yield* Fiber.await(closed)
    }),
  }
})

/** Its client has gone. */
const interrupt = (fiber: Fiber.Fiber<Response>): void =>
  fiber.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)

const uninterruptible = { uninterruptible: true }

const failed = HttpServerResponse.empty({ status: 500 })

const closeOf = (server: Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    server.close(() => resume(Effect.void))
  })

/** What no stage has turned into an answer leaves with its bare status. */
const bareAnswer = (cause: Cause.Cause<Problem>): Effect.Effect<Response> =>
  Effect.flatMap(HttpServerError.causeResponse(cause), ([response]) =>
    Effect.as(Cause.hasDies(cause) ? Effect.logError("A request failed", cause) : Effect.void, response),
  )
