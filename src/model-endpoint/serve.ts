import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { BilledCall, UnbilledRequest } from './billing.ts';
import { deliver, readBody, waitWhileConnected, whenOver, type Delivery } from './http.ts';
import { planStep, type Plan } from './plan.ts';
import { cachedTokens, countPrompt, type CountedPrompt } from './prompt.ts';
import type { Protocol, RequestHeaders } from './protocol.ts';
import { RequestRefused, type ModelRequest } from './request.ts';
import type { Script, Turn } from './script.ts';
import type { CountTokens } from './tokens.ts';

/** What one running endpoint knows. */
export interface EndpointState {
  readonly script: Script;
  readonly count: CountTokens;
  readonly requireKey: boolean;
  readonly promptCaching: boolean;
  readonly calls: BilledCall[];
  readonly unbilled: UnbilledRequest[];
  /** How often each conversation was seen, by its digest. */
  readonly attempts: Map<string, number>;
  /** Digests of the prompt beginnings that were billed, and so are in the cache. */
  readonly cachedPrefixes: Set<string>;
  requestCount: number;
}

/** Answers one `POST` to a model: reads, checks, asks the script, bills, and only then sends. Never rejects. */
export async function serveCall(
  state: EndpointState,
  protocol: Protocol,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  state.requestCount += 1;
  const requestNumber = state.requestCount;
  response.setHeader(...protocol.requestIdHeader(requestNumber));
  try {
    const body = await readBody(incoming);
    const headers = flattenHeaders(incoming.headers);
    protocol.checkHeaders(headers, state.requireKey);
    const request = protocol.readRequest(parseJson(body));
    const prompt = countPrompt(request, body.length, state.count);
    const cached = state.promptCaching ? cachedTokens(prompt, state.cachedPrefixes) : 0;
    const nowMs = Date.now();
    const plan = await askScript(state, makeTurn(state, request, prompt, requestNumber, headers), (step) =>
      planStep(step, {
        protocol,
        request,
        requestNumber,
        prompt,
        cachedTokens: cached,
        createdSeconds: Math.floor(nowMs / 1000),
        count: state.count,
      }),
    );
    const at = new Date(nowMs).toISOString();
    if (plan.billedOutputTokens === undefined) {
      noteUnbilled(state, protocol, requestNumber, plan.delivery.status, plan.delivery.body);
    } else {
      for (const { digest } of prompt.prefixes) state.cachedPrefixes.add(digest);
      bill(state, response, plan.delivery, {
        at,
        protocol: protocol.name,
        model: request.model,
        requestNumber,
        inputTokens: prompt.inputTokens,
        cachedTokens: cached,
        outputTokens: plan.billedOutputTokens,
        requestBytes: body.length,
        maxOutputTokens: request.maxOutputTokens,
      });
    }
    await waitWhileConnected(response, plan.delayMs);
    deliver(response, plan.delivery);
  } catch (error) {
    refuse(state, protocol, requestNumber, response, error);
  }
}

/** A mistake in a script must end a test at once with its message: a 400 is not tried again, a 500 would be. */
async function askScript(
  state: EndpointState,
  turn: Turn,
  plan: (step: Awaited<ReturnType<Script>>) => Plan,
): Promise<Plan> {
  try {
    return plan(await state.script(turn));
  } catch (error) {
    throw new RequestRefused(`The script failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Bills before anything is sent, and marks the call later when the client turns out not to have got it all. */
function bill(
  state: EndpointState,
  response: ServerResponse,
  delivery: Delivery,
  call: Omit<BilledCall, 'status' | 'aborted'>,
): void {
  const whole = delivery.sent === 'whole';
  const index =
    state.calls.push({ ...call, status: delivery.sent === 'nothing' ? null : delivery.status, aborted: !whole }) - 1;
  if (!whole) return;
  void whenOver(response).then((sent) => {
    const billed = state.calls[index];
    if (sent || billed === undefined) return;
    state.calls[index] = { ...billed, status: response.headersSent ? billed.status : null, aborted: true };
  });
}

function refuse(
  state: EndpointState,
  protocol: Protocol,
  requestNumber: number,
  response: ServerResponse,
  error: unknown,
): void {
  // A client that went away in the middle of its request gets no answer and no bill.
  if (response.destroyed) return;
  const message = `The endpoint itself failed: ${error instanceof Error ? error.message : String(error)}`;
  const refused =
    error instanceof RequestRefused
      ? error
      : new RequestRefused(message, { status: 500, type: protocol.errorType(500) });
  noteUnbilled(state, protocol, requestNumber, refused.status, refused.message);
  const body = JSON.stringify(protocol.writeError(refused, requestNumber));
  deliver(response, { status: refused.status, headers: {}, body, sent: 'whole' });
}

function noteUnbilled(
  state: EndpointState,
  protocol: Protocol,
  requestNumber: number,
  status: number,
  message: string,
): void {
  state.unbilled.push({ at: new Date().toISOString(), protocol: protocol.name, requestNumber, status, message });
}

function makeTurn(
  state: EndpointState,
  request: ModelRequest,
  prompt: CountedPrompt,
  requestNumber: number,
  headers: RequestHeaders,
): Turn {
  const conversation = prompt.prefixes.at(-1)?.digest ?? '';
  const attempt = state.attempts.get(conversation) ?? 0;
  state.attempts.set(conversation, attempt + 1);
  const { protocol, model, system, messages, tools, mayCall, maxOutputTokens } = request;
  const lastOwn = messages.findLastIndex(({ role }) => role === 'assistant');
  return {
    protocol,
    index: messages.filter(({ role }) => role === 'assistant').length,
    attempt,
    requestNumber,
    model,
    system,
    messages,
    tools,
    mayCall,
    maxOutputTokens,
    lastUserText: messages.findLast(({ role, text }) => role === 'user' && text !== '')?.text ?? '',
    lastToolResults: messages.slice(lastOwn + 1).flatMap(({ toolResults }) => toolResults),
    headers,
  };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new RequestRefused(
      `We could not parse the JSON body of your request: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function flattenHeaders(headers: IncomingHttpHeaders): RequestHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
