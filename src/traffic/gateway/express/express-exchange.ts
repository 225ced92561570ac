import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { AttemptFailed } from '../attempt.ts'
import type { Counter } from '../counters.ts'
import type { authorizationFor } from '../endpoint-keys.ts'
import {
  errorParts,
  type ForwardTools,
  type GatewayError,
  inOrder,
  overloaded,
  passing,
  refusalOf,
} from '../forward.ts'
import type { GatewayPointer } from '../pointer.ts'
import type { Finished } from '../request-log.ts'
import type { Candidate, RoutedRequest } from '../route.ts'
import { type AnswerHead, readAnswerHead } from './answer-head.ts'
import { type BodyEnd, bodyEnd } from './body-end.ts'
import type { SimpleRequest } from './simple-request.ts'
import type { Wire, WireEnd, WireUser } from './wires.ts'

export interface ExpressRequest {
  readonly simple: SimpleRequest
  /** Whole. */
  readonly body: Buffer | undefined
  readonly pointer: GatewayPointer
  readonly routed: RoutedRequest
  readonly counter: Counter
  readonly keys: typeof authorizationFor
}

/** What has been read of an answer, and what is to be done with the rest. */
interface Answer {
  readonly head: AnswerHead
  readonly end: BodyEnd
  /** Held back until it is whole, so that a broken one can be asked for again; else undefined. */
  readonly held: Buffer[] | undefined
}

/**
 * One simple request on its way to one upstream after the other, with the same rules as `forward`:
 * it is sent again only where nothing can happen twice, and half an answer ends the connection.
 */
export class ExpressExchange implements WireUser {
  readonly #caller: Socket
  readonly #tools: ForwardTools
  readonly #request: ExpressRequest
  readonly #done: (isKept: boolean) => void
  #finished: Finished = () => undefined
  readonly #order: readonly Candidate[]
  #turn = 0
  #wire: Wire | undefined
  #received: Buffer | undefined
  #answer: Answer | undefined

  /** `done` is called once; `isKept` false: the caller's connection cannot be used again. */
  constructor(
    caller: Socket,
    tools: ForwardTools,
    request: ExpressRequest,
    done: (isKept: boolean) => void,
  ) {
    this.#caller = caller
    this.#tools = tools
    this.#request = request
    this.#done = done
    this.#order = inOrder(request.routed, true, tools)
  }

  start(): void {
    const { simple, routed, pointer, counter } = this.#request
    const { requests, budget } = this.#tools
    if (requests.isFull) {
      this.#answerError(overloaded(pointer.epoch))
      return
    }
    const { method, target } = simple
    this.#finished = requests.begin({ method, target, routed, epoch: pointer.epoch, counter })
    budget.earn()
    this.#send()
  }

  /** The caller hung up: nobody waits for an answer, and no upstream failed. */
  abandon(): void {
    this.#wire?.release(false)
    this.#finished({})
  }

