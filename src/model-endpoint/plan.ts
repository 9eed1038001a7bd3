import { composeAnswer } from './answer.ts';
import type { Delivery } from './http.ts';
import type { CountedPrompt } from './prompt.ts';
import type { Protocol } from './protocol.ts';
import { RequestRefused, type ModelRequest } from './request.ts';
import type { Answer, DelayStep, FailStep, RawStep, Step } from './script.ts';
import type { CountTokens } from './tokens.ts';

/** What a request is answered with, decided before the first byte is sent: so that the bill does not depend on the client. */
export interface Plan {
  readonly delayMs: number;
  readonly delivery: Delivery;
  /** Undefined when the request costs nothing. */
  readonly billedOutputTokens: number | undefined;
}

/** What a plan is made from. */
export interface PlanInput {
  readonly protocol: Protocol;
  readonly request: ModelRequest;
  readonly requestNumber: number;
  readonly prompt: CountedPrompt;
  readonly cachedTokens: number;
  readonly createdSeconds: number;
  readonly count: CountTokens;
}

const CUT_ANSWER: Answer = { say: 'The connection is closed in the middle of this answer.' };

/**
 * Turns a step into what is sent and billed.
 *
 * @throws RangeError when a step makes no sense: a status that is no failure, a negative or fractional count
 */
export function planStep(step: Step, input: PlanInput): Plan {
  let delayMs = 0;
  let act = step;
  while ('delayMs' in act) {
    delayMs += act.delayMs;
    act = act.next;
  }
  return { delayMs, ...planNow(act, input) };
}

function planNow(step: Exclude<Step, DelayStep>, input: PlanInput): Omit<Plan, 'delayMs'> {
  if ('fail' in step) return { delivery: failure(step, input), billedOutputTokens: undefined };
  if ('raw' in step) return planRaw(step, input);
  if ('hang' in step) {
    const never = { status: 0, headers: {}, body: '', sent: 'nothing' } as const;
    return {
      delivery: never,
      billedOutputTokens: step.of === undefined ? 0 : planAnswer(step.of, input).billedOutputTokens,
    };
  }
  if ('truncate' in step) {
    const whole = planAnswer(step.of ?? CUT_ANSWER, input);
    const bytes =
      step.truncate === true ? Buffer.byteLength(whole.delivery.body) >> 1 : checkCount(step.truncate, 'truncate');
    return { ...whole, delivery: { ...whole.delivery, sent: { bytes } } };
  }
  return planAnswer(step, input);
}

function planAnswer(answer: Answer, input: PlanInput): Omit<Plan, 'delayMs'> {
  checkCount(answer.reasoningTokens ?? 0, 'reasoningTokens');
  const { protocol, request, prompt, requestNumber, cachedTokens, createdSeconds } = input;
  const composed = composeAnswer(answer, request.maxOutputTokens, input.count);
  const body = protocol.writeAnswer({
    requestNumber,
    createdSeconds,
    model: request.model,
    composed,
    options: answer,
    inputTokens: prompt.inputTokens,
    cachedTokens,
  });
  const delivery: Delivery = { status: 200, headers: {}, body: JSON.stringify(body), sent: 'whole' };
  return { delivery, billedOutputTokens: composed.outputTokens };
}

function planRaw({ raw }: RawStep, { request, count }: PlanInput): Omit<Plan, 'delayMs'> {
  const delivery: Delivery = { status: raw.status, headers: raw.headers ?? {}, body: raw.body, sent: 'whole' };
  if (raw.status >= 400) return { delivery, billedOutputTokens: undefined };
  return {
    delivery,
    billedOutputTokens: Math.min(count(raw.body), request.maxOutputTokens ?? Number.POSITIVE_INFINITY),
  };
}

function failure({ fail }: FailStep, { protocol, requestNumber }: PlanInput): Delivery {
  const { status } = fail;
  if (!Number.isInteger(status) || status < 400 || status > 599)
    throw new RangeError(`fail.status is ${status}: give 400 to 599`);
  const refused = new RequestRefused(`The scripted endpoint was told to answer ${status}.`, {
    status,
    type: protocol.errorType(status),
    code: { 401: 'invalid_api_key', 429: 'rate_limit_exceeded' }[status] ?? null,
  });
  const body = fail.body ?? protocol.writeError(refused, requestNumber);
  const retryAfter: Record<string, string> =
    fail.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fail.retryAfterSeconds) };
  const headers = { ...retryAfter, ...fail.headers };
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body), sent: 'whole' };
}

function checkCount(value: number, name: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} is ${value}: give a whole number from 0`);
}
