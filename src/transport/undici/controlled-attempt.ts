/** The same attempt for undici 8: with a controller in place of return values. */
import { UndiciAttempt } from './attempt.js'
import type { ControlledHandler, Controller } from './client.js'

export class ControlledAttempt extends UndiciAttempt implements ControlledHandler {
  #controller: Controller | undefined

  onRequestStart(): void {
    this.onConnect()
  }

  onResponseStart(controller: Controller, status: number, _fields: object, reason: string): void {
    this.#controller = controller
    if (!this.onHeaders(status, controller.rawHeaders ?? [], undefined, reason)) controller.pause()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.onData(chunk)) controller.pause()
  }

  onResponseEnd(controller: Controller): void {
    this.onComplete(controller.rawTrailers)
  }

  onResponseError(_controller: Controller | null, cause: Error): void {
    this.onError(cause)
  }

  override resumeParser(): void {
    this.#controller?.resume()
  }
}