  get #candidate(): Candidate {
    // There is always one: requests without candidates are not routed.
    return this.#order[this.#turn] as Candidate
  }

  #send(): void {
    const { simple, body, pointer, routed } = this.#request
    const { member, origin, host, target } = this.#candidate
    const authorization =
      routed.endpoint === undefined
        ? simple.authorization
        : this.#request.keys(pointer, routed.endpoint, member, simple.authorization)
    const wire = this.#tools.upstreams.wires(member, origin).take(this, Date.now())
    this.#wire = wire
    const head = `${simple.method} ${target} HTTP/1.1\r\nhost: ${host}\r\n${simple.headers}${
      authorization === undefined ? '' : `authorization: ${authorization}\r\n`
    }${body === undefined ? '' : `content-length: ${body.length}\r\n`}\r\n`
    if (body === undefined || body.length === 0) wire.socket.write(head, 'latin1')
    else wire.socket.write(joined(head, [body]))
  }

  onData(piece: Buffer): void {
    try {
      if (this.#answer === undefined) this.#readHead(piece)
      else this.#readBody(this.#answer, piece)
    } catch (cause) {
      this.#wire?.release(false)
      this.onEnd({ reason: 'broken', cause })
    }
  }

  #readHead(piece: Buffer): void {
    const bytes = this.#received === undefined ? piece : Buffer.concat([this.#received, piece])
    const head = readAnswerHead(bytes)
    this.#received = head === undefined ? bytes : undefined
    if (head === undefined) return
    const rest = bytes.subarray(head.headBytes)
    // Something comes before the answer; nobody asked for it.
    if (head.status < 200) {
      if (rest.length > 0) this.#readHead(rest)
      return
    }
    if (passing.has(head.status) && this.#mayRetry(false)) {
      this.#wire?.release(false)
      this.#retry()
      return
    }
    this.#begin(head, rest)
  }

  #begin(head: AnswerHead, rest: Buffer): void {
    const { routed } = this.#request
    const { framing } = head
    const isSmall = framing.kind === 'length' && framing.bytes <= this.#tools.heldBytes
    const answer: Answer = {
      head,
      end: bodyEnd(framing),
      held: isSmall && (routed.repeatable || rest.length === framing.bytes) ? [] : undefined,
    }
    this.#answer = answer
    if (answer.held === undefined) this.#caller.write(this.#headText(head), 'latin1')
    this.#readBody(answer, rest)
  }

  #readBody(answer: Answer, piece: Buffer): void {
    const { bytes, isOver } = answer.end.take(piece)
    const ours = bytes === piece.length ? piece : piece.subarray(0, bytes)
    if (answer.held !== undefined) answer.held.push(ours)
    else if (ours.length > 0) this.#pass(ours)
    if (!isOver) return
    if (answer.held !== undefined) {
      this.#caller.write(joined(this.#headText(answer.head), answer.held))
    }
    // More than was announced: who knows what the rest is.
    this.#finish(answer.head, answer.head.isKept && bytes === piece.length)
  }

  #pass(piece: Buffer): void {
    if (this.#caller.write(piece)) return
    const { socket } = this.#wire as Wire
    socket.pause()
    this.#caller.once('drain', () => socket.resume())
  }

  #headText({ text, framing }: AnswerHead): string {
    const { member } = this.#candidate
    const close = framing.kind === 'until-close' ? 'connection: close\r\n' : ''
    return `${text}x-holdfast-member: ${member}\r\nx-holdfast-epoch: ${this.#request.pointer.epoch}\r\n${close}\r\n`
  }

  #finish(head: AnswerHead, isWireKept: boolean): void {
    const { counter } = this.#request
    counter.lastAnswerFrom = this.#candidate.member
    counter.lastAnswerMs = this.#tools.now().getTime()
    if (head.status >= 500) counter.serverErrors++
    if (!passing.has(head.status)) this.#tools.outliers.succeeded(this.#candidate)
    this.#wire?.release(isWireKept)
    this.#finished({ member: this.#candidate.member, status: head.status })
    this.#done(head.framing.kind !== 'until-close')
  }

  onEnd(why: WireEnd): void {
    const answer = this.#answer
    if (answer?.head.framing.kind === 'until-close' && why.reason === 'ended') {
      this.#finish(answer.head, false)
      return
    }
    const hasBegun = answer !== undefined && answer.held === undefined
    // An idle connection that the other end had just closed says nothing about that end.
    const isStale = this.#wire?.isUsed && answer === undefined && why.reason !== 'timeout'
    if (!isStale) this.#tools.outliers.failed(this.#candidate)
    if (hasBegun) {
      this.#request.counter.failed++
      this.#finished({ member: this.#candidate.member, status: answer.head.status })
      this.#caller.destroy()
      return
    }
    if (this.#mayRetry(why.reason === 'unreachable')) this.#retry()
    else this.#refuse(why.reason === 'ended' ? 'broken' : why.reason)
  }

  #mayRetry(isUnsent: boolean): boolean {
    const hasNext = this.#turn + 1 < this.#order.length
    return hasNext && (this.#request.routed.repeatable || isUnsent) && this.#tools.budget.spend()
  }

  #retry(): void {
    this.#request.counter.retried++
    this.#received = undefined
    this.#answer = undefined
    this.#turn++
    this.#send()
  }

  #refuse(reason: AttemptFailed['reason']): void {
    this.#request.counter.failed++
    const { member } = this.#candidate
    const error = refusalOf(reason, member, this.#request.pointer.epoch)
    this.#finished({ member, status: error.status })
    this.#answerError(error)
  }

  #answerError(error: GatewayError): void {
    const { headers, body } = errorParts(error)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const first = `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n`
    this.#caller.write(`${first}${lines.join('')}\r\n${body}`)
    this.#done(true)
  }
}

/** One piece, so that it is one write. */
function joined(head: string, pieces: readonly Buffer[]): Buffer {
  const size = pieces.reduce((sum, { length }) => sum + length, head.length)
  const all = Buffer.allocUnsafe(size)
  let at = all.write(head, 'latin1')
  for (const piece of pieces) at += piece.copy(all, at)
  return all
}
