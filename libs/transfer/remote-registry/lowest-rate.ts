import type { Dispatcher } from 'undici';

/** Bytes in a second that an answer must bring: less is a connection that somebody keeps open for nothing. */
const LOWEST_RATE = 1024;

/**
 * Breaks off answers that bring too little in a window of so many milliseconds, since one byte in time keeps a read timeout
 * from ending them. Windows in which the reader was the slow one do not count; 0: no window.
 */
export function lowestRate(windowMs: number): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const hasBody = windowMs > 0 && options.method !== 'HEAD';
    return dispatch(options, hasBody ? new RatedHandler(handler, windowMs) : handler);
  };
}

class RatedHandler implements Dispatcher.DispatchHandler {
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;
  #wasPaused = false;

  constructor(
    private readonly handler: Dispatcher.DispatchHandler,
    private readonly windowMs: number,
  ) {}

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.handler.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(...upgrade: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>): void {
    this.handler.onRequestUpgrade?.(...upgrade);
  }

  onResponseStart(...start: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>): void {
    const [controller] = start;
    // Informational answers come here too.
    this.#timer ??= setInterval(() => this.#judge(controller), this.windowMs).unref();
    this.handler.onResponseStart?.(...start);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.handler.onResponseData?.(controller, chunk);
    this.#wasPaused ||= controller.paused;
  }

  onResponseEnd(...end: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseEnd']>>): void {
    clearInterval(this.#timer);
    this.handler.onResponseEnd?.(...end);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    clearInterval(this.#timer);
    this.handler.onResponseError?.(controller, error);
  }

  #judge(controller: Dispatcher.DispatchController): void {
    const lowest = (LOWEST_RATE * this.windowMs) / 1000;
    if (!this.#wasPaused && this.#bytes < lowest)
      controller.abort(new Error(`only ${this.#bytes} bytes came in ${this.windowMs / 1000} s`));
    this.#bytes = 0;
    this.#wasPaused = controller.paused;
  }
}
