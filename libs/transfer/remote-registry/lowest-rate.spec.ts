import type { Dispatcher } from 'undici';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { lowestRate } from './lowest-rate.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SECOND = 1000;

/** An answer that comes through the interceptor as a test says; `paused` is what its reader does. */
function answering(method: Dispatcher.HttpMethod = 'GET', windowMs = SECOND) {
  const controller = {
    aborted: false,
    paused: false,
    reason: null,
    abort: vi.fn<(reason: Error) => void>(),
    pause: () => undefined,
    resume: () => undefined,
  };
  const got: string[] = [];
  const reader: Dispatcher.DispatchHandler = {
    onResponseStart: () => void got.push('start'),
    onResponseData: (_controller, chunk) => void got.push(`data ${chunk.length}`),
    onResponseEnd: () => void got.push('end'),
  };
  let handler: Dispatcher.DispatchHandler = {};
  const dispatch = lowestRate(windowMs)((_options, given) => {
    handler = given;
    return true;
  });
  dispatch({ method, path: '/' }, reader);
  handler.onResponseStart?.(controller, 200, {});
  return {
    controller,
    got,
    data: (bytes: number) => handler.onResponseData?.(controller, Buffer.alloc(bytes)),
    end: () => handler.onResponseEnd?.(controller, {}),
  };
}

test('an answer that drips is broken off after one window, and says how little came', () => {
  const { controller, data } = answering();
  data(500);
  vi.advanceTimersByTime(SECOND - 1);
  expect(controller.abort).not.toHaveBeenCalled();
  data(500);
  vi.advanceTimersByTime(1);
  expect(controller.abort).toHaveBeenCalledExactlyOnceWith(new Error('only 1000 bytes came in 1 s'));
});

test('an answer that brings enough in every window goes on, and reaches its reader unchanged', () => {
  const { controller, got, data, end } = answering();
  for (let window = 0; window < 3; window += 1) {
    data(1024);
    vi.advanceTimersByTime(SECOND);
  }
  end();
  vi.advanceTimersByTime(10 * SECOND);
  expect(controller.abort).not.toHaveBeenCalled();
  expect(got).toEqual(['start', 'data 1024', 'data 1024', 'data 1024', 'end']);
});

test('a reader that does not take what comes is no fault of the upstream', () => {
  const { controller, data } = answering();
  controller.paused = true;
  data(10);
  vi.advanceTimersByTime(3 * SECOND);
  controller.paused = false;
  vi.advanceTimersByTime(SECOND);
  expect(controller.abort).not.toHaveBeenCalled();
  vi.advanceTimersByTime(SECOND);
  expect(controller.abort).toHaveBeenCalledOnce();
});

test('answers without a body, and remotes without a read timeout, are not watched', () => {
  const answers = [answering('HEAD'), answering('GET', 0)];
  vi.advanceTimersByTime(100 * SECOND);
  for (const { controller } of answers) expect(controller.abort).not.toHaveBeenCalled();
});
